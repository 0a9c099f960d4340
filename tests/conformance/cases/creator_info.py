"""2.1: what creator_info returns for a posting page."""

from typing import Any

from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys
from conformance.request_bodies import file_source, mp4_bytes
from conformance.scenario import Scenario


@case("2.1", "every field is there")
def _(scenario: Scenario) -> None:
    check_keys(
        scenario.account().creator_info().data,
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
def _(scenario: Scenario) -> None:
    account = scenario.account(nickname="Name ✓ <b>")
    data = account.creator_info().data
    check_equal((data["creator_username"], data["creator_nickname"]), (account.username, "Name ✓ <b>"))


@case("2.1", "the avatar can be had")
def _(scenario: Scenario) -> None:
    reply = scenario.sandbox.send("GET", scenario.account().creator_info().data["creator_avatar_url"])
    check_equal(reply.status, 200)
    check(reply.headers["content-type"].startswith("image/"), reply.headers["content-type"])


@case("2.1", "a public account's levels: everyone, friends, itself")
def _(scenario: Scenario) -> None:
    options = scenario.account().creator_info().data["privacy_level_options"]
    check_equal(options, ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])


@case("2.1", "a private account's levels: followers, friends, itself")
def _(scenario: Scenario) -> None:
    options = scenario.account(private_account=True).creator_info().data["privacy_level_options"]
    check_equal(options, ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])


@case("2.1", "options follow the account: once private, no longer public")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.creator_account(account.username, private_account=True)
    check("PUBLIC_TO_EVERYONE" not in account.creator_info().data["privacy_level_options"], "still public")


@case("2.1", "a public account forbids nothing by itself")
def _(scenario: Scenario) -> None:
    data = scenario.account().creator_info().data
    check_equal((data["comment_disabled"], data["duet_disabled"], data["stitch_disabled"]), (False, False, False))


@case("2.1", "a private account allows comments, no duets or stitches")
def _(scenario: Scenario) -> None:
    data = scenario.account(private_account=True).creator_info().data
    check_equal((data["comment_disabled"], data["duet_disabled"], data["stitch_disabled"]), (False, True, True))


@case("2.1", "{field} shows what the creator forbids, and only that", field=["comment", "duet", "stitch"])
def _(scenario: Scenario, field: str) -> None:
    forbidden: dict[str, Any] = {f"{field}_disabled": True}
    data = scenario.account(**forbidden).creator_info().data
    found = {name for name in ("comment", "duet", "stitch") if data[f"{name}_disabled"]}
    check_equal(found, {field})


@case("2.1", "the longest video is each creator's own")
def _(scenario: Scenario) -> None:
    check_equal(scenario.account().creator_info().data["max_video_post_duration_sec"], 3_600)
    check_equal(
        scenario.account(max_video_post_duration_sec=300).creator_info().data["max_video_post_duration_sec"], 300
    )


@case("2.1", "spam_risk_user_banned_from_posting comes with HTTP 200")
def _(scenario: Scenario) -> None:
    reply = scenario.account(banned=True).creator_info()
    check_equal((reply.status, reply.code), (200, "spam_risk_user_banned_from_posting"))


@case("2.1", "spam_risk_too_many_posts comes with HTTP 200")
def _(scenario: Scenario) -> None:
    reply = scenario.account(posted_elsewhere=15).creator_info()
    check_equal((reply.status, reply.code), (200, "spam_risk_too_many_posts"))


@case("2.1", "reached_active_user_cap comes with HTTP 200")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=1)
    scenario.account(app).init()
    reply = scenario.account(app).creator_info()
    check_equal((reply.status, reply.code), (200, "reached_active_user_cap"))


@case("2.1", "even an unaudited app is offered PUBLIC_TO_EVERYONE")
def _(scenario: Scenario) -> None:
    options = scenario.account(scenario.app(audited=False)).creator_info().data["privacy_level_options"]
    check("PUBLIC_TO_EVERYONE" in options, f"{options}")


@case("2.1", "asking changes nothing: no post, no place in a cap")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=1)
    for _ in range(3):
        check_equal(scenario.account(app).creator_info().code, "ok")
    check_equal(scenario.account(app).init(file_source(len(mp4_bytes(9)))).code, "ok")
