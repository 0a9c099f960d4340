"""1.7 to 1.9: errors of the token endpoints, scopes, and TikTok's own sandbox."""

from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_oauth_refused, check_refused
from conformance.request_bodies import ALL_SCOPES, JSON, PUBLISH, mp4_bytes, url_source
from conformance.scenario import Scenario

STALE = "Refresh token is invalid or expired."


@case("1.7", "an error is flat: error, error_description and log_id")
def _(scenario: Scenario) -> None:
    reply = scenario.token({**scenario.app().credentials, "grant_type": "refresh_token", "refresh_token": "made up"})
    check_keys(reply.json, ["error", "error_description", "log_id"])
    check(all(isinstance(each, str) for each in reply.json.values()), "texts only")


@case("1.7", "invalid_request: the secret is missing")
def _(scenario: Scenario) -> None:
    form = {"client_key": scenario.app().client_key, "grant_type": "client_credentials"}
    check_oauth_refused(scenario.token(form), 400, "invalid_request", "Client secret is missed in request.")


@case("1.7", "invalid_client: {wrong}", wrong=["client_key", "client_secret"])
def _(scenario: Scenario, wrong: str) -> None:
    form = {**scenario.app().credentials, "grant_type": "client_credentials", wrong: "somethingelse"}
    check_oauth_refused(scenario.token(form), 401, "invalid_client", "Client key or secret is incorrect.")


@case("1.7", "invalid_client goes before anything about the code")
def _(scenario: Scenario) -> None:
    reply = scenario.exchange(app := scenario.app(), scenario.code(app), client_secret="wrong")
    check_oauth_refused(reply, 401, "invalid_client")


@case("1.7", "unsupported_grant_type: {kind}", kind=["password", "implicit"])
def _(scenario: Scenario, kind: str) -> None:
    check_oauth_refused(
        scenario.token({**scenario.app().credentials, "grant_type": kind}), 400, "unsupported_grant_type"
    )


@case("1.7", "invalid_grant does not use up the code of another app")
def _(scenario: Scenario) -> None:
    code = scenario.code(app := scenario.app())
    check_oauth_refused(scenario.exchange(scenario.app(), code), 400, "invalid_grant")
    check_equal(scenario.exchange(app, code).status, 200)


_ON_DEMAND = (
    "access_denied",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_response_type",
    "server_error",
    "temporarily_unavailable",
)


@case("1.7", "{error} can be had on demand", error=_ON_DEMAND)
def _(scenario: Scenario, error: str) -> None:
    account = scenario.account()
    status = 503 if error in {"server_error", "temporarily_unavailable"} else 400
    rule = {
        "endpoint": "token",
        "action": "status",
        "status": status,
        "code": error,
        "open_id": account.open_id,
    }
    with scenario.rule(**rule):
        check_oauth_refused(scenario.refresh(account.app, account.refresh_token), status, error)
    check_equal(scenario.refresh(account.app, account.refresh_token).status, 200)


@case("1.7", "errors may come with HTTP 200, by the settings")
def _(scenario: Scenario) -> None:
    with scenario.settings(oauth_errors_as_200=True):
        reply = scenario.token(
            {**scenario.app().credentials, "grant_type": "refresh_token", "refresh_token": "made up"}
        )
    check_oauth_refused(reply, 200, "invalid_grant", STALE)
    check("access_token" not in reply.json, "an access token in an error")


_NEEDS = {
    "creator_info/query/": (f"{PUBLISH}creator_info/query/", {"video.publish"}),
    "video/init/": (f"{PUBLISH}video/init/", {"video.publish"}),
    "inbox/video/init/": (f"{PUBLISH}inbox/video/init/", {"video.upload"}),
    "status/fetch/": (f"{PUBLISH}status/fetch/", {"video.publish", "video.upload"}),
    "cancel/": (f"{PUBLISH}cancel/", {"video.publish", "video.upload"}),
    "/v2/video/list/": ("/v2/video/list/?fields=id", {"video.list"}),
    "/v2/video/query/": ("/v2/video/query/?fields=id", {"video.list"}),
}


@case("1.8", "{endpoint} is refused without its scope", endpoint=_NEEDS)
def _(scenario: Scenario, endpoint: tuple[str, set[str]]) -> None:
    path, needed = endpoint
    account = scenario.account(scopes=[scope for scope in ALL_SCOPES if scope not in needed])
    check_refused(account.call(path, {}), 401, "scope_not_authorized")


@case("1.8", "{endpoint} needs no other scope than its own", endpoint=_NEEDS)
def _(scenario: Scenario, endpoint: tuple[str, set[str]]) -> None:
    path, needed = endpoint
    for scope in needed:
        reply = scenario.account(scopes=[scope]).call(path, {})
        check(reply.code != "scope_not_authorized", f"{scope} is not enough")


@case(
    "1.8",
    "content/init/ with {mode} needs the scope of its mode",
    mode={"DIRECT_POST": ("DIRECT_POST", "video.upload"), "MEDIA_UPLOAD": ("MEDIA_UPLOAD", "video.publish")},
)
def _(scenario: Scenario, mode: tuple[str, str]) -> None:
    account = scenario.account(scopes=[mode[1]])
    check_refused(account.photos("https://media.example/a.jpg", mode=mode[0]), 401, "scope_not_authorized")


@case("1.8", "a scope that was not ticked is not granted")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    code = scenario.consent(app, granted=["user.info.basic"]).callback["code"]
    token = scenario.exchange(app, code).json["access_token"]
    headers = {"Authorization": f"Bearer {token}", **JSON}
    reply = scenario.sandbox.send("POST", f"{PUBLISH}creator_info/query/", headers=headers)
    check_refused(reply, 401, "scope_not_authorized")


@case("1.9", "only target users can consent: non_sandbox_target")
def _(scenario: Scenario) -> None:
    app = scenario.app(sandbox_targets=[scenario.creator_account()])
    back = scenario.consent(app).callback
    check_equal((back["error"], back["error_type"]), ("access_denied", "non_sandbox_target"))
    check("code" not in back, "a code nevertheless")


@case("1.9", "a target person agrees like anybody")
def _(scenario: Scenario) -> None:
    target = scenario.creator_account()
    app = scenario.app(sandbox_targets=[target])
    check_equal(scenario.exchange(app, scenario.code(app, creator=target)).status, 200)


@case("1.9", "a sandbox has at most ten target people")
def _(scenario: Scenario) -> None:
    check_equal(scenario.register(sandbox_targets=[f"p{number}" for number in range(11)]).status, 422)
    check_equal(scenario.register(sandbox_targets=[f"p{number}" for number in range(10)]).status, 201)


@case("1.9", "a sandbox must own the addresses it names, too")
def _(scenario: Scenario) -> None:
    target = scenario.creator_account()
    account = scenario.account(scenario.app(sandbox_targets=[target]), username=target)
    check_refused(account.init(url_source(scenario.file(mp4_bytes(100)))), 403, "url_ownership_unverified")


@case("1.9", "a token of one app is not another's: secrets are apart, too")
def _(scenario: Scenario) -> None:
    one, other = scenario.app(), scenario.app()
    form = {**one.credentials, "client_secret": other.client_secret, "grant_type": "client_credentials"}
    check_oauth_refused(scenario.token(form), 401, "invalid_client")
