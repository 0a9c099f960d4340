"""1.5 and 1.6: codes and tokens, and giving them back."""

import json

from conformance.account import Account
from conformance.book import case
from conformance.reply import Reply, has_keys, holds, oauth_refused, refused, same
from conformance.stage import Stage
from conformance.wishes import FORM, JSON, PUBLISH

USED = "Authorization code is expired."
STALE = "Refresh token is invalid or expired."
MALFORMED = "The request parameters are malformed."
FIELDS = (
    "open_id",
    "scope",
    "access_token",
    "expires_in",
    "refresh_token",
    "refresh_expires_in",
    "token_type",
)


def _works(account: Account, token: str = "") -> Reply:
    headers = {"Authorization": f"Bearer {token or account.token}", **JSON}
    return account.stage.place.send("POST", f"{PUBLISH}creator_info/query/", headers=headers)


@case("1.5", "tokens come flat, without data or error")
def _(stage: Stage) -> None:
    has_keys(stage.exchange(app := stage.app(), stage.code(app)).json, FIELDS)


@case("1.5", "token_type is Bearer and lives are numbers: 7200 and 15552000 seconds")
def _(stage: Stage) -> None:
    given = stage.exchange(app := stage.app(), stage.code(app)).json
    found = (given["token_type"], given["expires_in"], given["refresh_expires_in"])
    same(found, ("Bearer", 7_200, 15_552_000))


@case("1.5", "before November 2026 tokens lived 86400 and 31536000 seconds")
def _(stage: Stage) -> None:
    with stage.settings(lifetimes={"token_profile": "classic"}):
        given = stage.exchange(app := stage.app(), stage.code(app)).json
    same((given["expires_in"], given["refresh_expires_in"]), (86_400, 31_536_000))


@case("1.5", "scope is one text with commas")
def _(stage: Stage) -> None:
    same(stage.exchange(app := stage.app(), stage.code(app)).json["scope"], "user.info.basic,video.publish")


@case("1.5", "a code works once")
def _(stage: Stage) -> None:
    code = stage.code(app := stage.app())
    same(stage.exchange(app, code).status, 200)
    oauth_refused(stage.exchange(app, code), 400, "invalid_grant", USED)


@case("1.5", "a code is worth nothing some minutes later")
def _(stage: Stage) -> None:
    code = stage.code(app := stage.app())
    stage.advance(3_600)
    oauth_refused(stage.exchange(app, code), 400, "invalid_grant", USED)


@case("1.5", "a code still works after a minute")
def _(stage: Stage) -> None:
    code = stage.code(app := stage.app())
    stage.advance(60)
    same(stage.exchange(app, code).status, 200)


@case("1.5", "a code nobody gave out is refused")
def _(stage: Stage) -> None:
    oauth_refused(stage.exchange(stage.app(), "made-up*1!4608.va"), 400, "invalid_grant", USED)


@case("1.5", "a code encoded twice is refused: it must be decoded once")
def _(stage: Stage) -> None:
    code = stage.code(app := stage.app())
    oauth_refused(stage.exchange(app, code.replace("*", "%2A").replace("!", "%21")), 400, "invalid_grant")


@case("1.5", "a code belongs to the app it was given to")
def _(stage: Stage) -> None:
    oauth_refused(stage.exchange(stage.app(), stage.code(stage.app())), 400, "invalid_grant")


@case("1.5", "the exchange must repeat the redirect address")
def _(stage: Stage) -> None:
    reply = stage.exchange(app := stage.app(), stage.code(app), redirect_uri="http://127.0.0.1:1/callback")
    wrong = "Redirect_uri is not matched with the uri when requesting code."
    oauth_refused(reply, 400, "invalid_request", wrong)


@case("1.5", "the exchange must not leave the redirect address out")
def _(stage: Stage) -> None:
    reply = stage.exchange(app := stage.app(), stage.code(app), redirect_uri=None)
    oauth_refused(reply, 400, "invalid_request")


@case("1.5", "a JSON body is refused")
def _(stage: Stage) -> None:
    app = stage.app()
    form = {**app.credentials, "grant_type": "client_credentials"}
    reply = stage.place.send("POST", "/v2/oauth/token/", content=json.dumps(form).encode(), headers=JSON)
    oauth_refused(reply, 400, "invalid_request", MALFORMED)


@case("1.5", "a form that does not say that it is one is refused")
def _(stage: Stage) -> None:
    reply = stage.place.send("POST", "/v2/oauth/token/", content=b"grant_type=client_credentials")
    oauth_refused(reply, 400, "invalid_request", MALFORMED)


@case("1.5", "a form may name its charset")
def _(stage: Stage) -> None:
    app = stage.app()
    body = f"grant_type=client_credentials&client_key={app.client_key}&client_secret={app.client_secret}".encode()
    headers = {"Content-Type": FORM["Content-Type"] + "; charset=UTF-8"}
    same(stage.place.send("POST", "/v2/oauth/token/", content=body, headers=headers).status, 200)


@case("1.5", "the token endpoint takes POST only")
def _(stage: Stage) -> None:
    same(stage.place.send("GET", "/v2/oauth/token/").status, 405)


@case("1.5", "a grant_type cannot be left out")
def _(stage: Stage) -> None:
    oauth_refused(stage.token(stage.app().credentials), 400, "invalid_request")


@case("1.5", "a refresh gives a new pair for the same person and scopes")
def _(stage: Stage) -> None:
    account = stage.account(scopes=["user.info.basic", "video.publish"])
    given = stage.refresh(account.app, account.refresh_token).json
    has_keys(given, FIELDS)
    same((given["open_id"], given["scope"]), (account.open_id, "user.info.basic,video.publish"))
    holds(given["access_token"] != account.token, "the access token is the old one")
    holds(given["refresh_token"] != account.refresh_token, "the refresh token is the old one")
    same(_works(account, given["access_token"]).status, 200)


@case("1.5", "a refresh token works once")
def _(stage: Stage) -> None:
    account = stage.account()
    same(stage.refresh(account.app, account.refresh_token).status, 200)
    oauth_refused(stage.refresh(account.app, account.refresh_token), 400, "invalid_grant", STALE)


@case("1.5", "the refresh token of a refresh works in its turn")
def _(stage: Stage) -> None:
    account = stage.account()
    second = stage.refresh(account.app, account.refresh_token).json["refresh_token"]
    same(stage.refresh(account.app, second).status, 200)


@case("1.5", "a refresh token dies after 180 days")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.advance(15_552_001)
    oauth_refused(stage.refresh(account.app, account.refresh_token), 400, "invalid_grant", STALE)


@case("1.5", "a refresh token is good for nearly 180 days")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.advance(15_551_000)
    same(stage.refresh(account.app, account.refresh_token).status, 200)


@case("1.5", "a refresh token belongs to the app it was given to")
def _(stage: Stage) -> None:
    account = stage.account()
    oauth_refused(stage.refresh(stage.app(), account.refresh_token), 400, "invalid_grant", STALE)
    same(stage.refresh(account.app, account.refresh_token).status, 200)


@case("1.5", "an access token is no refresh token")
def _(stage: Stage) -> None:
    account = stage.account()
    oauth_refused(stage.refresh(account.app, account.token), 400, "invalid_grant", STALE)


@case("1.5", "an access token dies after two hours")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.advance(7_190)
    same(_works(account).status, 200)
    stage.advance(11)
    refused(_works(account), 401, "access_token_invalid")


@case("1.5", "a dead access token can still be replaced by its refresh token")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.advance(7_300)
    same(_works(account, stage.refresh(account.app, account.refresh_token).json["access_token"]).status, 200)


@case("1.5", "the old access token lives on after a refresh, or does not, as it is set")
def _(stage: Stage) -> None:
    account = stage.account()
    second = stage.refresh(account.app, account.refresh_token).json
    same(_works(account).status, 200)
    with stage.settings(lifetimes={"refresh_ends_access": True}):
        stage.refresh(account.app, second["refresh_token"])
    refused(_works(account, second["access_token"]), 401, "access_token_invalid")


@case("1.5", "refresh_expires_in is what remains, if a refresh does not begin the 180 days anew")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.advance(1_000_000)
    with stage.settings(lifetimes={"refresh_renews": False}):
        left = stage.refresh(account.app, account.refresh_token).json["refresh_expires_in"]
    holds(14_551_900 <= left <= 14_552_000, f"{left} seconds left")


@case("1.5", "a fresh refresh token lives a whole life again by default")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.advance(1_000_000)
    same(stage.refresh(account.app, account.refresh_token).json["refresh_expires_in"], 15_552_000)


@case("1.5", "an app's own token: 7200 seconds, no refresh token, nobody's")
def _(stage: Stage) -> None:
    given = stage.token({**stage.app().credentials, "grant_type": "client_credentials"}).json
    has_keys(given, ["access_token", "expires_in", "token_type"])
    same((given["expires_in"], given["token_type"]), (7_200, "Bearer"))


@case("1.5", "an app's own token cannot act for a person")
def _(stage: Stage) -> None:
    account = stage.account()
    given = stage.token({**account.app.credentials, "grant_type": "client_credentials"}).json
    refused(_works(account, given["access_token"]), 401, "access_token_invalid")


@case("1.6", "giving a token back answers 200 and {}")
def _(stage: Stage) -> None:
    account = stage.account()
    reply = stage.revoke({**account.app.credentials, "token": account.token})
    same((reply.status, reply.json), (200, {}))


@case("1.6", "both tokens are dead at once")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.revoke({**account.app.credentials, "token": account.token})
    refused(_works(account), 401, "access_token_invalid")
    oauth_refused(stage.refresh(account.app, account.refresh_token), 400, "invalid_grant")


@case("1.6", "every token of that person in that app is dead, and a code not yet exchanged")
def _(stage: Stage) -> None:
    account = stage.account()
    other, code = account.again(), stage.code(account.app, creator=account.username)
    stage.revoke({**account.app.credentials, "token": account.token})
    refused(_works(other), 401, "access_token_invalid")
    oauth_refused(stage.exchange(account.app, code), 400, "invalid_grant")


@case("1.6", "what the person allowed another app stays")
def _(stage: Stage) -> None:
    account = stage.account()
    elsewhere = stage.account(stage.app(), username=account.username)
    stage.revoke({**account.app.credentials, "token": account.token})
    same(_works(elsewhere).status, 200)


@case("1.6", "somebody else's tokens in the same app stay")
def _(stage: Stage) -> None:
    account = stage.account()
    other = stage.account(account.app)
    stage.revoke({**account.app.credentials, "token": account.token})
    same(_works(other).status, 200)


@case("1.6", "the person can agree again, and is the same open_id")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.revoke({**account.app.credentials, "token": account.token})
    code = stage.code(account.app, creator=account.username)
    same(stage.exchange(account.app, code).json["open_id"], account.open_id)


@case("1.6", "another app cannot give a token back")
def _(stage: Stage) -> None:
    account = stage.account()
    oauth_refused(stage.revoke({**stage.app().credentials, "token": account.token}), 400, "invalid_request")
    same(_works(account).status, 200)


@case("1.6", "the secret must be right")
def _(stage: Stage) -> None:
    account = stage.account()
    form = {"client_key": account.app.client_key, "client_secret": "wrong", "token": account.token}
    oauth_refused(stage.revoke(form), 401, "invalid_client")
    same(_works(account).status, 200)


@case("1.6", "a token is needed")
def _(stage: Stage) -> None:
    oauth_refused(stage.revoke(stage.app().credentials), 400, "invalid_request", MALFORMED)


@case("1.6", "a JSON body is refused")
def _(stage: Stage) -> None:
    account = stage.account()
    body = json.dumps({**account.app.credentials, "token": account.token}).encode()
    oauth_refused(stage.place.send("POST", "/v2/oauth/revoke/", content=body, headers=JSON), 400, "invalid_request")
