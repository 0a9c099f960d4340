"""5: what an app is told, how it is signed, and how often it is tried."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any

from conformance.account import Account
from conformance.book import case
from conformance.outside import Heard, Told
from conformance.place import FILES, PROCESSING, PUBLIC, eventually
from conformance.reply import has_keys, holds, same
from conformance.stage import App, Stage
from conformance.wishes import EVERYONE, by_file, by_url, movie

COMPLETE = "post.publish.complete"
FAILED = "post.publish.failed"
INBOX = "post.publish.inbox_delivered"
PUBLIC_NOW = "post.publish.publicly_available"
NO_LONGER = "post.publish.no_longer_publicaly_available"
REMOVED = "authorization.removed"
THREE_DAYS = 72 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """An app with an address of ours."""

    stage: Stage
    app: App
    path: str

    def deliveries(self) -> list[dict[str, Any]]:
        """What the sandbox says it sends to this app."""
        found = self.stage.place.admin("GET", f"webhooks?client_key={self.app.client_key}").json["deliveries"]
        assert isinstance(found, list)
        return found

    def heard(self) -> list[Heard]:
        """Everything that came, once nothing more is on its way."""
        eventually(lambda: all(each["state"] != "waiting" for each in self.deliveries()), what="the end of deliveries")
        return self.stage.place.outside.heard(self.path)

    def events(self) -> list[str]:
        """The names of what came, in order."""
        return [body_of(each)["event"] for each in self.heard()]

    def only(self, event: str) -> dict[str, Any]:
        """What one event of that name said in its content."""
        found = [body_of(each) for each in self.heard()]
        (told,) = [each for each in found if each["event"] == event]
        content: dict[str, Any] = json.loads(told["content"])
        return content

    def tried(self, count: int) -> dict[str, Any]:
        """The only delivery, once it was tried so often."""

        def look() -> dict[str, Any] | None:
            found = self.deliveries()
            return found[0] if found and len(found[0]["attempts"]) >= count else None

        found = eventually(look, what=f"attempt {count}")
        assert found is not None
        return found


def _ear(stage: Stage, *answers: Told, **settings: object) -> Ear:
    path = f"/{stage.fresh('hook')}"
    stage.place.outside.tell(path, *(answers or (Told(),)))
    app = stage.app(webhook_url=f"http://{stage.place.outside.address}{path}", **settings)
    return Ear(stage=stage, app=app, path=path)


def body_of(heard: Heard) -> dict[str, Any]:
    """The body of a webhook."""
    found: dict[str, Any] = json.loads(heard.body)
    return found


def _posted(stage: Stage, **post_info: object) -> tuple[Ear, Account, str]:
    """A direct post whose moderation is over, and who was told of it."""
    ear = _ear(stage)
    account = stage.account(ear.app)
    return ear, account, account.posted(**post_info)


@case("5", "a public direct post: complete, then publicly_available")
def _(stage: Stage) -> None:
    ear, _, _ = _posted(stage)
    same(ear.events(), [COMPLETE, PUBLIC_NOW])


@case("5", "nothing is told before it is true")
def _(stage: Stage) -> None:
    ear = _ear(stage)
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
    ear, _, _ = _posted(stage, privacy_level=level)
    stage.advance(1_000)
    same(ear.events(), [COMPLETE])


@case("5", "a private post that is shown to everyone: publicly_available then")
def _(stage: Stage) -> None:
    ear, _, publish_id = _posted(stage, privacy_level="SELF_ONLY")
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(ear.events(), [COMPLETE, PUBLIC_NOW])


@case("5", "a draft: inbox_delivered, and nothing more by itself")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    stage.account(ear.app).processed(draft=True)
    stage.advance(10_000)
    same(ear.events(), [INBOX])


@case("5", "a draft that is posted: complete, publicly_available")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    publish_id = stage.account(ear.app).processed(draft=True)
    stage.publication(publish_id, "post", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(ear.events(), [INBOX, COMPLETE, PUBLIC_NOW])


@case("5", "a draft that is posted twice: complete twice for one publish_id, two post ids")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    publish_id = stage.account(ear.app).processed(draft=True)
    for _ in range(2):
        stage.publication(publish_id, "post", privacy_level=EVERYONE)
        stage.advance(PUBLIC + 1)
    same(ear.events(), [INBOX, COMPLETE, PUBLIC_NOW, COMPLETE, PUBLIC_NOW])
    ids = {json.loads(body_of(each)["content"]).get("post_id") for each in ear.heard()} - {None}
    same(len(ids), 2, "post ids")


@case("5", "a post that is taken down: no_longer_publicaly_available")
def _(stage: Stage) -> None:
    ear, account, publish_id = _posted(stage)
    video_id = account.video_id(publish_id)
    stage.publication(publish_id, "takedown")
    same(ear.events(), [COMPLETE, PUBLIC_NOW, NO_LONGER])
    same(ear.only(NO_LONGER)["post_id"], video_id)


@case("5", "a post that is hidden and shown again: no_longer_publicaly_available, then publicly_available")
def _(stage: Stage) -> None:
    ear, _, publish_id = _posted(stage)
    stage.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    stage.advance(5)
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(ear.events(), [COMPLETE, PUBLIC_NOW, NO_LONGER, PUBLIC_NOW])


@case("5", "a post taken down before it was public is never told to be so")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    publish_id = stage.account(ear.app).processed()
    stage.publication(publish_id, "takedown")
    stage.advance(PUBLIC + 1)
    same(ear.events(), [COMPLETE])


@case("5", "failed carries reason {reason}", reason=["file_format_check_failed", "internal", "spam_risk_text"])
def _(stage: Stage, reason: str) -> None:
    ear = _ear(stage)
    account = stage.account(ear.app)
    with stage.rule(endpoint="processing", action="error", code=reason, open_id=account.open_id):
        publish_id = account.processed()
    same(ear.events(), [FAILED])
    same(ear.only(FAILED), {"publish_id": publish_id, "reason": reason, "publish_type": "DIRECT_PUBLISH"})


@case("5", "failed comes for a download, too: video_pull_failed")
def _(stage: Stage) -> None:
    ear = _ear(stage, verified_urls=[FILES])
    account = stage.account(ear.app)
    account.fetched(account.init(by_url(stage.file(status=404))).data["publish_id"])
    same(ear.only(FAILED)["reason"], "video_pull_failed")


@case("5", "failed comes after cancel/: publish_cancelled")
def _(stage: Stage) -> None:
    ear = _ear(stage, verified_urls=[FILES])
    account = stage.account(ear.app)
    account.cancel(account.init(by_url(stage.file(movie(99), pause_after=9))).data["publish_id"])
    same(ear.only(FAILED)["reason"], "publish_cancelled")


@case("5", "authorization.removed with reason 5 after the app gave the permission back")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    account = stage.account(ear.app)
    stage.revoke({**ear.app.credentials, "token": account.token})
    same((ear.events(), ear.only(REMOVED)), ([REMOVED], {"reason": 5}))


@case("5", "authorization.removed with reason 1 after the person disconnected")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    stage.place.arrange(f"creators/{stage.account(ear.app).open_id}/disconnect", {})
    same(ear.only(REMOVED), {"reason": 1})


@case(
    "5",
    "authorization.removed with reason {reason}",
    reason={"0, unknown": 0, "2, account deleted": 2, "3, age changed": 3, "4, account banned": 4},
)
def _(stage: Stage, reason: int) -> None:
    ear = _ear(stage)
    stage.place.arrange(f"creators/{stage.account(ear.app).open_id}/disconnect", {"reason": reason})
    same(ear.only(REMOVED), {"reason": reason})


@case("5", "the token is dead when authorization.removed arrives")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    account = stage.account(ear.app)
    stage.place.arrange(f"creators/{account.open_id}/disconnect", {})
    same((len(ear.heard()), account.creator_info().code), (1, "access_token_invalid"))


@case("5", "a permission that ends fails what is under way: failed with auth_removed, and authorization.removed")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    account = stage.account(ear.app)
    account.ticket(by_file(9))
    stage.revoke({**ear.app.credentials, "token": account.token})
    same((sorted(ear.events()), ear.only(FAILED)["reason"]), (sorted([FAILED, REMOVED]), "auth_removed"))


@case("5", "only the app that posted is told of a post")
def _(stage: Stage) -> None:
    ear, account, _ = _posted(stage)
    other = _ear(stage)
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
    ear, account, _ = _posted(stage)
    told = body_of(ear.heard()[0])
    has_keys(told, ["client_key", "event", "create_time", "user_openid", "content"])
    same((told["client_key"], told["user_openid"]), (ear.app.client_key, account.open_id))


@case("5", "content is a text that holds JSON: {event}", event={"complete": COMPLETE, "public": PUBLIC_NOW})
def _(stage: Stage, event: str) -> None:
    ear, _, publish_id = _posted(stage)
    told = next(body_of(each) for each in ear.heard() if body_of(each)["event"] == event)
    holds(isinstance(told["content"], str), f"{told['content']!r}")
    content = json.loads(told["content"])
    has_keys(content, ["publish_id", "publish_type", *(["post_id"] if event == PUBLIC_NOW else [])])
    same((content["publish_id"], content["publish_type"]), (publish_id, "DIRECT_PUBLISH"))


@case("5", "a draft's publish_type is INBOX_SHARE")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    publish_id = stage.account(ear.app).processed(draft=True)
    same(ear.only(INBOX), {"publish_id": publish_id, "publish_type": "INBOX_SHARE"})


@case("5", "post_id is a text, the same the status tells as a number")
def _(stage: Stage) -> None:
    ear, account, publish_id = _posted(stage)
    same(ear.only(PUBLIC_NOW)["post_id"], account.video_id(publish_id))


@case("5", "create_time is seconds, of the moment it came true")
def _(stage: Stage) -> None:
    ear, _, _ = _posted(stage)
    first, second = (body_of(each)["create_time"] for each in ear.heard())
    holds(isinstance(first, int), f"{first!r}")
    same(second - first, int(PUBLIC), "from complete to publicly_available")


@case("5", "it is a POST of application/json, without a handshake before it")
def _(stage: Stage) -> None:
    ear, _, _ = _posted(stage)
    same({each.method for each in ear.heard()}, {"POST"})
    holds(ear.heard()[0].headers["content-type"].startswith("application/json"), "another Content-Type")


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
    ear, _, _ = _posted(stage)
    same([_is_signed(each, ear.app) for each in ear.heard()], [True, True])


@case("5", "t is the moment it was sent")
def _(stage: Stage) -> None:
    ear, _, _ = _posted(stage)
    moment, _ = _signature(ear.heard()[-1])
    holds(abs(stage.now() - int(moment)) < 5, f"{moment}")


@case("5", "{status} is not 200: it is tried again", status=[201, 204, 301, 302, 400, 404, 410, 429, 500, 503])
def _(stage: Stage, status: int) -> None:
    elsewhere = stage.file(b"{}")
    ear = _ear(stage, Told(status=status, headers={"Location": elsewhere}), Told())
    stage.account(ear.app).processed()
    ear.tried(1)
    stage.advance(3_600)
    same((ear.events(), stage.fetches(elsewhere)), ([COMPLETE, COMPLETE, PUBLIC_NOW], []))


@case("5", "what is tried again has the same body")
def _(stage: Stage) -> None:
    ear = _ear(stage, Told(status=500), Told())
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    ear.tried(1)
    stage.advance(3_600)
    first, second = ear.heard()
    same((first.body, _is_signed(second, ear.app)), (second.body, True))


def _pauses(ear: Ear, attempts: int) -> list[float]:
    """Seconds between so many attempts, each made when it was due."""
    for count in range(1, attempts):
        delivery = ear.tried(count)
        ear.stage.advance(max(delivery["next_at"] - ear.stage.now(), 0) + 0.01)
    moments = [each["at"] for each in ear.tried(attempts)["attempts"]]
    return [late - early for early, late in zip(moments, moments[1:], strict=False)]


@case("5", "pauses between attempts grow exponentially")
def _(stage: Stage) -> None:
    ear = _ear(stage, Told(status=500))
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    pauses = _pauses(ear, 6)
    holds(all(late >= 1.5 * early for early, late in zip(pauses, pauses[1:], strict=False)), f"{pauses}")


@case("5", "after 72 hours nobody tries any more")
def _(stage: Stage) -> None:
    ear = _ear(stage, Told(status=500))
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    count = 1
    while (delivery := ear.tried(count))["state"] == "waiting":
        stage.advance(max(delivery["next_at"] - stage.now(), 0) + 0.01)
        count += 1
    last = delivery["attempts"][-1]["at"] - delivery["created_at"]
    holds(THREE_DAYS / 4 < last <= THREE_DAYS, f"the last attempt came after {last} s")
    stage.advance(THREE_DAYS)
    same((ear.deliveries()[0]["state"], len(ear.heard())), ("dropped", count))


@case("5", "an answer within the 72 hours is in time")
def _(stage: Stage) -> None:
    ear = _ear(stage, *[Told(status=500)] * 4, Told())
    stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    _pauses(ear, 5)
    same((ear.deliveries()[0]["state"], len(ear.heard())), ("delivered", 5))


@case("5", "who does not answer in time is tried again")
def _(stage: Stage) -> None:
    with stage.settings(webhooks={"answer_seconds": 0.1}):
        ear = _ear(stage, Told(body=b"{}", pause_after=1), Told())
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
    ear, _, _ = _posted(stage)
    stage.advance(THREE_DAYS)
    same(len(ear.heard()), 2)


@case("5", "on demand: sent once more")
def _(stage: Stage) -> None:
    ear, _, _ = _posted(stage, privacy_level="SELF_ONLY")
    ear.heard()
    stage.place.arrange(f"webhooks/{ear.deliveries()[0]['id']}/resend", {})
    first, second = ear.heard()
    same(first.body, second.body)


@case("5", "on demand: lost")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    with stage.rule(endpoint="webhook", action="lose", client_key=ear.app.client_key, event=COMPLETE):
        stage.account(ear.app).posted()
    same(ear.events(), [PUBLIC_NOW])


@case("5", "on demand: duplicated, with the same body")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    with stage.rule(endpoint="webhook", action="duplicate", client_key=ear.app.client_key):
        stage.account(ear.app).posted(privacy_level="SELF_ONLY")
    first, second = ear.heard()
    same(first.body, second.body)


@case("5", "on demand: late")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    asked = {"endpoint": "webhook", "action": "delay", "seconds": 500, "client_key": ear.app.client_key}
    with stage.rule(**asked):
        stage.account(ear.app).posted()
        same([body_of(each)["event"] for each in stage.place.outside.wait(ear.path, bool)], [PUBLIC_NOW])
        stage.advance(500)
    same(ear.events(), [PUBLIC_NOW, COMPLETE])


@case("5", "on demand: in another order")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    with stage.rule(endpoint="webhook", action="reorder", client_key=ear.app.client_key):
        stage.account(ear.app).posted()
        stage.place.outside.wait(ear.path, lambda heard: len(heard) == 2)
    same(ear.events(), [PUBLIC_NOW, COMPLETE])


@case("5", "on demand: with a wrong signature, and right at the next attempt")
def _(stage: Stage) -> None:
    ear = _ear(stage, Told(status=401), Told())
    with stage.rule(endpoint="webhook", action="wrong_signature", client_key=ear.app.client_key):
        stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    ear.tried(1)
    stage.advance(3_600)
    same([_is_signed(each, ear.app) for each in ear.heard()], [False, True])


@case("5", "on demand: with an old signature that is right all the same")
def _(stage: Stage) -> None:
    ear = _ear(stage)
    asked = {"endpoint": "webhook", "action": "stale", "seconds": 900, "client_key": ear.app.client_key}
    with stage.rule(**asked):
        stage.account(ear.app).processed(privacy_level="SELF_ONLY")
    (heard,) = ear.heard()
    same(_is_signed(heard, ear.app), wanted=True)
    holds(stage.now() - int(_signature(heard)[0]) >= 890, "not old")


@case("5", "deliveries are listed with their attempts, and without the secret")
def _(stage: Stage) -> None:
    ear, _, publish_id = _posted(stage)
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
