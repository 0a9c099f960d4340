"""1.7 to 1.9: errors of the token endpoints, scopes, and TikTok's own sandbox."""

from conformance.book import case
from conformance.reply import has_keys, holds, oauth_refused, refused, same
from conformance.stage import Stage
from conformance.wishes import ALL_SCOPES, JSON, PUBLISH, by_url, movie

STALE = "Refresh token is invalid or expired."


@case("1.7", "an error is flat: error is a text, with error_description and log_id")
def _(stage: Stage) -> None:
    reply = stage.token({**stage.app().credentials, "grant_type": "refresh_token", "refresh_token": "made up"})
    has_keys(reply.json, ["error", "error_description", "log_id"])
    holds(all(isinstance(each, str) for each in reply.json.values()), "texts only")


@case("1.7", "invalid_request: the secret is missing")
def _(stage: Stage) -> None:
    form = {"client_key": stage.app().client_key, "grant_type": "client_credentials"}
    oauth_refused(stage.token(form), 400, "invalid_request", "Client secret is missed in request.")


@case("1.7", "invalid_client: {wrong}", wrong=["client_key", "client_secret"])
def _(stage: Stage, wrong: str) -> None:
    form = {**stage.app().credentials, "grant_type": "client_credentials", wrong: "somethingelse"}
    oauth_refused(stage.token(form), 401, "invalid_client", "Client key or secret is incorrect.")


@case("1.7", "invalid_client goes before anything about the code")
def _(stage: Stage) -> None:
    reply = stage.exchange(app := stage.app(), stage.code(app), client_secret="wrong")
    oauth_refused(reply, 401, "invalid_client")


@case("1.7", "unsupported_grant_type: {kind}", kind=["password", "implicit"])
def _(stage: Stage, kind: str) -> None:
    oauth_refused(stage.token({**stage.app().credentials, "grant_type": kind}), 400, "unsupported_grant_type")


@case("1.7", "invalid_grant does not use a code up that was not the form's own")
def _(stage: Stage) -> None:
    code = stage.code(app := stage.app())
    oauth_refused(stage.exchange(stage.app(), code), 400, "invalid_grant")
    same(stage.exchange(app, code).status, 200)


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
def _(stage: Stage, error: str) -> None:
    account = stage.account()
    status = 503 if error in {"server_error", "temporarily_unavailable"} else 400
    asked = {"endpoint": "token", "action": "status", "status": status, "code": error, "open_id": account.open_id}
    with stage.rule(**asked):
        oauth_refused(stage.refresh(account.app, account.refresh_token), status, error)
    same(stage.refresh(account.app, account.refresh_token).status, 200)


@case("1.7", "errors may come with HTTP 200 as well, and then the body decides")
def _(stage: Stage) -> None:
    with stage.settings(oauth_errors_as_200=True):
        reply = stage.token({**stage.app().credentials, "grant_type": "refresh_token", "refresh_token": "made up"})
    oauth_refused(reply, 200, "invalid_grant", STALE)
    holds("access_token" not in reply.json, "an access token in an error")


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
def _(stage: Stage, endpoint: tuple[str, set[str]]) -> None:
    path, needed = endpoint
    account = stage.account(scopes=[scope for scope in ALL_SCOPES if scope not in needed])
    refused(account.call(path, {}), 401, "scope_not_authorized")


@case("1.8", "{endpoint} needs no other scope than its own", endpoint=_NEEDS)
def _(stage: Stage, endpoint: tuple[str, set[str]]) -> None:
    path, needed = endpoint
    for scope in needed:
        reply = stage.account(scopes=[scope]).call(path, {})
        holds(reply.code != "scope_not_authorized", f"{scope} is not enough")


@case(
    "1.8",
    "content/init/ with {mode} is refused with the scope of the other mode",
    mode={"DIRECT_POST": ("DIRECT_POST", "video.upload"), "MEDIA_UPLOAD": ("MEDIA_UPLOAD", "video.publish")},
)
def _(stage: Stage, mode: tuple[str, str]) -> None:
    account = stage.account(scopes=[mode[1]])
    refused(account.photos("https://media.example/a.jpg", mode=mode[0]), 401, "scope_not_authorized")


@case("1.8", "a scope the person did not tick is not there, though the app has it")
def _(stage: Stage) -> None:
    app = stage.app()
    code = stage.consent(app, granted=["user.info.basic"]).callback["code"]
    token = stage.exchange(app, code).json["access_token"]
    headers = {"Authorization": f"Bearer {token}", **JSON}
    reply = stage.place.send("POST", f"{PUBLISH}creator_info/query/", headers=headers)
    refused(reply, 401, "scope_not_authorized")


@case("1.9", "in TikTok's sandbox only target people can agree: non_sandbox_target")
def _(stage: Stage) -> None:
    app = stage.app(sandbox_targets=[stage.person()])
    back = stage.consent(app).callback
    same((back["error"], back["error_type"]), ("access_denied", "non_sandbox_target"))
    holds("code" not in back, "a code nevertheless")


@case("1.9", "a target person agrees like anybody")
def _(stage: Stage) -> None:
    target = stage.person()
    app = stage.app(sandbox_targets=[target])
    same(stage.exchange(app, stage.code(app, creator=target)).status, 200)


@case("1.9", "a sandbox has at most ten target people")
def _(stage: Stage) -> None:
    same(stage.register(sandbox_targets=[f"p{number}" for number in range(11)]).status, 422)
    same(stage.register(sandbox_targets=[f"p{number}" for number in range(10)]).status, 201)


@case("1.9", "a sandbox must own the addresses it names, too")
def _(stage: Stage) -> None:
    target = stage.person()
    account = stage.account(stage.app(sandbox_targets=[target]), username=target)
    refused(account.init(by_url(stage.file(movie(100)))), 403, "url_ownership_unverified")


@case("1.9", "a token of one app is not another's: secrets are apart, too")
def _(stage: Stage) -> None:
    one, other = stage.app(), stage.app()
    form = {**one.credentials, "client_secret": other.client_secret, "grant_type": "client_credentials"}
    oauth_refused(stage.token(form), 401, "invalid_client")
