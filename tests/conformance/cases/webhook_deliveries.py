"""5, second half: signatures, retries, and rules on webhooks."""

import hashlib
import hmac
import json
import re
from itertools import pairwise

from conformance.case_registry import case
from conformance.checks import check, check_equal
from conformance.external_server import PlannedResponse, ReceivedRequest
from conformance.scenario import App, Scenario
from conformance.webhook_receiver import (
    COMPLETE,
    PUBLIC_NOW,
    WebhookReceiver,
    body_of,
    post_with_receiver,
    receiver_for,
)

THREE_DAYS = 72 * 3_600


def _signature(requests: ReceivedRequest) -> tuple[str, str]:
    found = re.fullmatch(r"t=(\d{10,}),s=([0-9a-f]{64})", requests.headers["tiktok-signature"])
    assert found is not None, requests.headers["tiktok-signature"]
    return found[1], found[2]


def _is_signed(requests: ReceivedRequest, app: App) -> bool:
    moment, signature = _signature(requests)
    wanted = hmac.new(app.client_secret.encode(), moment.encode() + b"." + requests.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, wanted)


@case("5", "TikTok-Signature is t=SECONDS,s=HMAC of t, dot and body")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario)
    check_equal([_is_signed(each, receiver.app) for each in receiver.requests()], [True, True])


@case("5", "t is the moment it was sent")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario)
    moment, _ = _signature(receiver.requests()[-1])
    check(abs(scenario.now() - int(moment)) < 5, f"{moment}")


@case("5", "{status} is not 200: it is tried again", status=[201, 204, 301, 302, 400, 404, 410, 429, 500, 503])
def _(scenario: Scenario, status: int) -> None:
    elsewhere = scenario.file(b"{}", host=scenario.sandbox.external.address)
    receiver = receiver_for(
        scenario, PlannedResponse(status=status, headers={"Location": elsewhere}), PlannedResponse()
    )
    scenario.account(receiver.app).upload_and_process()
    receiver.wait_for_attempts(1)
    scenario.advance(3_600)
    check_equal((receiver.events(), scenario.requests_for(elsewhere)), ([COMPLETE, COMPLETE, PUBLIC_NOW], []))


@case("5", "what is tried again has the same body")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, PlannedResponse(status=500), PlannedResponse())
    scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
    receiver.wait_for_attempts(1)
    scenario.advance(3_600)
    first, second = receiver.requests()
    check_equal((first.body, _is_signed(second, receiver.app)), (second.body, True))


@case(
    "5",
    "what is tried again is signed {how}",
    how={"again by default": True, "as the first time by the settings": False},
)
def _(scenario: Scenario, how: bool) -> None:  # noqa: FBT001 -- a case's choice
    with scenario.settings(webhooks={"renew_signature": how}):
        receiver = receiver_for(scenario, PlannedResponse(status=500), PlannedResponse())
        scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
        receiver.wait_for_attempts(1)
        scenario.advance(3_600)
        first, second = receiver.requests()
        check_equal([_is_signed(each, receiver.app) for each in (first, second)], [True, True])
        check_equal(_signature(first)[0] != _signature(second)[0], how, "another moment")


def _pauses(receiver: WebhookReceiver, attempts: int) -> list[float]:
    """Seconds between so many attempts, each made when it was due."""
    for count in range(1, attempts):
        delivery = receiver.wait_for_attempts(count)
        receiver.scenario.advance(max(delivery["next_at"] - receiver.scenario.now(), 0) + 0.01)
    moments = [each["at"] for each in receiver.wait_for_attempts(attempts)["attempts"]]
    return [late - early for early, late in pairwise(moments)]


@case("5", "pauses between attempts grow exponentially")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, PlannedResponse(status=500))
    scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
    pauses = _pauses(receiver, 6)
    check(all(late >= 1.5 * early for early, late in pairwise(pauses)), f"{pauses}")


@case("5", "after 72 hours there is no further attempt")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, PlannedResponse(status=500))
    scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
    count = 1
    while (delivery := receiver.wait_for_attempts(count))["state"] == "waiting":
        check(count < 100, "pauses do not grow")
        scenario.advance(max(delivery["next_at"] - scenario.now(), 0) + 0.01)
        count += 1
        check(count < 100, "a hundred attempts, and pauses hardly grow")
    last = delivery["attempts"][-1]["at"] - delivery["created_at"]
    check(THREE_DAYS / 4 < last <= THREE_DAYS, f"the last attempt came after {last} s")
    scenario.advance(THREE_DAYS)
    check_equal((receiver.deliveries()[0]["state"], len(receiver.requests())), ("dropped", count))


@case("5", "an answer within the 72 hours is in time")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, *[PlannedResponse(status=500)] * 4, PlannedResponse())
    scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
    _pauses(receiver, 5)
    check_equal((receiver.deliveries()[0]["state"], len(receiver.requests())), ("delivered", 5))


@case("5", "who does not answer in time is tried again")
def _(scenario: Scenario) -> None:
    with scenario.settings(webhooks={"answer_seconds": 0.1}):
        receiver = receiver_for(scenario, PlannedResponse(body=b"{}", pause_after=1), PlannedResponse())
        scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
        check_equal(receiver.wait_for_attempts(1)["attempts"][0]["status"], 0)
        scenario.advance(3_600)
        check_equal(receiver.events(), [COMPLETE, COMPLETE])


@case("5", "who cannot be reached is tried again")
def _(scenario: Scenario) -> None:
    app = scenario.app(webhook_url="http://127.0.0.1:1/hook")
    receiver = WebhookReceiver(scenario=scenario, app=app, path="/nothing")
    scenario.account(app).upload_and_process(privacy_level="SELF_ONLY")
    check(receiver.wait_for_attempts(1)["next_at"] is not None, "given up")


@case("5", "a delivered webhook is not sent again by itself")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario)
    scenario.advance(THREE_DAYS)
    check_equal(len(receiver.requests()), 2)


@case("5", "on demand: sent once more")
def _(scenario: Scenario) -> None:
    receiver, _, _ = post_with_receiver(scenario, privacy_level="SELF_ONLY")
    receiver.requests()
    scenario.sandbox.must_post(f"webhooks/{receiver.deliveries()[0]['id']}/resend", {})
    first, second = receiver.requests()
    check_equal(first.body, second.body)


@case("5", "on demand: lost")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    with scenario.rule(endpoint="webhook", action="lose", client_key=receiver.app.client_key, event=COMPLETE):
        scenario.account(receiver.app).post_publicly()
    check_equal(receiver.events(), [PUBLIC_NOW])


@case("5", "on demand: duplicated, with the same body")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    with scenario.rule(endpoint="webhook", action="duplicate", client_key=receiver.app.client_key):
        scenario.account(receiver.app).post_publicly(privacy_level="SELF_ONLY")
    first, second = receiver.requests()
    check_equal(first.body, second.body)


@case("5", "on demand: late")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    rule = {
        "endpoint": "webhook",
        "action": "delay",
        "seconds": 500,
        "client_key": receiver.app.client_key,
    }
    with scenario.rule(**rule):
        scenario.account(receiver.app).post_publicly()
        check_equal(
            [body_of(each)["event"] for each in scenario.sandbox.external.wait(receiver.path, bool)], [PUBLIC_NOW]
        )
        scenario.advance(500)
    check_equal(receiver.events(), [PUBLIC_NOW, COMPLETE])


@case("5", "on demand: in another order")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    with scenario.rule(endpoint="webhook", action="reorder", client_key=receiver.app.client_key):
        scenario.account(receiver.app).post_publicly()
        scenario.sandbox.external.wait(receiver.path, lambda requests: len(requests) == 2)
    check_equal(receiver.events(), [PUBLIC_NOW, COMPLETE])


@case("5", "wrong_signature: wrong once, right at the next attempt")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario, PlannedResponse(status=401), PlannedResponse())
    with scenario.rule(endpoint="webhook", action="wrong_signature", client_key=receiver.app.client_key):
        scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
    receiver.wait_for_attempts(1)
    scenario.advance(3_600)
    check_equal([_is_signed(each, receiver.app) for each in receiver.requests()], [False, True])


@case("5", "on demand: with an old signature that is right all the same")
def _(scenario: Scenario) -> None:
    receiver = receiver_for(scenario)
    rule = {
        "endpoint": "webhook",
        "action": "stale",
        "seconds": 900,
        "client_key": receiver.app.client_key,
    }
    with scenario.rule(**rule):
        scenario.account(receiver.app).upload_and_process(privacy_level="SELF_ONLY")
    (requests,) = receiver.requests()
    check_equal(_is_signed(requests, receiver.app), wanted=True)
    check(scenario.now() - int(_signature(requests)[0]) >= 890, "not old")


@case("5", "deliveries are listed with attempts, without the secret")
def _(scenario: Scenario) -> None:
    receiver, _, publish_id = post_with_receiver(scenario)
    receiver.requests()
    found = receiver.deliveries()
    check_equal(
        [(each["event"], each["publish_id"], each["state"]) for each in found],
        [
            (COMPLETE, publish_id, "delivered"),
            (PUBLIC_NOW, publish_id, "delivered"),
        ],
    )
    check_equal({each["attempts"][0]["status"] for each in found}, {200})
    check(receiver.app.client_secret not in json.dumps(found), "the secret is shown")
