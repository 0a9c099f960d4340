"""5, second half: how a webhook is signed, tried again, and made to go wrong."""

import hashlib
import hmac
import json
import re
from itertools import pairwise

from conformance.book import case
from conformance.ear import COMPLETE, PUBLIC_NOW, Ear, body_of, ear_of, posted
from conformance.outside import Heard, Told
from conformance.reply import holds, same
from conformance.stage import App, Stage

THREE_DAYS = 72 * 3_600


def _signature(heard: Heard) -> tuple[str, str]:
    found = re.fullmatch(r"t=(\d{10,}),s=([0-9a-f]{64})", heard.headers["tiktok-signature"])
    assert found is not None, heard.headers["tiktok-signature"]
    return found[1], found[2]


def _is_signed(heard: Heard, app: App) -> bool:
    moment, signature = _signature(heard)
    wanted = hmac.new(app.client_secret.encode(), moment.encode() + b"." + heard.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, wanted)


@case("5", "TikTok-Signature is t=SECONDS,s=HEX, where s is the HMAC of t, a dot and the raw body")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage)
    same([_is_signed(each, ear.app) for each in ear.heard()], [True, True])


@case("5", "t is the moment it was sent")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage)
    moment, _ = _signature(ear.heard()[-1])
    holds(abs(stage.now() - int(moment)) < 5, f"{moment}")


@case("5", "{status} is not 200: it is tried again", status=[201, 204, 301, 302, 400, 404, 410, 429, 500, 503])
def _(stage: Stage, status: int) -> None:
    elsewhere = stage.file(b"{}", host=stage.place.outside.address)
    ear = ear_of(stage, Told(status=status, headers={"Location": elsewhere}), Told())
    stage.account(ear.app).processed()
    ear.tried(1)
    stage.advance(3_600)
    same((ear.events(), stage.fetches(elsewhere)), ([COMPLETE, COMPLETE, PUBLIC_NOW], []))


@case("5", "what is tried again has the same body")
def _(stage: Stage) -> None:
    ear = ear_of(stage, Told(status=500), Told())
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    ear.tried(1)
    stage.advance(3_600)
    first, second = ear.heard()
    same((first.body, _is_signed(second, ear.app)), (second.body, True))


@case(
    "5",
    "what is tried again is signed {how}",
    how={"anew, as usual": True, "as the first time, if it is set so": False},
)
def _(stage: Stage, how: bool) -> None:  # noqa: FBT001 -- a case's choice
    with stage.settings(webhooks={"renew_signature": how}):
        ear = ear_of(stage, Told(status=500), Told())
        stage.account(ear.app).processed(privacy_level="SELF_ONLY")
        ear.tried(1)
        stage.advance(3_600)
        first, second = ear.heard()
        same([_is_signed(each, ear.app) for each in (first, second)], [True, True])
        same(_signature(first)[0] != _signature(second)[0], how, "another moment")


def _pauses(ear: Ear, attempts: int) -> list[float]:
    """Seconds between so many attempts, each made when it was due."""
    for count in range(1, attempts):
        delivery = ear.tried(count)
        ear.stage.advance(max(delivery["next_at"] - ear.stage.now(), 0) + 0.01)
    moments = [each["at"] for each in ear.tried(attempts)["attempts"]]
    return [late - early for early, late in pairwise(moments)]


@case("5", "pauses between attempts grow exponentially")
def _(stage: Stage) -> None:
    ear = ear_of(stage, Told(status=500))
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    pauses = _pauses(ear, 6)
    holds(all(late >= 1.5 * early for early, late in pairwise(pauses)), f"{pauses}")


@case("5", "after 72 hours nobody tries any more")
def _(stage: Stage) -> None:
    ear = ear_of(stage, Told(status=500))
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    count = 1
    while (delivery := ear.tried(count))["state"] == "waiting":
        holds(count < 100, "pauses do not grow")
        stage.advance(max(delivery["next_at"] - stage.now(), 0) + 0.01)
        count += 1
        holds(count < 100, "a hundred attempts, and pauses hardly grow")
    last = delivery["attempts"][-1]["at"] - delivery["created_at"]
    holds(THREE_DAYS / 4 < last <= THREE_DAYS, f"the last attempt came after {last} s")
    stage.advance(THREE_DAYS)
    same((ear.deliveries()[0]["state"], len(ear.heard())), ("dropped", count))


@case("5", "an answer within the 72 hours is in time")
def _(stage: Stage) -> None:
    ear = ear_of(stage, *[Told(status=500)] * 4, Told())
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    _pauses(ear, 5)
    same((ear.deliveries()[0]["state"], len(ear.heard())), ("delivered", 5))


@case("5", "who does not answer in time is tried again")
def _(stage: Stage) -> None:
    with stage.settings(webhooks={"answer_seconds": 0.1}):
        ear = ear_of(stage, Told(body=b"{}", pause_after=1), Told())
        stage.account(ear.app).processed(privacy_level="SELF_ONLY")
        same(ear.tried(1)["attempts"][0]["status"], 0)
        stage.advance(3_600)
        same(ear.events(), [COMPLETE, COMPLETE])


@case("5", "who cannot be reached is tried again")
def _(stage: Stage) -> None:
    app = stage.app(webhook_url="http://127.0.0.1:1/hook")
    ear = Ear(stage=stage, app=app, path="/nothing")
    stage.account(app).processed(privacy_level="SELF_ONLY")
    holds(ear.tried(1)["next_at"] is not None, "given up")


@case("5", "what was heard is not sent again by itself")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage)
    stage.advance(THREE_DAYS)
    same(len(ear.heard()), 2)


@case("5", "on demand: sent once more")
def _(stage: Stage) -> None:
    ear, _, _ = posted(stage, privacy_level="SELF_ONLY")
    ear.heard()
    stage.place.arrange(f"webhooks/{ear.deliveries()[0]['id']}/resend", {})
    first, second = ear.heard()
    same(first.body, second.body)


@case("5", "on demand: lost")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    with stage.rule(endpoint="webhook", action="lose", client_key=ear.app.client_key, event=COMPLETE):
        stage.account(ear.app).posted()
    same(ear.events(), [PUBLIC_NOW])


@case("5", "on demand: duplicated, with the same body")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    with stage.rule(endpoint="webhook", action="duplicate", client_key=ear.app.client_key):
        stage.account(ear.app).posted(privacy_level="SELF_ONLY")
    first, second = ear.heard()
    same(first.body, second.body)


@case("5", "on demand: late")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    asked = {"endpoint": "webhook", "action": "delay", "seconds": 500, "client_key": ear.app.client_key}
    with stage.rule(**asked):
        stage.account(ear.app).posted()
        same([body_of(each)["event"] for each in stage.place.outside.wait(ear.path, bool)], [PUBLIC_NOW])
        stage.advance(500)
    same(ear.events(), [PUBLIC_NOW, COMPLETE])


@case("5", "on demand: in another order")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    with stage.rule(endpoint="webhook", action="reorder", client_key=ear.app.client_key):
        stage.account(ear.app).posted()
        stage.place.outside.wait(ear.path, lambda heard: len(heard) == 2)
    same(ear.events(), [PUBLIC_NOW, COMPLETE])


@case("5", "on demand: with a wrong signature, and right at the next attempt")
def _(stage: Stage) -> None:
    ear = ear_of(stage, Told(status=401), Told())
    with stage.rule(endpoint="webhook", action="wrong_signature", client_key=ear.app.client_key):
        stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    ear.tried(1)
    stage.advance(3_600)
    same([_is_signed(each, ear.app) for each in ear.heard()], [False, True])


@case("5", "on demand: with an old signature that is right all the same")
def _(stage: Stage) -> None:
    ear = ear_of(stage)
    asked = {"endpoint": "webhook", "action": "stale", "seconds": 900, "client_key": ear.app.client_key}
    with stage.rule(**asked):
        stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    (heard,) = ear.heard()
    same(_is_signed(heard, ear.app), wanted=True)
    holds(stage.now() - int(_signature(heard)[0]) >= 890, "not old")


@case("5", "deliveries are listed with their attempts, and without the secret")
def _(stage: Stage) -> None:
    ear, _, publish_id = posted(stage)
    ear.heard()
    found = ear.deliveries()
    same(
        [(each["event"], each["publish_id"], each["state"]) for each in found],
        [
            (COMPLETE, publish_id, "delivered"),
            (PUBLIC_NOW, publish_id, "delivered"),
        ],
    )
    same({each["attempts"][0]["status"] for each in found}, {200})
    holds(ear.app.client_secret not in json.dumps(found), "the secret is shown")
