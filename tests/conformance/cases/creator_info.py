"""2.1: what a posting page is told about a creator."""

from typing import Any

from conformance.book import case
from conformance.reply import has_keys, holds, same
from conformance.stage import Stage
from conformance.wishes import by_file, movie


@case("2.1", "every field is there")
def _(stage: Stage) -> None:
    has_keys(
        stage.account().creator_info().data,
        [
            "creator_avatar_url",
            "creator_username",
            "creator_nickname",
            "privacy_level_options",
            "comment_disabled",
            "duet_disabled",
            "stitch_disabled",
            "max_video_post_duration_sec",
        ],
    )


@case("2.1", "the handle and the nickname are the person's")
def _(stage: Stage) -> None:
    account = stage.account(nickname="Name ✓ <b>")
    data = account.creator_info().data
    same((data["creator_username"], data["creator_nickname"]), (account.username, "Name ✓ <b>"))


@case("2.1", "the avatar can be had")
def _(stage: Stage) -> None:
    reply = stage.place.send("GET", stage.account().creator_info().data["creator_avatar_url"])
    same(reply.status, 200)
    holds(reply.headers["content-type"].startswith("image/"), reply.headers["content-type"])


@case("2.1", "a public account can post to everyone, friends and itself, in that order")
def _(stage: Stage) -> None:
    options = stage.account().creator_info().data["privacy_level_options"]
    same(options, ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])


@case("2.1", "a private account can post to followers, friends and itself, in that order")
def _(stage: Stage) -> None:
    options = stage.account(private_account=True).creator_info().data["privacy_level_options"]
    same(options, ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])


@case("2.1", "options follow the account: once private, no longer public")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.person(account.username, private_account=True)
    holds("PUBLIC_TO_EVERYONE" not in account.creator_info().data["privacy_level_options"], "still public")


@case("2.1", "a public account forbids nothing by itself")
def _(stage: Stage) -> None:
    data = stage.account().creator_info().data
    same((data["comment_disabled"], data["duet_disabled"], data["stitch_disabled"]), (False, False, False))


@case("2.1", "a private account allows comments, but no duets and no stitches")
def _(stage: Stage) -> None:
    data = stage.account(private_account=True).creator_info().data
    same((data["comment_disabled"], data["duet_disabled"], data["stitch_disabled"]), (False, True, True))


@case("2.1", "{field} tells what the creator forbids, and only that", field=["comment", "duet", "stitch"])
def _(stage: Stage, field: str) -> None:
    forbidden: dict[str, Any] = {f"{field}_disabled": True}
    data = stage.account(**forbidden).creator_info().data
    found = {name for name in ("comment", "duet", "stitch") if data[f"{name}_disabled"]}
    same(found, {field})


@case("2.1", "the longest video is each creator's own")
def _(stage: Stage) -> None:
    same(stage.account().creator_info().data["max_video_post_duration_sec"], 3_600)
    same(stage.account(max_video_post_duration_sec=300).creator_info().data["max_video_post_duration_sec"], 300)


@case("2.1", "spam_risk_user_banned_from_posting comes with HTTP 200")
def _(stage: Stage) -> None:
    reply = stage.account(banned=True).creator_info()
    same((reply.status, reply.code), (200, "spam_risk_user_banned_from_posting"))


@case("2.1", "spam_risk_too_many_posts comes with HTTP 200")
def _(stage: Stage) -> None:
    reply = stage.account(posted_elsewhere=15).creator_info()
    same((reply.status, reply.code), (200, "spam_risk_too_many_posts"))


@case("2.1", "reached_active_user_cap comes with HTTP 200")
def _(stage: Stage) -> None:
    app = stage.app(active_creator_cap=1)
    stage.account(app).init()
    reply = stage.account(app).creator_info()
    same((reply.status, reply.code), (200, "reached_active_user_cap"))


@case("2.1", "even an unaudited app is offered PUBLIC_TO_EVERYONE")
def _(stage: Stage) -> None:
    options = stage.account(stage.app(audited=False)).creator_info().data["privacy_level_options"]
    holds("PUBLIC_TO_EVERYONE" in options, f"{options}")


@case("2.1", "asking changes nothing: no post, no place in a cap")
def _(stage: Stage) -> None:
    app = stage.app(active_creator_cap=1)
    for _ in range(3):
        same(stage.account(app).creator_info().code, "ok")
    same(stage.account(app).init(by_file(len(movie(9)))).code, "ok")
