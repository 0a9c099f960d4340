"""9: what only the sandbox has: faults on demand, a clock, a ledger and the list of calls."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx

from conformance.book import case
from conformance.outside import sha256
from conformance.place import PROCESSING, eventually
from conformance.reply import Reply, holds, oauth_refused, refused, same, unanswered
from conformance.stage import Stage
from conformance.wishes import EVERYONE, JSON, PUBLISH, by_file, movie


@case("9.1", "an answer that is lost: the work is done all the same")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="video_init", at="answer", action="lose_answer", open_id=account.open_id):
        unanswered(account.init)
    inits = stage.place.admin("GET", "ledger").json["inits"]
    same(sum(each["open_id"] == account.open_id for each in inits), 1, "inits")


@case("9.1", "a request that is lost: nothing was done")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="video_init", at="request", action="lose_answer", open_id=account.open_id):
        unanswered(account.init)
    inits = stage.place.admin("GET", "ledger").json["inits"]
    same(sum(each["open_id"] == account.open_id for each in inits), 0, "inits")


@case("9.1", "a lost answer to a refresh: the old refresh token is dead, the new one unknown")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="token", at="answer", action="lose_answer", open_id=account.open_id):
        unanswered(lambda: stage.refresh(account.app, account.refresh_token))
    oauth_refused(stage.refresh(account.app, account.refresh_token), 400, "invalid_grant")


@case("9.1", "a lost answer to a consent's exchange: the code is used up")
def _(stage: Stage) -> None:
    app = stage.app()
    code = stage.code(app)
    with stage.rule(endpoint="token", at="answer", action="lose_answer", client_key=app.client_key):
        unanswered(lambda: stage.exchange(app, code))
    oauth_refused(stage.exchange(app, code), 400, "invalid_grant")


@case("9.1", "an answer that breaks off in its middle")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="creator_info", at="answer", action="close", open_id=account.open_id):
        unanswered(account.creator_info)
    same(account.creator_info().code, "ok")


@case("9.1", "an upload that is cut within its body: nothing of the chunk counts")
def _(stage: Stage) -> None:
    account = stage.account()
    film = movie(3_000_000)
    ticket = account.ticket(by_file(len(film)))
    asked = {"endpoint": "upload", "at": "body", "after_bytes": 1_000_000, "action": "close"}
    with stage.rule(**asked, open_id=account.open_id):
        unanswered(lambda: stage.put(ticket.url, film))
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)
    same(stage.put(ticket.url, film).status, 201)


@case("9.1", "a call that hangs until its client leaves")
def _(stage: Stage) -> None:
    account = stage.account()
    headers = {"Authorization": f"Bearer {account.token}", **JSON}
    with stage.rule(endpoint="creator_info", action="hang", open_id=account.open_id):
        try:
            stage.place.send("POST", f"{PUBLISH}creator_info/query/", headers=headers, patience=0.2)
        except httpx.ReadTimeout:
            return
    holds(condition=False, otherwise="it was answered")


def _meanwhile(call: Callable[[], Reply], then: Callable[[Future[Reply]], None]) -> Reply:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call)
        then(waiting)
        return waiting.result(timeout=10)


@case("9.1", "a call that is held goes on when it is released")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="creator_info", action="hold", open_id=account.open_id) as rule_id:

        def release(waiting: Future[Reply]) -> None:
            same(stage.place.admin("GET", f"rules/{rule_id}/wait?holding=1&timeout=5").status, 200)
            holds(not waiting.done(), "it was not held")
            stage.place.admin("POST", f"rules/{rule_id}/release")

        same(_meanwhile(account.creator_info, release).code, "ok")


@case("9.1", "a call that is slow takes its seconds by the sandbox's clock")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="creator_info", action="slow", seconds=500, open_id=account.open_id) as rule_id:

        def pass_time(waiting: Future[Reply]) -> None:
            same(stage.place.admin("GET", f"rules/{rule_id}/wait?hits=1&timeout=5").status, 200)
            holds(not waiting.done(), "it was not slow")
            stage.advance(501)

        same(_meanwhile(account.creator_info, pass_time).code, "ok")


@case("9.1", "processing that is slow")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="processing", action="slow", seconds=5_000, open_id=account.open_id):
        publish_id = account.processed()
    account.expect(publish_id, "PROCESSING_UPLOAD")
    stage.advance(5_000)
    account.expect(publish_id, "PUBLISH_COMPLETE")


@case("9.1", "processing that fails with a reason")
def _(stage: Stage) -> None:
    account = stage.account()
    asked = {"endpoint": "processing", "action": "fail", "reason": "frame_rate_check_failed"}
    with stage.rule(**asked, open_id=account.open_id):
        publish_id = account.processed()
    account.expect(publish_id, "FAILED", fail_reason="frame_rate_check_failed")


@case("9.1", "a minute that is used up on demand: rate_limit_exceeded with 429")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="status", action="rate_limit", open_id=account.open_id):
        refused(account.status("unknown"), 429, "rate_limit_exceeded")
    refused(account.status("unknown"), 400, "invalid_publish_id")


@case("9.1", "an upload url that expires on demand: 403")
def _(stage: Stage) -> None:
    account = stage.account()
    ticket = account.ticket(by_file(9))
    with stage.rule(endpoint="upload", action="expire", open_id=account.open_id):
        same(stage.put(ticket.url, movie(9)).status, 403)
    same(stage.put(ticket.url, movie(9)).status, 403)


@case("9.1", "an upload url that a person lets expire: 403")
def _(stage: Stage) -> None:
    ticket = stage.account().ticket(by_file(9))
    stage.publication(ticket.publish_id, "expire")
    same(stage.put(ticket.url, movie(9)).status, 403)


@case("9.1", "an access token that expires on demand; its refresh token works")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="creator_info", action="expire", open_id=account.open_id):
        refused(account.creator_info(), 401, "access_token_invalid")
    same(stage.refresh(account.app, account.refresh_token).status, 200)


@case("9.1", "a permission that ends on demand: every token of the account is dead")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="creator_info", action="revoke", open_id=account.open_id):
        refused(account.creator_info(), 401, "access_token_invalid")
    oauth_refused(stage.refresh(account.app, account.refresh_token), 400, "invalid_grant")


@case("9.1", "a video that is taken down on demand")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    with stage.rule(endpoint="status", action="takedown", open_id=account.open_id):
        holds("publicaly_available_post_id" not in account.status(publish_id).data, "it is still public")
    same(account.videos().data["videos"], [])


@case("9.1", "an outage of everything, for some time")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="*", action="outage", seconds=300, status=503, client_key=account.app.client_key):
        same({account.creator_info().status, account.init().status, account.videos().status}, {503})
        stage.advance(301)
        same((account.creator_info().status, account.init().status), (200, 200))


@case("9.1", "skip lets the first calls pass, times ends the rule")
def _(stage: Stage) -> None:
    account = stage.account()
    asked = {"endpoint": "creator_info", "action": "status", "status": 502, "skip": 2, "times": 2}
    with stage.rule(**asked, open_id=account.open_id):
        same([account.creator_info().status for _ in range(6)], [200, 200, 502, 502, 200, 200])


@case("9.1", "every hits each nth call")
def _(stage: Stage) -> None:
    account = stage.account()
    asked = {"endpoint": "creator_info", "action": "status", "status": 502, "every": 3, "times": 0}
    with stage.rule(**asked, open_id=account.open_id):
        same([account.creator_info().status for _ in range(6)], [200, 200, 502, 200, 200, 502])


@case("9.1", "probability hits some calls, and with the same seed the same ones")
def _(stage: Stage) -> None:
    account = stage.account()
    found = []
    asked = {"endpoint": "creator_info", "action": "status", "probability": 0.5, "seed": 7, "times": 0}
    for _ in range(2):
        with stage.rule(**asked, open_id=account.open_id):
            caller = account.again()
            found.append([caller.creator_info().status for _ in range(18)])
    same(found[0], found[1])
    same(set(found[0]), {200, 503})


@case("9.1", "a rule for one {who} leaves others alone", who=["open_id", "username", "client_key"])
def _(stage: Stage, who: str) -> None:
    one, other = stage.account(), stage.account()
    value = {"open_id": one.open_id, "username": one.username, "client_key": one.app.client_key}[who]
    with stage.rule(endpoint="creator_info", action="status", status=500, times=0, **{who: value}):
        same((other.creator_info().status, one.creator_info().status), (200, 500))


@case("9.1", "a rule for one title leaves other posts alone")
def _(stage: Stage) -> None:
    account = stage.account()
    asked = {"endpoint": "video_init", "action": "error", "code": "internal_error", "title": stage.name}
    with stage.rule(**asked):
        same((account.init().status, account.init(title=stage.name).status), (200, 500))


@case("9.1", "a rule that is ended acts no more")
def _(stage: Stage) -> None:
    account = stage.account()
    with stage.rule(endpoint="creator_info", action="status", status=500, times=0, open_id=account.open_id):
        same(account.creator_info().status, 500)
    same(account.creator_info().status, 200)


@case(
    "9.1",
    "what no rule can be is refused: {rule}",
    rule={
        "an unknown action": {"endpoint": "upload", "action": "explode"},
        "an unknown endpoint": {"endpoint": "nowhere", "action": "status"},
        "a misspelt field": {"endpoint": "upload", "action": "status", "tmies": 1},
    },
)
def _(stage: Stage, rule: dict[str, object]) -> None:
    same(stage.place.admin("POST", "rules", rule).status, 422)


@case("9.1", "the catalogue lists what rules there can be")
def _(stage: Stage) -> None:
    words = stage.place.admin("GET", "rules/catalogue").words
    for name in ("video_init", "upload", "webhook", "lose_answer", "outage", "takedown"):
        holds(name in words, f"{name} is not listed")


@case("9.2", "time that stands still moves by what it is told")
def _(stage: Stage) -> None:
    before = stage.now()
    after = stage.advance(1_000)
    holds(1_000 <= after - before < 1_010, f"{after - before}")


@case("9.2", "time never goes back")
def _(stage: Stage) -> None:
    same(stage.place.admin("POST", "clock", {"seconds": -1}).status, 422)


@case("9.2", "time can pass faster")
def _(stage: Stage) -> None:
    before = stage.now()
    stage.place.arrange("clock", {"factor": 10_000})
    try:
        eventually(lambda: stage.now() > before + 100, what="a hundred seconds")
    finally:
        stage.place.arrange("clock", {"factor": 1, "manual": True})


@case("9.2", "a post goes its way by the clock alone")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.uploaded()
    account.expect(publish_id, "PROCESSING_UPLOAD")
    stage.advance(PROCESSING + 1)
    account.expect(publish_id, "PUBLISH_COMPLETE")


@case("9.3", "the ledger has what was posted: bytes, settings, who and when")
def _(stage: Stage) -> None:
    account = stage.account()
    film = movie(4_321)
    publish_id = account.posted(content=film, title="For the ledger", disable_duet=True)
    (post,) = stage.ledger(publish_id)
    found = {name: post[name] for name in ("open_id", "title", "privacy_level", "sha256", "bytes")}
    same(
        found,
        {
            "open_id": account.open_id,
            "title": "For the ledger",
            "privacy_level": EVERYONE,
            "sha256": sha256(film),
            "bytes": 4_321,
        },
    )
    same(post["post_id"], account.video_id(publish_id))


@case("9.3", "the ledger has nothing that is not posted yet")
def _(stage: Stage) -> None:
    same(stage.ledger(stage.account().uploaded()), [])


@case("9.3", "calls are listed with endpoint, account, status and code")
def _(stage: Stage) -> None:
    account = stage.account()
    account.status("unknown")
    calls = stage.place.admin("GET", "calls").json["calls"]
    (found,) = [each for each in calls if each["open_id"] == account.open_id]
    same((found["endpoint"], found["status"], found["code"]), ("status", 400, "invalid_publish_id"))


@case("9.3", "no list shows a token, a code or an upload url")
def _(stage: Stage) -> None:
    app = stage.app()
    code = stage.code(app)
    given = stage.exchange(app, code).json
    account = stage.account(app)
    ticket = account.ticket(by_file(9))
    stage.put(ticket.url, movie(9))
    shown = "".join(json.dumps(stage.place.admin("GET", name).json) for name in ("calls", "ledger", "webhooks"))
    secrets = (account.token, given["refresh_token"], code, ticket.url.partition("upload_token=")[2])
    same([each for each in secrets if each in shown], [])


@case("9.3", "the page for people is there, and takes nothing from elsewhere")
def _(stage: Stage) -> None:
    page = stage.place.admin("GET", "")
    same(page.status, 200)
    holds(page.headers["content-type"].startswith("text/html"), page.headers["content-type"])
    holds("https://" not in page.words.replace("https://www.w3.org", ""), "something from elsewhere")
