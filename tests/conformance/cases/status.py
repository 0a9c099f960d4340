"""2.7: where a publication stands, from the first byte to the last change of mind."""

from conformance.account import Account
from conformance.book import case
from conformance.place import FILES, PROCESSING, PUBLIC
from conformance.reply import has_keys, holds, refused, same
from conformance.stage import Stage
from conformance.wishes import ALL_SCOPES, EVERYONE, JPEG, PUBLISH, by_file, by_url, movie

CHUNK = 5_242_880
IDS = "publicaly_available_post_id"


def _fetching(stage: Stage) -> Account:
    return stage.account(stage.app(verified_urls=[FILES]))


@case("2.7", "an upload begins as PROCESSING_UPLOAD with 0 bytes and nothing else to tell")
def _(stage: Stage) -> None:
    account = stage.account()
    data = account.status(account.ticket().publish_id).data
    same(data, {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0})


@case("2.7", "uploaded_bytes is a count of whole stored chunks")
def _(stage: Stage) -> None:
    account = stage.account()
    total = 2 * CHUNK + 7
    ticket = account.ticket(by_file(total, CHUNK, 2))
    stage.put(ticket.url, bytes(CHUNK), total=total)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=CHUNK)
    stage.put(ticket.url, bytes(CHUNK + 7), first=CHUNK, total=total)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=total)


@case("2.7", "with all bytes there it stays PROCESSING_UPLOAD while TikTok works on it")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.uploaded()
    stage.advance(PROCESSING - 2)
    account.expect(publish_id, "PROCESSING_UPLOAD", uploaded_bytes=1_000)


@case("2.7", "then it is PUBLISH_COMPLETE, still without an id while moderation goes on")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed()
    stage.advance(PUBLIC - 10)
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "once moderation is over, a public post has its id")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    (post,) = stage.ledger(publish_id)
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: [int(post["post_id"])]})


@case("2.7", "ids are JSON numbers in a field TikTok spells publicaly_available_post_id")
def _(stage: Stage) -> None:
    account = stage.account()
    body = account.status(account.posted()).body
    holds(b'"publicaly_available_post_id": [76' in body or b'"publicaly_available_post_id":[76' in body, f"{body!r}")


@case("2.7", "a post for {level} never has an id", level=["MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
def _(stage: Stage, level: str) -> None:
    account = stage.account()
    publish_id = account.posted(privacy_level=level)
    stage.advance(86_400)
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a download begins as PROCESSING_DOWNLOAD with 0 bytes")
def _(stage: Stage) -> None:
    account = _fetching(stage)
    data = account.status(account.init(by_url(stage.file(movie(9), pause_after=0))).data["publish_id"]).data
    same(data, {"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 0})


@case("2.7", "a download that is over is PUBLISH_COMPLETE, then public")
def _(stage: Stage) -> None:
    account = _fetching(stage)
    publish_id = account.init(by_url(stage.file(movie(9)))).data["publish_id"]
    same(account.fetched(publish_id)["status"], "PUBLISH_COMPLETE")
    stage.advance(PUBLIC + 1)
    holds(account.video_id(publish_id), "no id")


@case("2.7", "a draft goes from PROCESSING_UPLOAD to SEND_TO_USER_INBOX")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.uploaded(draft=True)
    account.expect(publish_id, "PROCESSING_UPLOAD", uploaded_bytes=1_000)
    stage.advance(PROCESSING + 1)
    account.expect(publish_id, "SEND_TO_USER_INBOX", **{IDS: None})


@case("2.7", "a draft that its person posts is PUBLISH_COMPLETE, then public")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed(draft=True)
    stage.publication(publish_id, "post", privacy_level=EVERYONE)
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})
    stage.advance(PUBLIC + 1)
    same(len(account.status(publish_id).data[IDS]), 1, "ids")


@case("2.7", "a draft posted three times has three ids")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed(draft=True)
    for _ in range(3):
        stage.publication(publish_id, "post", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(len(set(account.status(publish_id).data[IDS])), 3, "ids")


@case("2.7", "a draft cannot be posted before it is in the inbox")
def _(stage: Stage) -> None:
    publish_id = stage.account().uploaded(draft=True)
    same(stage.place.admin("POST", f"publications/{publish_id}/post", {}).status, 409)


@case("2.7", "a photo post goes from PROCESSING_DOWNLOAD to PUBLISH_COMPLETE")
def _(stage: Stage) -> None:
    account = _fetching(stage)
    publish_id = account.photos(stage.file(JPEG)).data["publish_id"]
    same(account.status(publish_id).data["status"], "PROCESSING_DOWNLOAD")
    same(account.fetched(publish_id)["status"], "PUBLISH_COMPLETE")


_REASONS = (
    "file_format_check_failed",
    "duration_check_failed",
    "frame_rate_check_failed",
    "picture_size_check_failed",
    "internal",
    "video_pull_failed",
    "photo_pull_failed",
    "publish_cancelled",
    "auth_removed",
    "spam_risk_too_many_posts",
    "spam_risk_user_banned_from_posting",
    "spam_risk_text",
    "spam_risk",
)


@case("2.7", "processing may end as FAILED with {reason}", reason=_REASONS)
def _(stage: Stage, reason: str) -> None:
    account = stage.account()
    with stage.rule(endpoint="processing", action="error", code=reason, open_id=account.open_id):
        publish_id = account.uploaded()
    account.expect(publish_id, "PROCESSING_UPLOAD", fail_reason=None)
    stage.advance(PROCESSING + 1)
    account.expect(publish_id, "FAILED", fail_reason=reason, **{IDS: None})
    same(stage.ledger(publish_id), [])


@case("2.7", "FAILED is for ever")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.uploaded()
    stage.publication(publish_id, "fail", reason="internal")
    stage.advance(86_400)
    account.expect(publish_id, "FAILED", fail_reason="internal")


@case("2.7", "a draft may fail, too")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="processing", action="error", code="duration_check_failed", open_id=account.open_id):
        publish_id = account.processed(draft=True)
    account.expect(publish_id, "FAILED", fail_reason="duration_check_failed")


@case("2.7", "fail_reason is there only if it failed")
def _(stage: Stage) -> None:
    account = stage.account()
    holds("fail_reason" not in account.status(account.posted()).data, "a reason for nothing")


@case("2.7", "auth_removed: the app gave the permission back while bytes were missing")
def _(stage: Stage) -> None:
    account = stage.account()
    ticket = account.ticket(by_file(9))
    stage.revoke({**account.app.credentials, "token": account.token})
    same(stage.put(ticket.url, movie(9)).status, 404)
    account.expect(ticket.publish_id, "FAILED", fail_reason="auth_removed")


@case("2.7", "auth_removed: the person disconnected while TikTok worked on it")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.uploaded()
    stage.place.arrange(f"creators/{account.open_id}/disconnect", {})
    stage.advance(100)
    account.expect(publish_id, "FAILED", fail_reason="auth_removed")


@case("2.7", "auth_removed: the person disconnected during a download")
def _(stage: Stage) -> None:
    account = _fetching(stage)
    publish_id = account.init(by_url(stage.file(movie(900), pause_after=100))).data["publish_id"]
    stage.place.arrange(f"creators/{account.open_id}/disconnect", {})
    account.expect(publish_id, "FAILED", fail_reason="auth_removed")


@case("2.7", "what was posted before the person disconnected stays posted")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    stage.place.arrange(f"creators/{account.open_id}/disconnect", {})
    same(len(account.expect(publish_id, "PUBLISH_COMPLETE")[IDS]), 1)


@case("2.7", "spam_risk_user_banned_from_posting: banned between the init and the last byte")
def _(stage: Stage) -> None:
    account = stage.account()
    ticket = account.ticket(by_file(9))
    stage.person(account.username, banned=True)
    stage.put(ticket.url, movie(9))
    stage.advance(PROCESSING + 1)
    account.expect(ticket.publish_id, "FAILED", fail_reason="spam_risk_user_banned_from_posting")


@case("2.7", "spam_risk_too_many_posts: the day was used up between the init and the last byte")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    tickets = [account.ticket(by_file(9)), account.ticket(by_file(9))]
    for each in tickets:
        stage.put(each.url, movie(9))
    stage.advance(PROCESSING + 1)
    account.expect(tickets[0].publish_id, "PUBLISH_COMPLETE")
    account.expect(tickets[1].publish_id, "FAILED", fail_reason="spam_risk_too_many_posts")


@case("2.7", "a post that is taken down loses its id and stays PUBLISH_COMPLETE")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    stage.publication(publish_id, "takedown")
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a post that was taken down cannot be shown again")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    stage.publication(publish_id, "takedown")
    stage.place.admin("POST", f"publications/{publish_id}/visibility", {"privacy_level": "PUBLIC_TO_EVERYONE"})
    stage.advance(1_000)
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a post taken down before moderation was over never gets its id")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed()
    stage.publication(publish_id, "takedown")
    stage.advance(PUBLIC + 1)
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a post its person hides loses its id, and has it again when shown")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    before = account.video_id(publish_id)
    stage.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: None})
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    same(account.video_id(publish_id), before)


@case("2.7", "a private post its person shows to everyone gets an id")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted(privacy_level="SELF_ONLY")
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    holds(account.video_id(publish_id), "no id")


@case("2.7", "of a draft's several posts only those still public are told")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed(draft=True)
    for _ in range(2):
        stage.publication(publish_id, "post", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    first, second = account.status(publish_id).data[IDS]
    stage.publication(publish_id, "takedown", post_id=str(first))
    account.expect(publish_id, "PUBLISH_COMPLETE", **{IDS: [second]})


@case("2.7", "an upload nobody ends stays PROCESSING_UPLOAD, or is FAILED after its hour, as it is set")
def _(stage: Stage) -> None:
    account = stage.account()
    stuck = account.ticket().publish_id
    with stage.settings(abandoned="failed"):
        given_up = account.ticket().publish_id
    stage.advance(3_700)
    account.expect(stuck, "PROCESSING_UPLOAD", uploaded_bytes=0)
    account.expect(given_up, "FAILED", fail_reason="internal")


@case("2.7", "a publication can be asked about days later")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    stage.advance(30 * 86_400)
    account.expect(publish_id, "PUBLISH_COMPLETE")


@case("2.7", "invalid_publish_id: {publish_id}", publish_id={"made up": "v_pub_file~v2-1.123", "empty": ""})
def _(stage: Stage, publish_id: str) -> None:
    refused(stage.account().status(publish_id), 400, "invalid_publish_id")


@case("2.7", "a body with {body} is refused", body={"nothing": b"", "no id": {}, "a number": {"publish_id": 7}})
def _(stage: Stage, body: object) -> None:
    same(stage.account().call(f"{PUBLISH}status/fetch/", body).status, 400)


@case("2.7", "token_not_authorized_for_specified_publish_id: somebody else's")
def _(stage: Stage) -> None:
    account = stage.account()
    reply = stage.account(account.app).status(account.ticket().publish_id)
    refused(reply, 400, "token_not_authorized_for_specified_publish_id")


@case("2.7", "token_not_authorized_for_specified_publish_id: the same person's through another app")
def _(stage: Stage) -> None:
    account = stage.account()
    elsewhere = stage.account(stage.app(), username=account.username)
    reply = elsewhere.status(account.ticket().publish_id)
    refused(reply, 400, "token_not_authorized_for_specified_publish_id")


@case(
    "2.7",
    "either posting scope is enough to ask",
)
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.ticket().publish_id
    for left_out in ("video.publish", "video.upload"):
        scopes = [scope for scope in ALL_SCOPES if scope != left_out]
        same(stage.account(account.app, username=account.username, scopes=scopes).status(publish_id).code, "ok")


@case("2.7", "asking changes nothing")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.uploaded()
    found = {account.status(publish_id).data["status"] for _ in range(20)}
    same(found, {"PROCESSING_UPLOAD"})


@case("2.7", "post_info is taken from the init: what the account becomes later changes nothing")
def _(stage: Stage) -> None:
    account = stage.account()
    ticket = account.ticket(by_file(9), privacy_level=EVERYONE)
    stage.person(account.username, comment_disabled=True)
    stage.put(ticket.url, movie(9))
    stage.advance(100)
    same(stage.ledger(ticket.publish_id)[0]["settings"]["disable_comment"], wanted=False)
    has_keys(account.status(ticket.publish_id).data, ["status", "uploaded_bytes", IDS])
