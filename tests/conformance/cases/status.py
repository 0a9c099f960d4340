"""2.7: the status of a publication, from the first byte to the last change."""

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_refused
from conformance.request_bodies import ALL_SCOPES, EVERYONE, JPEG, PUBLISH, file_source, mp4_bytes, url_source
from conformance.sandbox_client import FILE_HOST, PROCESSING, PUBLIC
from conformance.scenario import Scenario

CHUNK = 5_242_880
IDS = "publicaly_available_post_id"


def _fetching(scenario: Scenario) -> Account:
    return scenario.account(scenario.app(verified_urls=[FILE_HOST]))


@case("2.7", "an upload begins as PROCESSING_UPLOAD with 0 bytes")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    data = account.status(account.open_upload().publish_id).data
    check_equal(data, {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0})


@case("2.7", "uploaded_bytes is a count of whole stored chunks")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    total = 2 * CHUNK + 7
    target = account.open_upload(file_source(total, CHUNK, 2))
    scenario.put(target.url, bytes(CHUNK), total=total)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=CHUNK)
    scenario.put(target.url, bytes(CHUNK + 7), first=CHUNK, total=total)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=total)


@case("2.7", "a complete upload stays PROCESSING_UPLOAD in processing")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_video()
    scenario.advance(PROCESSING - 2)
    account.check_status(publish_id, "PROCESSING_UPLOAD", uploaded_bytes=1_000)


@case("2.7", "then it is PUBLISH_COMPLETE, without an id in moderation")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process()
    scenario.advance(PUBLIC - 10)
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "once moderation is over, a public post has its id")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    (post,) = scenario.ledger(publish_id)
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: [int(post["post_id"])]})


@case("2.7", "ids are JSON numbers in publicaly_available_post_id")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    body = account.status(account.post_publicly()).body
    check(b'"publicaly_available_post_id": [76' in body or b'"publicaly_available_post_id":[76' in body, f"{body!r}")


@case("2.7", "a post for {level} never has an id", level=["MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
def _(scenario: Scenario, level: str) -> None:
    account = scenario.account()
    publish_id = account.post_publicly(privacy_level=level)
    scenario.advance(86_400)
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a download begins as PROCESSING_DOWNLOAD with 0 bytes")
def _(scenario: Scenario) -> None:
    account = _fetching(scenario)
    data = account.status(account.init(url_source(scenario.file(mp4_bytes(9), pause_after=0))).data["publish_id"]).data
    check_equal(data, {"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 0})


@case("2.7", "a download that is over is PUBLISH_COMPLETE, then public")
def _(scenario: Scenario) -> None:
    account = _fetching(scenario)
    publish_id = account.init(url_source(scenario.file(mp4_bytes(9)))).data["publish_id"]
    check_equal(account.wait_for_download(publish_id)["status"], "PUBLISH_COMPLETE")
    scenario.advance(PUBLIC + 1)
    check(account.video_id(publish_id), "no id")


@case("2.7", "a draft goes from PROCESSING_UPLOAD to SEND_TO_USER_INBOX")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_video(draft=True)
    account.check_status(publish_id, "PROCESSING_UPLOAD", uploaded_bytes=1_000)
    scenario.advance(PROCESSING + 1)
    account.check_status(publish_id, "SEND_TO_USER_INBOX", **{IDS: None})


@case("2.7", "a draft that is posted is PUBLISH_COMPLETE, then public")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process(draft=True)
    scenario.publication(publish_id, "post", privacy_level=EVERYONE)
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})
    scenario.advance(PUBLIC + 1)
    check_equal(len(account.status(publish_id).data[IDS]), 1, "ids")


@case("2.7", "a draft posted three times has three ids")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process(draft=True)
    for _ in range(3):
        scenario.publication(publish_id, "post", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    check_equal(len(set(account.status(publish_id).data[IDS])), 3, "ids")


@case("2.7", "a draft cannot be posted before it is in the inbox")
def _(scenario: Scenario) -> None:
    publish_id = scenario.account().upload_video(draft=True)
    check_equal(scenario.sandbox.admin("POST", f"publications/{publish_id}/post", {}).status, 409)


@case("2.7", "photos go from PROCESSING_DOWNLOAD to PUBLISH_COMPLETE")
def _(scenario: Scenario) -> None:
    account = _fetching(scenario)
    publish_id = account.photos(scenario.file(JPEG)).data["publish_id"]
    check_equal(account.status(publish_id).data["status"], "PROCESSING_DOWNLOAD")
    check_equal(account.wait_for_download(publish_id)["status"], "PUBLISH_COMPLETE")


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
def _(scenario: Scenario, reason: str) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="processing", action="error", code=reason, open_id=account.open_id):
        publish_id = account.upload_video()
    account.check_status(publish_id, "PROCESSING_UPLOAD", fail_reason=None)
    scenario.advance(PROCESSING + 1)
    account.check_status(publish_id, "FAILED", fail_reason=reason, **{IDS: None})
    check_equal(scenario.ledger(publish_id), [])


@case("2.7", "FAILED is for ever")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_video()
    scenario.publication(publish_id, "fail", reason="internal")
    scenario.advance(86_400)
    account.check_status(publish_id, "FAILED", fail_reason="internal")


@case("2.7", "a draft may fail, too")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="processing", action="error", code="duration_check_failed", open_id=account.open_id):
        publish_id = account.upload_and_process(draft=True)
    account.check_status(publish_id, "FAILED", fail_reason="duration_check_failed")


@case("2.7", "fail_reason is there only if it failed")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check("fail_reason" not in account.status(account.post_publicly()).data, "a reason for nothing")


@case("2.7", "auth_removed: the app revoked during the upload")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    target = account.open_upload(file_source(9))
    scenario.revoke({**account.app.credentials, "token": account.token})
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 404)
    account.check_status(target.publish_id, "FAILED", fail_reason="auth_removed")


@case("2.7", "auth_removed: the person disconnected in processing")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_video()
    scenario.sandbox.must_post(f"creators/{account.open_id}/disconnect", {})
    scenario.advance(100)
    account.check_status(publish_id, "FAILED", fail_reason="auth_removed")


@case("2.7", "auth_removed: the person disconnected during a download")
def _(scenario: Scenario) -> None:
    account = _fetching(scenario)
    publish_id = account.init(url_source(scenario.file(mp4_bytes(900), pause_after=100))).data["publish_id"]
    scenario.sandbox.must_post(f"creators/{account.open_id}/disconnect", {})
    account.check_status(publish_id, "FAILED", fail_reason="auth_removed")


@case("2.7", "what was posted before the person disconnected stays posted")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    scenario.sandbox.must_post(f"creators/{account.open_id}/disconnect", {})
    check_equal(len(account.check_status(publish_id, "PUBLISH_COMPLETE")[IDS]), 1)


@case("2.7", "spam_risk_user_banned_from_posting after the init")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    target = account.open_upload(file_source(9))
    scenario.creator_account(account.username, banned=True)
    scenario.put(target.url, mp4_bytes(9))
    scenario.advance(PROCESSING + 1)
    account.check_status(target.publish_id, "FAILED", fail_reason="spam_risk_user_banned_from_posting")


@case("2.7", "spam_risk_too_many_posts after the init")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    tickets = [account.open_upload(file_source(9)), account.open_upload(file_source(9))]
    for each in tickets:
        scenario.put(each.url, mp4_bytes(9))
    scenario.advance(PROCESSING + 1)
    account.check_status(tickets[0].publish_id, "PUBLISH_COMPLETE")
    account.check_status(tickets[1].publish_id, "FAILED", fail_reason="spam_risk_too_many_posts")


@case("2.7", "a removed post loses its id and stays PUBLISH_COMPLETE")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    scenario.publication(publish_id, "takedown")
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a post that was taken down cannot be shown again")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    scenario.publication(publish_id, "takedown")
    scenario.sandbox.admin("POST", f"publications/{publish_id}/visibility", {"privacy_level": "PUBLIC_TO_EVERYONE"})
    scenario.advance(1_000)
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a post removed during moderation never gets an id")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process()
    scenario.publication(publish_id, "takedown")
    scenario.advance(PUBLIC + 1)
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})


@case("2.7", "a hidden post has no id until it is shown again")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    before = account.video_id(publish_id)
    scenario.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: None})
    scenario.publication(publish_id, "visibility", privacy_level=EVERYONE)
    check_equal(account.video_id(publish_id), before)


@case("2.7", "a private post its person shows to everyone gets an id")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly(privacy_level="SELF_ONLY")
    scenario.publication(publish_id, "visibility", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    check(account.video_id(publish_id), "no id")


@case("2.7", "of a draft's posts only the public ones have ids")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process(draft=True)
    for _ in range(2):
        scenario.publication(publish_id, "post", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    first, second = account.status(publish_id).data[IDS]
    scenario.publication(publish_id, "takedown", post_id=str(first))
    account.check_status(publish_id, "PUBLISH_COMPLETE", **{IDS: [second]})


@case("2.7", "an unfinished upload stays or is FAILED, by the settings")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    stuck = account.open_upload().publish_id
    with scenario.settings(abandoned="failed"):
        given_up = account.open_upload().publish_id
    scenario.advance(3_700)
    account.check_status(stuck, "PROCESSING_UPLOAD", uploaded_bytes=0)
    account.check_status(given_up, "FAILED", fail_reason="internal")


@case("2.7", "a publication can be asked about days later")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    scenario.advance(30 * 86_400)
    account.check_status(publish_id, "PUBLISH_COMPLETE")


@case("2.7", "invalid_publish_id: {publish_id}", publish_id={"made up": "v_pub_file~v2-1.123", "empty": ""})
def _(scenario: Scenario, publish_id: str) -> None:
    check_refused(scenario.account().status(publish_id), 400, "invalid_publish_id")


@case("2.7", "a body with {body} is refused", body={"nothing": b"", "no id": {}, "a number": {"publish_id": 7}})
def _(scenario: Scenario, body: object) -> None:
    check_equal(scenario.account().call(f"{PUBLISH}status/fetch/", body).status, 400)


@case("2.7", "token_not_authorized_for_specified_publish_id: another's")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    reply = scenario.account(account.app).status(account.open_upload().publish_id)
    check_refused(reply, 400, "token_not_authorized_for_specified_publish_id")


@case("2.7", "token_not_authorized_for_specified_publish_id: another app")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    elsewhere = scenario.account(scenario.app(), username=account.username)
    reply = elsewhere.status(account.open_upload().publish_id)
    check_refused(reply, 400, "token_not_authorized_for_specified_publish_id")


@case(
    "2.7",
    "either posting scope is enough to ask",
)
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.open_upload().publish_id
    for left_out in ("video.publish", "video.upload"):
        scopes = [scope for scope in ALL_SCOPES if scope != left_out]
        check_equal(
            scenario.account(account.app, username=account.username, scopes=scopes).status(publish_id).code, "ok"
        )


@case("2.7", "asking changes nothing")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_video()
    found = {account.status(publish_id).data["status"] for _ in range(20)}
    check_equal(found, {"PROCESSING_UPLOAD"})


@case("2.7", "post_info is fixed by the init; later changes do not count")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    target = account.open_upload(file_source(9), privacy_level=EVERYONE)
    scenario.creator_account(account.username, comment_disabled=True)
    scenario.put(target.url, mp4_bytes(9))
    scenario.advance(100)
    check_equal(scenario.ledger(target.publish_id)[0]["settings"]["disable_comment"], wanted=False)
    check_keys(account.status(target.publish_id).data, ["status", "uploaded_bytes", IDS])
