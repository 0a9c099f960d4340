"""5, first half: which webhooks an app receives, and when."""

import json

from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys
from conformance.request_bodies import EVERYONE, file_source, mp4_bytes, url_source
from conformance.sandbox_client import FILE_HOST, PROCESSING, PUBLIC
from conformance.scenario import Scenario
from conformance.webhook_receiver import (
    COMPLETE,
    FAILED,
    INBOX,
    NO_LONGER,
    PUBLIC_NOW,
    REMOVED,
    body_of,
    post_with_receiver,
    receiver_for,
)


@case("5", "a public post: post.publish.complete, publicly_available")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario)
    check_equal(receiver.events(), [COMPLETE, PUBLIC_NOW])


@case("5", "no webhook is sent before its event")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    account = scenario.account(receiver.app)
    account.upload_video()
    scenario.advance(PROCESSING - 2)
    check_equal(receiver.events(), [])
    scenario.advance(3)
    check_equal(receiver.events(), [COMPLETE])
    scenario.advance(PUBLIC - 5)
    check_equal(receiver.events(), [COMPLETE])


@case("5", "a post for {level}: complete only", level=["SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS"])
def _(scenario: Scenario, level: str) -> None:
    receiver, _, _ = post_with_receiver(scenario, privacy_level=level)
    scenario.advance(1_000)
    check_equal(receiver.events(), [COMPLETE])


@case("5", "a private post made public: publicly_available")
def _(scenario: Scenario) -> None:
    receiver, _, publish_id = post_with_receiver(scenario, privacy_level="SELF_ONLY")
    scenario.publication(publish_id, "visibility", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    check_equal(receiver.events(), [COMPLETE, PUBLIC_NOW])


@case("5", "a draft: post.publish.inbox_delivered only")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    scenario.account(receiver.app).upload_and_process(draft=True)
    scenario.advance(10_000)
    check_equal(receiver.events(), [INBOX])


@case("5", "a draft that is posted: complete, publicly_available")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    publish_id = scenario.account(receiver.app).upload_and_process(draft=True)
    scenario.publication(publish_id, "post", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    check_equal(receiver.events(), [INBOX, COMPLETE, PUBLIC_NOW])


@case("5", "a draft posted twice: complete twice, two post ids")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    publish_id = scenario.account(receiver.app).upload_and_process(draft=True)
    for _ in range(2):
        scenario.publication(publish_id, "post", privacy_level=EVERYONE)
        scenario.advance(PUBLIC + 1)
    check_equal(receiver.events(), [INBOX, COMPLETE, PUBLIC_NOW, COMPLETE, PUBLIC_NOW])
    ids = {json.loads(body_of(each)["content"]).get("post_id") for each in receiver.requests()} - {None}
    check_equal(len(ids), 2, "post ids")


@case("5", "a removed post: post.publish.no_longer_publicaly_available")
def _(scenario: Scenario) -> None:
    receiver, account, publish_id = post_with_receiver(scenario)
    video_id = account.video_id(publish_id)
    scenario.publication(publish_id, "takedown")
    check_equal(receiver.events(), [COMPLETE, PUBLIC_NOW, NO_LONGER])
    check_equal(receiver.content_of(NO_LONGER)["post_id"], video_id)


@case("5", "a post hidden and shown again sends both events")
def _(scenario: Scenario) -> None:
    receiver, _, publish_id = post_with_receiver(scenario)
    scenario.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    scenario.advance(5)
    scenario.publication(publish_id, "visibility", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    check_equal(receiver.events(), [COMPLETE, PUBLIC_NOW, NO_LONGER, PUBLIC_NOW])


@case("5", "a post removed before it is public sends no such event")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    publish_id = scenario.account(receiver.app).upload_and_process()
    scenario.publication(publish_id, "takedown")
    scenario.advance(PUBLIC + 1)
    check_equal(receiver.events(), [COMPLETE])


@case(
    "5",
    "post.publish.failed carries reason {reason}",
    reason=["file_format_check_failed", "internal", "spam_risk_text"],
)
def _(scenario: Scenario, reason: str) -> None:
    receiver = receiver_for(scenario)
    account = scenario.account(receiver.app)
    with scenario.rule(endpoint="processing", action="error", code=reason, open_id=account.open_id):
        publish_id = account.upload_and_process()
    check_equal(receiver.events(), [FAILED])
    check_equal(
        receiver.content_of(FAILED), {"publish_id": publish_id, "reason": reason, "publish_type": "DIRECT_PUBLISH"}
    )


@case("5", "failed comes for a download, too: video_pull_failed")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, verified_urls=[FILE_HOST])
    account = scenario.account(receiver.app)
    account.wait_for_download(account.init(url_source(scenario.file(status=404))).data["publish_id"])
    check_equal(receiver.content_of(FAILED)["reason"], "video_pull_failed")


@case("5", "failed comes after cancel/: publish_cancelled")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, verified_urls=[FILE_HOST])
    account = scenario.account(receiver.app)
    account.cancel(account.init(url_source(scenario.file(mp4_bytes(99), pause_after=9))).data["publish_id"])
    check_equal(receiver.content_of(FAILED)["reason"], "publish_cancelled")


@case("5", "authorization.removed has reason 5 after a revoke")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    account = scenario.account(receiver.app)
    scenario.revoke({**receiver.app.credentials, "token": account.token})
    check_equal((receiver.events(), receiver.content_of(REMOVED)), ([REMOVED], {"reason": 5}))


@case("5", "authorization.removed has reason 1 after a disconnect")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    scenario.sandbox.must_post(f"creators/{scenario.account(receiver.app).open_id}/disconnect", {})
    check_equal(receiver.content_of(REMOVED), {"reason": 1})


@case(
    "5",
    "authorization.removed with reason {reason}",
    reason={"0, unknown": 0, "2, account deleted": 2, "3, age changed": 3, "4, account banned": 4},
)
def _(scenario: Scenario, reason: int) -> None:
    receiver = receiver_for(scenario)
    scenario.sandbox.must_post(f"creators/{scenario.account(receiver.app).open_id}/disconnect", {"reason": reason})
    check_equal(receiver.content_of(REMOVED), {"reason": reason})


@case("5", "the token is dead when authorization.removed arrives")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    account = scenario.account(receiver.app)
    scenario.sandbox.must_post(f"creators/{account.open_id}/disconnect", {})
    check_equal((len(receiver.requests()), account.creator_info().code), (1, "access_token_invalid"))


@case("5", "a revoke during an upload: failed, authorization.removed")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    account = scenario.account(receiver.app)
    account.open_upload(file_source(9))
    scenario.revoke({**receiver.app.credentials, "token": account.token})
    check_equal(
        (sorted(receiver.events()), receiver.content_of(FAILED)["reason"]), (sorted([FAILED, REMOVED]), "auth_removed")
    )


@case("5", "only the app that posted gets the webhooks of a post")
def _(scenario: Scenario) -> None:
    receiver, account, _ = post_with_receiver(scenario)
    other = receiver_for(scenario)
    scenario.account(other.app, username=account.username)
    account.post_publicly()
    check_equal((len(receiver.requests()), other.requests()), (4, []))


@case("5", "an app without a webhook URL gets no webhooks")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    account.post_publicly()
    found = scenario.sandbox.admin("GET", f"webhooks?client_key={account.app.client_key}").json["deliveries"]
    check_equal(found, [])


@case("5", "the body is JSON with five keys")
def _(scenario: Scenario) -> None:
    receiver, account, _ = post_with_receiver(scenario)
    body = body_of(receiver.requests()[0])
    check_keys(body, ["client_key", "event", "create_time", "user_openid", "content"])
    check_equal((body["client_key"], body["user_openid"]), (receiver.app.client_key, account.open_id))


@case("5", "content is a text that holds JSON: {event}", event={"complete": COMPLETE, "public": PUBLIC_NOW})
def _(scenario: Scenario, event: str) -> None:
    receiver, _, publish_id = post_with_receiver(scenario)
    body = next(body_of(each) for each in receiver.requests() if body_of(each)["event"] == event)
    check(isinstance(body["content"], str), f"{body['content']!r}")
    content = json.loads(body["content"])
    check_keys(content, ["publish_id", "publish_type", *(["post_id"] if event == PUBLIC_NOW else [])])
    check_equal((content["publish_id"], content["publish_type"]), (publish_id, "DIRECT_PUBLISH"))


@case("5", "a draft's publish_type is INBOX_SHARE")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    publish_id = scenario.account(receiver.app).upload_and_process(draft=True)
    check_equal(receiver.content_of(INBOX), {"publish_id": publish_id, "publish_type": "INBOX_SHARE"})


@case("5", "post_id is a string, the number that status/fetch returns")
def _(scenario: Scenario) -> None:
    receiver, account, publish_id = post_with_receiver(scenario)
    check_equal(receiver.content_of(PUBLIC_NOW)["post_id"], account.video_id(publish_id))


@case("5", "create_time is seconds, of the moment it came true")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario)
    first, second = (body_of(each)["create_time"] for each in receiver.requests())
    check(isinstance(first, int), f"{first!r}")
    check_equal(second - first, int(PUBLIC), "from complete to publicly_available")


@case("5", "it is a POST of application/json without a handshake")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario)
    check_equal({each.method for each in receiver.requests()}, {"POST"})
    check(receiver.requests()[0].headers["content-type"].startswith("application/json"), "another Content-Type")
