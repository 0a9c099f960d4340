"""5, first half: what an app is told, and when."""

import json

from conformance.book import case
from conformance.ear import COMPLETE, FAILED, INBOX, NO_LONGER, PUBLIC_NOW, REMOVED, body_of, ear_of, posted
from conformance.place import FILES, PROCESSING, PUBLIC
from conformance.reply import has_keys, holds, same
from conformance.stage import Stage
from conformance.wishes import EVERYONE, by_file, by_url, movie


@case("5", "a public direct post: post.publish.complete, then post.publish.publicly_available")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage)
    same(ear.events(), [COMPLETE, PUBLIC_NOW])


@case("5", "nothing is told before it is true")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    account = stage.account(ear.app)
    account.uploaded()
    stage.advance(PROCESSING - 2)
    same(ear.events(), [])
    stage.advance(3)
    same(ear.events(), [COMPLETE])
    stage.advance(PUBLIC - 5)
    same(ear.events(), [COMPLETE])


@case("5", "a post for {level}: complete only", level=["SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS"])
def _(stage: Stage, level: str) -> None:
    ear, _, _ = posted(stage, privacy_level=level)
    stage.advance(1_000)
    same(ear.events(), [COMPLETE])


@case("5", "a private post that is shown to everyone: publicly_available then")
def _(stage: Stage) -> None:
    ear, _, publish_id = posted(stage, privacy_level="SELF_ONLY")
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(ear.events(), [COMPLETE, PUBLIC_NOW])


@case("5", "a draft: post.publish.inbox_delivered, and nothing more by itself")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    stage.account(ear.app).processed(draft=True)
    stage.advance(10_000)
    same(ear.events(), [INBOX])


@case("5", "a draft that is posted: complete, publicly_available")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    publish_id = stage.account(ear.app).processed(draft=True)
    stage.publication(publish_id, "post", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(ear.events(), [INBOX, COMPLETE, PUBLIC_NOW])


@case("5", "a draft that is posted twice: complete twice for one publish_id, two post ids")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    publish_id = stage.account(ear.app).processed(draft=True)
    for _ in range(2):
        stage.publication(publish_id, "post", privacy_level=EVERYONE)
        stage.advance(PUBLIC + 1)
    same(ear.events(), [INBOX, COMPLETE, PUBLIC_NOW, COMPLETE, PUBLIC_NOW])
    ids = {json.loads(body_of(each)["content"]).get("post_id") for each in ear.heard()} - {None}
    same(len(ids), 2, "post ids")


@case("5", "a post that is taken down: post.publish.no_longer_publicaly_available")
def _(stage: Stage) -> None:
    ear, account, publish_id = posted(stage)
    video_id = account.video_id(publish_id)
    stage.publication(publish_id, "takedown")
    same(ear.events(), [COMPLETE, PUBLIC_NOW, NO_LONGER])
    same(ear.only(NO_LONGER)["post_id"], video_id)


@case("5", "a post that is hidden and shown again: no_longer_publicaly_available, then publicly_available")
def _(stage: Stage) -> None:
    ear, _, publish_id = posted(stage)
    stage.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    stage.advance(5)
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(ear.events(), [COMPLETE, PUBLIC_NOW, NO_LONGER, PUBLIC_NOW])


@case("5", "a post taken down before it was public is never told to be so")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    publish_id = stage.account(ear.app).processed()
    stage.publication(publish_id, "takedown")
    stage.advance(PUBLIC + 1)
    same(ear.events(), [COMPLETE])


@case(
    "5",
    "post.publish.failed carries reason {reason}",
    reason=["file_format_check_failed", "internal", "spam_risk_text"],
)
def _(stage: Stage, reason: str) -> None:
    ear = ear_of(stage)
    account = stage.account(ear.app)
    with stage.rule(endpoint="processing", action="error", code=reason, open_id=account.open_id):
        publish_id = account.processed()
    same(ear.events(), [FAILED])
    same(ear.only(FAILED), {"publish_id": publish_id, "reason": reason, "publish_type": "DIRECT_PUBLISH"})


@case("5", "failed comes for a download, too: video_pull_failed")
def _(stage: Stage) -> None:
    ear = ear_of(stage, verified_urls=[FILES])
    account = stage.account(ear.app)
    account.fetched(account.init(by_url(stage.file(status=404))).data["publish_id"])
    same(ear.only(FAILED)["reason"], "video_pull_failed")


@case("5", "failed comes after cancel/: publish_cancelled")
def _(stage: Stage) -> None:
    ear = ear_of(stage, verified_urls=[FILES])
    account = stage.account(ear.app)
    account.cancel(account.init(by_url(stage.file(movie(99), pause_after=9))).data["publish_id"])
    same(ear.only(FAILED)["reason"], "publish_cancelled")


@case("5", "authorization.removed with reason 5 after the app gave the permission back")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    account = stage.account(ear.app)
    stage.revoke({**ear.app.credentials, "token": account.token})
    same((ear.events(), ear.only(REMOVED)), ([REMOVED], {"reason": 5}))


@case("5", "authorization.removed with reason 1 after the person disconnected")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    stage.place.arrange(f"creators/{stage.account(ear.app).open_id}/disconnect", {})
    same(ear.only(REMOVED), {"reason": 1})


@case(
    "5",
    "authorization.removed with reason {reason}",
    reason={"0, unknown": 0, "2, account deleted": 2, "3, age changed": 3, "4, account banned": 4},
)
def _(stage: Stage, reason: int) -> None:
    ear = ear_of(stage)
    stage.place.arrange(f"creators/{stage.account(ear.app).open_id}/disconnect", {"reason": reason})
    same(ear.only(REMOVED), {"reason": reason})


@case("5", "the token is dead when authorization.removed arrives")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    account = stage.account(ear.app)
    stage.place.arrange(f"creators/{account.open_id}/disconnect", {})
    same((len(ear.heard()), account.creator_info().code), (1, "access_token_invalid"))


@case("5", "a permission that ends fails what is under way: failed with auth_removed, and authorization.removed")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    account = stage.account(ear.app)
    account.ticket(by_file(9))
    stage.revoke({**ear.app.credentials, "token": account.token})
    same((sorted(ear.events()), ear.only(FAILED)["reason"]), (sorted([FAILED, REMOVED]), "auth_removed"))


@case("5", "only the app that posted is told of a post")
def _(stage: Stage) -> None:
    ear, account, _ = posted(stage)
    other = ear_of(stage)
    stage.account(other.app, username=account.username)
    account.posted()
    same((len(ear.heard()), other.heard()), (4, []))


@case("5", "an app without an address is told nothing")
def _(stage: Stage) -> None:
    account = stage.account()
    account.posted()
    found = stage.place.admin("GET", f"webhooks?client_key={account.app.client_key}").json["deliveries"]
    same(found, [])


@case("5", "the body is JSON with five keys")
def _(stage: Stage) -> None:
    ear, account, _ = posted(stage)
    told = body_of(ear.heard()[0])
    has_keys(told, ["client_key", "event", "create_time", "user_openid", "content"])
    same((told["client_key"], told["user_openid"]), (ear.app.client_key, account.open_id))


@case("5", "content is a text that holds JSON: {event}", event={"complete": COMPLETE, "public": PUBLIC_NOW})
def _(stage: Stage, event: str) -> None:
    ear, _, publish_id = posted(stage)
    told = next(body_of(each) for each in ear.heard() if body_of(each)["event"] == event)
    holds(isinstance(told["content"], str), f"{told['content']!r}")
    content = json.loads(told["content"])
    has_keys(content, ["publish_id", "publish_type", *(["post_id"] if event == PUBLIC_NOW else [])])
    same((content["publish_id"], content["publish_type"]), (publish_id, "DIRECT_PUBLISH"))


@case("5", "a draft's publish_type is INBOX_SHARE")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    publish_id = stage.account(ear.app).processed(draft=True)
    same(ear.only(INBOX), {"publish_id": publish_id, "publish_type": "INBOX_SHARE"})


@case("5", "post_id is a text, the same the status tells as a number")
def _(stage: Stage) -> None:
    ear, account, publish_id = posted(stage)
    same(ear.only(PUBLIC_NOW)["post_id"], account.video_id(publish_id))


@case("5", "create_time is seconds, of the moment it came true")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage)
    first, second = (body_of(each)["create_time"] for each in ear.heard())
    holds(isinstance(first, int), f"{first!r}")
    same(second - first, int(PUBLIC), "from complete to publicly_available")


@case("5", "it is a POST of application/json, without a handshake before it")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage)
    same({each.method for each in ear.heard()}, {"POST"})
    holds(ear.heard()[0].headers["content-type"].startswith("application/json"), "another Content-Type")
