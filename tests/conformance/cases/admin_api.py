"""9: what only the sandbox has: rules, a clock, a ledger and the list of calls."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx

from conformance.case_registry import case
from conformance.checks import Reply, check, check_equal, check_oauth_refused, check_refused, check_unanswered
from conformance.external_server import sha256
from conformance.request_bodies import EVERYONE, JSON, PUBLISH, file_source, mp4_bytes
from conformance.sandbox_client import PROCESSING, wait_until
from conformance.scenario import Scenario


@case("9.1", "an answer that is lost: the work is done all the same")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="video_init", at="answer", action="lose_answer", open_id=account.open_id):
        check_unanswered(account.init)
    inits = scenario.sandbox.admin("GET", "ledger").json["inits"]
    check_equal(sum(each["open_id"] == account.open_id for each in inits), 1, "inits")


@case("9.1", "a request that is lost: nothing was done")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="video_init", at="request", action="lose_answer", open_id=account.open_id):
        check_unanswered(account.init)
    inits = scenario.sandbox.admin("GET", "ledger").json["inits"]
    check_equal(sum(each["open_id"] == account.open_id for each in inits), 0, "inits")


@case("9.1", "a refresh whose answer is lost ends the old refresh token")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="token", at="answer", action="lose_answer", open_id=account.open_id):
        check_unanswered(lambda: scenario.refresh(account.app, account.refresh_token))
    check_oauth_refused(scenario.refresh(account.app, account.refresh_token), 400, "invalid_grant")


@case("9.1", "a lost answer to a consent's exchange: the code is used up")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    code = scenario.code(app)
    with scenario.rule(endpoint="token", at="answer", action="lose_answer", client_key=app.client_key):
        check_unanswered(lambda: scenario.exchange(app, code))
    check_oauth_refused(scenario.exchange(app, code), 400, "invalid_grant")


@case("9.1", "an answer that breaks off in its middle")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", at="answer", action="close", open_id=account.open_id):
        check_unanswered(account.creator_info)
    check_equal(account.creator_info().code, "ok")


@case("9.1", "an upload closed within its body stores nothing of the chunk")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    film = mp4_bytes(3_000_000)
    target = account.open_upload(file_source(len(film)))
    rule = {"endpoint": "upload", "at": "body", "after_bytes": 1_000_000, "action": "close"}
    with scenario.rule(**rule, open_id=account.open_id):
        check_unanswered(lambda: scenario.put(target.url, film))
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)
    check_equal(scenario.put(target.url, film).status, 201)


@case("9.1", "a call that hangs until its client leaves")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    headers = {"Authorization": f"Bearer {account.token}", **JSON}
    with scenario.rule(endpoint="creator_info", action="hang", open_id=account.open_id):
        try:
            scenario.sandbox.send("POST", f"{PUBLISH}creator_info/query/", headers=headers, timeout=0.2)
        except httpx.ReadTimeout:
            return
    check(condition=False, otherwise="it was answered")


def _call_in_background(call: Callable[[], Reply], then: Callable[[Future[Reply]], None]) -> Reply:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call)
        then(waiting)
        return waiting.result(timeout=10)


@case("9.1", "a call that is held goes on when it is released")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", action="hold", open_id=account.open_id) as rule_id:

        def release(waiting: Future[Reply]) -> None:
            check_equal(scenario.sandbox.admin("GET", f"rules/{rule_id}/wait?holding=1&timeout=5").status, 200)
            check(not waiting.done(), "it was not held")
            scenario.sandbox.admin("POST", f"rules/{rule_id}/release")

        check_equal(_call_in_background(account.creator_info, release).code, "ok")


@case("9.1", "a call that is slow takes its seconds by the sandbox's clock")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", action="slow", seconds=500, open_id=account.open_id) as rule_id:

        def pass_time(waiting: Future[Reply]) -> None:
            check_equal(scenario.sandbox.admin("GET", f"rules/{rule_id}/wait?hits=1&timeout=5").status, 200)
            check(not waiting.done(), "it was not slow")
            scenario.advance(501)

        check_equal(_call_in_background(account.creator_info, pass_time).code, "ok")


@case("9.1", "processing that is slow")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="processing", action="slow", seconds=5_000, open_id=account.open_id):
        publish_id = account.upload_and_process()
    account.check_status(publish_id, "PROCESSING_UPLOAD")
    scenario.advance(5_000)
    account.check_status(publish_id, "PUBLISH_COMPLETE")


@case("9.1", "processing that fails with a reason")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    rule = {"endpoint": "processing", "action": "fail", "reason": "frame_rate_check_failed"}
    with scenario.rule(**rule, open_id=account.open_id):
        publish_id = account.upload_and_process()
    account.check_status(publish_id, "FAILED", fail_reason="frame_rate_check_failed")


@case("9.1", "a rate_limit rule answers 429 with rate_limit_exceeded")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="status", action="rate_limit", open_id=account.open_id):
        check_refused(account.status("unknown"), 429, "rate_limit_exceeded")
    check_refused(account.status("unknown"), 400, "invalid_publish_id")


@case("9.1", "an upload url that expires on demand: 403")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    target = account.open_upload(file_source(9))
    with scenario.rule(endpoint="upload", action="expire", open_id=account.open_id):
        check_equal(scenario.put(target.url, mp4_bytes(9)).status, 403)
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 403)


@case("9.1", "an upload url that a person lets expire: 403")
def _(scenario: Scenario) -> None:
    target = scenario.account().open_upload(file_source(9))
    scenario.publication(target.publish_id, "expire")
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 403)


@case("9.1", "an expired access token leaves its refresh token valid")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", action="expire", open_id=account.open_id):
        check_refused(account.creator_info(), 401, "access_token_invalid")
    check_equal(scenario.refresh(account.app, account.refresh_token).status, 200)


@case("9.1", "a revoke rule ends every token of the account")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", action="revoke", open_id=account.open_id):
        check_refused(account.creator_info(), 401, "access_token_invalid")
    check_oauth_refused(scenario.refresh(account.app, account.refresh_token), 400, "invalid_grant")


@case("9.1", "a video that is taken down on demand")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    with scenario.rule(endpoint="status", action="takedown", open_id=account.open_id):
        check("publicaly_available_post_id" not in account.status(publish_id).data, "it is still public")
    check_equal(account.videos().data["videos"], [])


@case("9.1", "an outage of everything, for some time")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="*", action="outage", seconds=300, status=503, client_key=account.app.client_key):
        check_equal({account.creator_info().status, account.init().status, account.videos().status}, {503})
        scenario.advance(301)
        check_equal((account.creator_info().status, account.init().status), (200, 200))


@case("9.1", "skip lets the first calls pass, times ends the rule")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    rule = {"endpoint": "creator_info", "action": "status", "status": 502, "skip": 2, "times": 2}
    with scenario.rule(**rule, open_id=account.open_id):
        check_equal([account.creator_info().status for _ in range(6)], [200, 200, 502, 502, 200, 200])


@case("9.1", "every hits each nth call")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    rule = {"endpoint": "creator_info", "action": "status", "status": 502, "every": 3, "times": 0}
    with scenario.rule(**rule, open_id=account.open_id):
        check_equal([account.creator_info().status for _ in range(6)], [200, 200, 502, 200, 200, 502])


@case("9.1", "probability hits some calls, the same ones for a seed")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    found = []
    rule = {"endpoint": "creator_info", "action": "status", "probability": 0.5, "seed": 7, "times": 0}
    for _ in range(2):
        with scenario.rule(**rule, open_id=account.open_id):
            caller = account.with_new_token()
            found.append([caller.creator_info().status for _ in range(18)])
    check_equal(found[0], found[1])
    check_equal(set(found[0]), {200, 503})


@case("9.1", "a rule for one {who} leaves others alone", who=["open_id", "username", "client_key"])
def _(scenario: Scenario, who: str) -> None:
    one, other = scenario.account(), scenario.account()
    value = {"open_id": one.open_id, "username": one.username, "client_key": one.app.client_key}[who]
    with scenario.rule(endpoint="creator_info", action="status", status=500, times=0, **{who: value}):
        check_equal((other.creator_info().status, one.creator_info().status), (200, 500))


@case("9.1", "a rule for one title leaves other posts alone")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    rule = {
        "endpoint": "video_init",
        "action": "error",
        "code": "internal_error",
        "title": scenario.name,
    }
    with scenario.rule(**rule):
        check_equal((account.init().status, account.init(title=scenario.name).status), (200, 500))


@case("9.1", "a rule that is ended acts no more")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", action="status", status=500, times=0, open_id=account.open_id):
        check_equal(account.creator_info().status, 500)
    check_equal(account.creator_info().status, 200)


@case(
    "9.1",
    "what no rule can be is refused: {rule}",
    rule={
        "an unknown action": {"endpoint": "upload", "action": "explode"},
        "an unknown endpoint": {"endpoint": "nowhere", "action": "status"},
        "a misspelt field": {"endpoint": "upload", "action": "status", "tmies": 1},
    },
)
def _(scenario: Scenario, rule: dict[str, object]) -> None:
    check_equal(scenario.sandbox.admin("POST", "rules", rule).status, 422)


@case("9.1", "the catalogue lists what rules there can be")
def _(scenario: Scenario) -> None:
    text = scenario.sandbox.admin("GET", "rules/catalogue").text
    for name in ("video_init", "upload", "webhook", "lose_answer", "outage", "takedown"):
        check(name in text, f"{name} is not listed")


@case("9.2", "stopped time advances by the given seconds")
def _(scenario: Scenario) -> None:
    before = scenario.now()
    after = scenario.advance(1_000)
    check(1_000 <= after - before < 1_010, f"{after - before}")


@case("9.2", "time never goes back")
def _(scenario: Scenario) -> None:
    check_equal(scenario.sandbox.admin("POST", "clock", {"seconds": -1}).status, 422)


@case("9.2", "time can pass faster")
def _(scenario: Scenario) -> None:
    before = scenario.now()
    scenario.sandbox.must_post("clock", {"factor": 10_000})
    try:
        wait_until(lambda: scenario.now() > before + 100, what="a hundred seconds")
    finally:
        scenario.sandbox.must_post("clock", {"factor": 1, "manual": True})


@case("9.2", "a post goes its way by the clock alone")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_video()
    account.check_status(publish_id, "PROCESSING_UPLOAD")
    scenario.advance(PROCESSING + 1)
    account.check_status(publish_id, "PUBLISH_COMPLETE")


@case("9.3", "the ledger shows bytes, settings, account and times of posts")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    film = mp4_bytes(4_321)
    publish_id = account.post_publicly(content=film, title="For the ledger", disable_duet=True)
    (post,) = scenario.ledger(publish_id)
    found = {name: post[name] for name in ("open_id", "title", "privacy_level", "sha256", "bytes")}
    check_equal(
        found,
        {
            "open_id": account.open_id,
            "title": "For the ledger",
            "privacy_level": EVERYONE,
            "sha256": sha256(film),
            "bytes": 4_321,
        },
    )
    check_equal(post["post_id"], account.video_id(publish_id))


@case("9.3", "the ledger has nothing that is not posted yet")
def _(scenario: Scenario) -> None:
    check_equal(scenario.ledger(scenario.account().upload_video()), [])


@case("9.3", "calls are listed with endpoint, account, status and code")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    account.status("unknown")
    calls = scenario.sandbox.admin("GET", "calls").json["calls"]
    (found,) = [each for each in calls if each["open_id"] == account.open_id]
    check_equal((found["endpoint"], found["status"], found["code"]), ("status", 400, "invalid_publish_id"))


@case("9.3", "no list shows a token, a code or an upload url")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    code = scenario.code(app)
    given = scenario.exchange(app, code).json
    account = scenario.account(app)
    target = account.open_upload(file_source(9))
    scenario.put(target.url, mp4_bytes(9))
    shown = "".join(json.dumps(scenario.sandbox.admin("GET", name).json) for name in ("calls", "ledger", "webhooks"))
    secrets = (account.token, given["refresh_token"], code, target.url.partition("upload_token=")[2])
    check_equal([each for each in secrets if each in shown], [])


@case("9.3", "the dashboard exists and loads nothing from other hosts")
def _(scenario: Scenario) -> None:
    page = scenario.sandbox.admin("GET", "")
    check_equal(page.status, 200)
    check(page.headers["content-type"].startswith("text/html"), page.headers["content-type"])
    check("https://" not in page.text.replace("https://www.w3.org", ""), "something from elsewhere")
