"""1.5 and 1.6: codes and tokens, and revoking them."""

import json

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import Reply, check, check_equal, check_keys, check_oauth_refused, check_refused
from conformance.request_bodies import FORM, JSON, PUBLISH
from conformance.scenario import Scenario

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
    return account.scenario.sandbox.send("POST", f"{PUBLISH}creator_info/query/", headers=headers)


@case("1.5", "tokens come flat, without data or error")
def _(scenario: Scenario) -> None:
    check_keys(scenario.exchange(app := scenario.app(), scenario.code(app)).json, FIELDS)


@case("1.5", "token_type is Bearer, lifetimes are 7200 and 15552000")
def _(scenario: Scenario) -> None:
    given = scenario.exchange(app := scenario.app(), scenario.code(app)).json
    found = (given["token_type"], given["expires_in"], given["refresh_expires_in"])
    check_equal(found, ("Bearer", 7_200, 15_552_000))


@case("1.5", "before November 2026 tokens lived 86400 and 31536000 seconds")
def _(scenario: Scenario) -> None:
    with scenario.settings(lifetimes={"token_profile": "classic"}):
        given = scenario.exchange(app := scenario.app(), scenario.code(app)).json
    check_equal((given["expires_in"], given["refresh_expires_in"]), (86_400, 31_536_000))


@case("1.5", "scope is one text with commas")
def _(scenario: Scenario) -> None:
    check_equal(
        scenario.exchange(app := scenario.app(), scenario.code(app)).json["scope"], "user.info.basic,video.publish"
    )


@case("1.5", "a code works once")
def _(scenario: Scenario) -> None:
    code = scenario.code(app := scenario.app())
    check_equal(scenario.exchange(app, code).status, 200)
    check_oauth_refused(scenario.exchange(app, code), 400, "invalid_grant", USED)


@case("1.5", "a code is worth nothing some minutes later")
def _(scenario: Scenario) -> None:
    code = scenario.code(app := scenario.app())
    scenario.advance(3_600)
    check_oauth_refused(scenario.exchange(app, code), 400, "invalid_grant", USED)


@case("1.5", "a code still works after a minute")
def _(scenario: Scenario) -> None:
    code = scenario.code(app := scenario.app())
    scenario.advance(60)
    check_equal(scenario.exchange(app, code).status, 200)


@case("1.5", "an unknown code is refused")
def _(scenario: Scenario) -> None:
    check_oauth_refused(scenario.exchange(scenario.app(), "made-up*1!4608.va"), 400, "invalid_grant", USED)


@case("1.5", "a code encoded twice is refused: it must be decoded once")
def _(scenario: Scenario) -> None:
    code = scenario.code(app := scenario.app())
    check_oauth_refused(scenario.exchange(app, code.replace("*", "%2A").replace("!", "%21")), 400, "invalid_grant")


@case("1.5", "a code belongs to the app it was given to")
def _(scenario: Scenario) -> None:
    check_oauth_refused(scenario.exchange(scenario.app(), scenario.code(scenario.app())), 400, "invalid_grant")


@case("1.5", "the exchange must repeat the redirect address")
def _(scenario: Scenario) -> None:
    reply = scenario.exchange(app := scenario.app(), scenario.code(app), redirect_uri="http://127.0.0.1:1/callback")
    wrong = "Redirect_uri is not matched with the uri when requesting code."
    check_oauth_refused(reply, 400, "invalid_request", wrong)


@case("1.5", "the exchange must not leave the redirect address out")
def _(scenario: Scenario) -> None:
    reply = scenario.exchange(app := scenario.app(), scenario.code(app), redirect_uri=None)
    check_oauth_refused(reply, 400, "invalid_request")


@case("1.5", "a JSON body is refused")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    form = {**app.credentials, "grant_type": "client_credentials"}
    reply = scenario.sandbox.send("POST", "/v2/oauth/token/", content=json.dumps(form).encode(), headers=JSON)
    check_oauth_refused(reply, 400, "invalid_request", MALFORMED)


@case("1.5", "a form that does not say that it is one is refused")
def _(scenario: Scenario) -> None:
    reply = scenario.sandbox.send("POST", "/v2/oauth/token/", content=b"grant_type=client_credentials")
    check_oauth_refused(reply, 400, "invalid_request", MALFORMED)


@case("1.5", "a form may name its charset")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    body = f"grant_type=client_credentials&client_key={app.client_key}&client_secret={app.client_secret}".encode()
    headers = {"Content-Type": FORM["Content-Type"] + "; charset=UTF-8"}
    check_equal(scenario.sandbox.send("POST", "/v2/oauth/token/", content=body, headers=headers).status, 200)


@case("1.5", "the token endpoint takes POST only")
def _(scenario: Scenario) -> None:
    check_equal(scenario.sandbox.send("GET", "/v2/oauth/token/").status, 405)


@case("1.5", "a grant_type cannot be left out")
def _(scenario: Scenario) -> None:
    check_oauth_refused(scenario.token(scenario.app().credentials), 400, "invalid_request")


@case("1.5", "a refresh gives a new pair for the same person and scopes")
def _(scenario: Scenario) -> None:
    account = scenario.account(scopes=["user.info.basic", "video.publish"])
    given = scenario.refresh(account.app, account.refresh_token).json
    check_keys(given, FIELDS)
    check_equal((given["open_id"], given["scope"]), (account.open_id, "user.info.basic,video.publish"))
    check(given["access_token"] != account.token, "the access token is the old one")
    check(given["refresh_token"] != account.refresh_token, "the refresh token is the old one")
    check_equal(_works(account, given["access_token"]).status, 200)


@case("1.5", "a refresh token works once")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_equal(scenario.refresh(account.app, account.refresh_token).status, 200)
    check_oauth_refused(scenario.refresh(account.app, account.refresh_token), 400, "invalid_grant", STALE)


@case("1.5", "the refresh token of a refresh works in its turn")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    second = scenario.refresh(account.app, account.refresh_token).json["refresh_token"]
    check_equal(scenario.refresh(account.app, second).status, 200)


@case("1.5", "a refresh token dies after 180 days")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.advance(15_552_001)
    check_oauth_refused(scenario.refresh(account.app, account.refresh_token), 400, "invalid_grant", STALE)


@case("1.5", "a refresh token is good for nearly 180 days")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.advance(15_551_000)
    check_equal(scenario.refresh(account.app, account.refresh_token).status, 200)


@case("1.5", "a refresh token belongs to the app it was given to")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_oauth_refused(scenario.refresh(scenario.app(), account.refresh_token), 400, "invalid_grant", STALE)
    check_equal(scenario.refresh(account.app, account.refresh_token).status, 200)


@case("1.5", "an access token is no refresh token")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_oauth_refused(scenario.refresh(account.app, account.token), 400, "invalid_grant", STALE)


@case("1.5", "an access token dies after two hours")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.advance(7_190)
    check_equal(_works(account).status, 200)
    scenario.advance(11)
    check_refused(_works(account), 401, "access_token_invalid")


@case("1.5", "an expired access token can be refreshed")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.advance(7_300)
    check_equal(_works(account, scenario.refresh(account.app, account.refresh_token).json["access_token"]).status, 200)


@case("1.5", "a refresh ends the old access token only by the settings")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    second = scenario.refresh(account.app, account.refresh_token).json
    check_equal(_works(account).status, 200)
    with scenario.settings(lifetimes={"refresh_ends_access": True}):
        scenario.refresh(account.app, second["refresh_token"])
    check_refused(_works(account, second["access_token"]), 401, "access_token_invalid")


@case("1.5", "refresh_expires_in is what remains without a renewal")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.advance(1_000_000)
    with scenario.settings(lifetimes={"refresh_renews": False}):
        left = scenario.refresh(account.app, account.refresh_token).json["refresh_expires_in"]
    check(14_551_900 <= left <= 14_552_000, f"{left} seconds left")


@case("1.5", "a fresh refresh token lives a whole life again by default")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.advance(1_000_000)
    check_equal(scenario.refresh(account.app, account.refresh_token).json["refresh_expires_in"], 15_552_000)


@case("1.5", "a client token: 7200 seconds, no refresh token, no open_id")
def _(scenario: Scenario) -> None:
    given = scenario.token({**scenario.app().credentials, "grant_type": "client_credentials"}).json
    check_keys(given, ["access_token", "expires_in", "token_type"])
    check_equal((given["expires_in"], given["token_type"]), (7_200, "Bearer"))


@case("1.5", "an app's own token cannot act for a person")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    given = scenario.token({**account.app.credentials, "grant_type": "client_credentials"}).json
    check_refused(_works(account, given["access_token"]), 401, "access_token_invalid")


@case("1.6", "giving a token back answers 200 and {}")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    reply = scenario.revoke({**account.app.credentials, "token": account.token})
    check_equal((reply.status, reply.json), (200, {}))


@case("1.6", "both tokens are dead at once")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.revoke({**account.app.credentials, "token": account.token})
    check_refused(_works(account), 401, "access_token_invalid")
    check_oauth_refused(scenario.refresh(account.app, account.refresh_token), 400, "invalid_grant")


@case("1.6", "revoke ends every token and code of the person")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    other, code = account.with_new_token(), scenario.code(account.app, creator=account.username)
    scenario.revoke({**account.app.credentials, "token": account.token})
    check_refused(_works(other), 401, "access_token_invalid")
    check_oauth_refused(scenario.exchange(account.app, code), 400, "invalid_grant")


@case("1.6", "what the person allowed another app stays")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    elsewhere = scenario.account(scenario.app(), username=account.username)
    scenario.revoke({**account.app.credentials, "token": account.token})
    check_equal(_works(elsewhere).status, 200)


@case("1.6", "another person's tokens in the same app stay")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    other = scenario.account(account.app)
    scenario.revoke({**account.app.credentials, "token": account.token})
    check_equal(_works(other).status, 200)


@case("1.6", "the person can agree again, and is the same open_id")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.revoke({**account.app.credentials, "token": account.token})
    code = scenario.code(account.app, creator=account.username)
    check_equal(scenario.exchange(account.app, code).json["open_id"], account.open_id)


@case("1.6", "another app cannot give a token back")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_oauth_refused(scenario.revoke({**scenario.app().credentials, "token": account.token}), 400, "invalid_request")
    check_equal(_works(account).status, 200)


@case("1.6", "the secret must be right")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    form = {"client_key": account.app.client_key, "client_secret": "wrong", "token": account.token}
    check_oauth_refused(scenario.revoke(form), 401, "invalid_client")
    check_equal(_works(account).status, 200)


@case("1.6", "a token is needed")
def _(scenario: Scenario) -> None:
    check_oauth_refused(scenario.revoke(scenario.app().credentials), 400, "invalid_request", MALFORMED)


@case("1.6", "a JSON body is refused")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    body = json.dumps({**account.app.credentials, "token": account.token}).encode()
    check_oauth_refused(
        scenario.sandbox.send("POST", "/v2/oauth/revoke/", content=body, headers=JSON), 400, "invalid_request"
    )
