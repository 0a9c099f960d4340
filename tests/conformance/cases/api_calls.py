"""2 and 7: what every call has in common: token, rate limit, envelope."""

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import Reply, check, check_equal, check_keys, check_refused
from conformance.request_bodies import PUBLISH, file_source
from conformance.scenario import Scenario

NO_TOKEN = "The access token is invalid or not found in the request."
CALLS = {
    "creator_info/query/": ("POST", f"{PUBLISH}creator_info/query/"),
    "video/init/": ("POST", f"{PUBLISH}video/init/"),
    "inbox/video/init/": ("POST", f"{PUBLISH}inbox/video/init/"),
    "content/init/": ("POST", f"{PUBLISH}content/init/"),
    "status/fetch/": ("POST", f"{PUBLISH}status/fetch/"),
    "cancel/": ("POST", f"{PUBLISH}cancel/"),
    "/v2/user/info/": ("GET", "/v2/user/info/?fields=open_id"),
    "/v2/video/list/": ("POST", "/v2/video/list/?fields=id"),
    "/v2/video/query/": ("POST", "/v2/video/query/?fields=id"),
}


@case("2", "{endpoint} without a token is access_token_invalid", endpoint=CALLS)
def _(scenario: Scenario, endpoint: tuple[str, str]) -> None:
    check_refused(scenario.sandbox.send(*endpoint), 401, "access_token_invalid", NO_TOKEN)


@case("2", "{endpoint} takes no other method", endpoint=CALLS)
def _(scenario: Scenario, endpoint: tuple[str, str]) -> None:
    other = "GET" if endpoint[0] == "POST" else "POST"
    check_equal(scenario.sandbox.send(other, endpoint[1]).status, 405)


@case(
    "2",
    "an Authorization header of {header} is access_token_invalid",
    header={
        "another scheme": "Basic {}",
        "the bare token": "{}",
        "a token cut short": "Bearer {}x",
        "nothing": "Bearer",
    },
)
def _(scenario: Scenario, header: str) -> None:
    sent = {"Authorization": header.format(scenario.account().token)}
    check_refused(
        scenario.sandbox.send("POST", f"{PUBLISH}creator_info/query/", headers=sent), 401, "access_token_invalid"
    )


@case("2", "a body may be plain application/json as well")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    body = b'{"post_info":{"privacy_level":"SELF_ONLY"},"source_info":{"source":"FILE_UPLOAD","video_size":9,'
    body += b'"chunk_size":9,"total_chunk_count":1}}'
    headers = {"Authorization": f"Bearer {account.token}", "Content-Type": "application/json"}
    check_equal(scenario.sandbox.send("POST", f"{PUBLISH}video/init/", content=body, headers=headers).code, "ok")


@case("2", "what a body has beyond the documented fields is ignored")
def _(scenario: Scenario) -> None:
    body = {"post_info": {"privacy_level": "SELF_ONLY", "mood": "good"}, "source_info": file_source(9), "more": 1}
    check_equal(scenario.account().call(f"{PUBLISH}video/init/", body).code, "ok")


def _creator_info(account: Account) -> Reply:
    return account.creator_info()


def _init(account: Account) -> Reply:
    return account.call(f"{PUBLISH}video/init/", {"post_info": {}})


def _inbox(account: Account) -> Reply:
    return account.call(f"{PUBLISH}inbox/video/init/", {})


def _photos(account: Account) -> Reply:
    return account.call(f"{PUBLISH}content/init/", {})


def _status(account: Account) -> Reply:
    return account.status("unknown")


def _user_info(account: Account) -> Reply:
    return account.user_info("open_id")


def _videos(account: Account) -> Reply:
    return account.videos()


def _query(account: Account) -> Reply:
    return account.query([])


LIMITED = {
    "20 calls of creator_info/query/": (20, _creator_info),
    "6 calls of video/init/": (6, _init),
    "6 calls of inbox/video/init/": (6, _inbox),
    "6 calls of content/init/": (6, _photos),
    "30 calls of status/fetch/": (30, _status),
    "600 calls of /v2/user/info/": (600, _user_info),
    "600 calls of /v2/video/list/": (600, _videos),
    "600 calls of /v2/video/query/": (600, _query),
}


def _use_up(limit: tuple[int, object], account: Account) -> None:
    count, call = limit
    assert callable(call)
    for number in range(count):
        found = call(account).code
        check(found != "rate_limit_exceeded", f"refused at call {number + 1} of {count}")


@case("2", "{limit} a minute are allowed, then rate_limit_exceeded", limit=LIMITED)
def _(scenario: Scenario, limit: tuple[int, object]) -> None:
    account = scenario.account()
    _use_up(limit, account)
    assert callable(limit[1])
    check_refused(limit[1](account), 429, "rate_limit_exceeded")


@case("2", "the minute slides: it is over 60 seconds after the calls")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _use_up((20, _creator_info), account)
    scenario.advance(55)
    check_refused(account.creator_info(), 429, "rate_limit_exceeded")
    scenario.advance(6)
    check_equal(account.creator_info().code, "ok")


@case("2", "a minute used up in two halves frees its first half first")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _use_up((10, _creator_info), account)
    scenario.advance(40)
    _use_up((10, _creator_info), account)
    scenario.advance(25)
    _use_up((10, _creator_info), account)
    check_refused(account.creator_info(), 429, "rate_limit_exceeded")


@case("2", "the rate limit is per token: another person has their own")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _use_up((6, _init), account)
    check_equal(scenario.account(account.app).init().code, "ok")


@case("2", "the rate limit is per token, also for one person")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _use_up((6, _init), account)
    check_equal(account.with_new_token().init().code, "ok")


@case("2", "the three inits each have a minute of their own")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for limit in ((6, _init), (6, _inbox), (6, _photos)):
        _use_up(limit, account)
    check_refused(account.init(), 429, "rate_limit_exceeded")


@case("2", "no limit is known for cancel/")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_equal({account.cancel("unknown").code for _ in range(60)}, {"invalid_publish_id"})


@case("2", "token, then rate limit, then body are checked")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _use_up((6, _init), account)
    check_refused(account.call(f"{PUBLISH}video/init/", b"no json"), 429, "rate_limit_exceeded")
    scenario.revoke({**account.app.credentials, "token": account.token})
    check_refused(account.call(f"{PUBLISH}video/init/", b"no json"), 401, "access_token_invalid")


@case("2", "an init is not idempotent: repeated, it is another post")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    first, second = account.upload_video(title="twice"), account.upload_video(title="twice")
    check(first != second, "one publish id for two inits")
    scenario.advance(200)
    check_equal(len(account.videos().data["videos"]), 2, "videos")


@case("7", "success has data, and error with code ok and no message")
def _(scenario: Scenario) -> None:
    reply = scenario.account().creator_info()
    check_keys(reply.json, ["data", "error"])
    check_keys(reply.error, ["code", "message", "log_id"])
    check_equal((reply.code, reply.error["message"]), ("ok", ""))


@case("7", "an error carries no data")
def _(scenario: Scenario) -> None:
    check_keys(scenario.account().init(file_source(9), privacy_level="NO_ONE").json, ["error"])


@case("7", "an error has a log id and a message, too")
def _(scenario: Scenario) -> None:
    error = scenario.sandbox.send("POST", f"{PUBLISH}creator_info/query/").error
    check_keys(error, ["code", "message", "log_id"])
    check_equal(len(error["log_id"]), 34)


@case("7", "answers are JSON and carry X-Tt-Logid")
def _(scenario: Scenario) -> None:
    reply = scenario.account().creator_info()
    check(reply.headers["content-type"].startswith("application/json"), reply.headers["content-type"])
    check_equal(reply.headers["x-tt-logid"], reply.error["log_id"])


@case("7", "no header gives a waiting time or the remaining calls")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _use_up((20, _creator_info), account)
    names = {name.lower() for name in account.creator_info().headers}
    check_equal({name for name in names if "limit" in name or name == "retry-after"}, set())


GENERIC = {
    "access_token_invalid with 401": ("access_token_invalid", 401),
    "scope_not_authorized with 401": ("scope_not_authorized", 401),
    "scope_permission_missed with 400": ("scope_permission_missed", 400),
    "invalid_params with 400": ("invalid_params", 400),
    "invalid_file_upload with 400": ("invalid_file_upload", 400),
    "rate_limit_exceeded with 429": ("rate_limit_exceeded", 429),
    "internal_error with 500": ("internal_error", 500),
}


@case("7", "{code} can be had on demand, and once only", code=GENERIC)
def _(scenario: Scenario, code: tuple[str, int]) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="status", action="error", code=code[0], open_id=account.open_id):
        check_refused(account.status("unknown"), code[1], code[0])
        check_refused(account.status("unknown"), 400, "invalid_publish_id")


@case("7", "{status} can be had on demand", status=[500, 502, 503, 504])
def _(scenario: Scenario, status: int) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="creator_info", action="status", status=status, open_id=account.open_id):
        check_equal(account.creator_info().status, status)
    check_equal(account.creator_info().status, 200)
