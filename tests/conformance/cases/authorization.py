"""1.1 to 1.4: registered redirects, the consent page, PKCE, and the callback."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlsplit

from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_oauth_refused, check_page_refused
from conformance.request_bodies import ALL_SCOPES, VERIFIER, pkce_challenge
from conformance.scenario import App, Scenario

WEB = {"platform": "web", "redirect_uris": ["https://app.example/callback"]}


@case(
    "1.1",
    "a web app cannot register {uri}",
    uri={
        "plain http": "http://app.example/callback",
        "localhost": "https://localhost/callback",
        "an IPv4 address": "https://203.0.113.7/callback",
        "an IPv6 address": "https://[2001:db8::1]/callback",
        "a query": "https://app.example/callback?a=b",
        "a fragment": "https://app.example/callback#part",
        "512 characters": "https://app.example/" + "a" * 492,
        "a scheme of its own": "myapp://callback",
    },
)
def _(scenario: Scenario, uri: str) -> None:
    check_equal(scenario.register(platform="web", redirect_uris=[uri]).status, 422)


@case(
    "1.1",
    "a web app can register {uri}",
    uri={
        "https and a domain": "https://app.example/callback",
        "a port": "https://app.example:8443/callback",
        "511 characters": "https://app.example/" + "a" * 491,
    },
)
def _(scenario: Scenario, uri: str) -> None:
    app = scenario.app(platform="web", redirect_uris=[uri])
    check(scenario.consent(app).headers["location"].startswith(uri + "?"), "sent elsewhere")


@case(
    "1.1",
    "a desktop app cannot register {uri}",
    uri={
        "a domain": "https://app.example:443/callback",
        "an address that is not loopback": "http://192.0.2.1:3000/callback",
        "loopback without a port": "http://127.0.0.1/callback",
        "a query": "http://127.0.0.1:3000/callback?a=b",
        "a fragment": "http://127.0.0.1:3000/callback#part",
        "a scheme of its own": "myapp://localhost:1/callback",
        "512 characters": "http://localhost:3000/" + "a" * 490,
    },
)
def _(scenario: Scenario, uri: str) -> None:
    check_equal(scenario.register(platform="desktop", redirect_uris=[uri]).status, 422)


@case(
    "1.1",
    "a desktop app can register {uri}",
    uri={
        "http on 127.0.0.1": "http://127.0.0.1:3000/callback",
        "http on localhost": "http://localhost:3000/callback",
        "https on localhost": "https://localhost:3000/callback",
    },
)
def _(scenario: Scenario, uri: str) -> None:
    app = scenario.app(redirect_uris=[uri])
    check(scenario.consent(app).headers["location"].startswith(uri + "?"), "sent elsewhere")


@case("1.1", "ten redirect addresses are accepted")
def _(scenario: Scenario) -> None:
    uris = [f"https://app.example/{number}" for number in range(10)]
    app = scenario.app(platform="web", redirect_uris=uris)
    check_equal(scenario.consent(app, redirect_uri=uris[9]).status, 302)


@case("1.1", "eleven redirect addresses are too many")
def _(scenario: Scenario) -> None:
    uris = [f"https://app.example/{number}" for number in range(11)]
    check_equal(scenario.register(platform="web", redirect_uris=uris).status, 422)


@case("1.1", "a desktop app's port of * stands for any port")
def _(scenario: Scenario) -> None:
    app = scenario.app(redirect_uris=["http://localhost:*/callback"])
    for port in (1024, 65535):
        check_equal(scenario.consent(app, redirect_uri=f"http://localhost:{port}/callback").status, 302)


@case(
    "1.1",
    "a redirect must match to the letter: {uri} does not",
    uri={
        "a slash more": "https://app.example/callback/",
        "another path": "https://app.example/other",
        "another host": "https://app.example.org/callback",
        "another case": "https://app.example/Callback",
        "a query added": "https://app.example/callback?a=b",
        "http": "http://app.example/callback",
    },
)
def _(scenario: Scenario, uri: str) -> None:
    check_page_refused(scenario.page(scenario.app(**WEB), redirect_uri=uri), "redirect_uri")


@case("1.1", "localhost and 127.0.0.1 are two addresses")
def _(scenario: Scenario) -> None:
    app = scenario.app(redirect_uris=["http://localhost:*/callback"])
    check_page_refused(scenario.page(app, redirect_uri="http://127.0.0.1:3000/callback"), "redirect_uri")


@case("1.2", "the page names the app and lets each scope be refused")
def _(scenario: Scenario) -> None:
    app = scenario.app(name="A very special app")
    page = scenario.page(app, scope=",".join(ALL_SCOPES))
    check_equal(page.status, 200)
    check("A very special app" in page.text, "the app is not named")
    for scope in ALL_SCOPES:
        check(f'value="{scope}"' in page.text, f"{scope} cannot be chosen")


@case("1.2", "what an app calls itself cannot become part of the page")
def _(scenario: Scenario) -> None:
    page = scenario.page(scenario.app(name="<script>alert(1)</script>"))
    check("<script>alert" not in page.text, "the name is not escaped")


_WRONG = {
    "an unknown client_key": ("client_key", "unknown"),
    "no client_key": ("client_key", None),
    "no response_type": ("response_type", None),
    "a response_type other than code (unsupported_response_type)": ("response_type", "token"),
    "no scope": ("scope", None),
    "an unknown scope (invalid_scope)": ("scope", "user.info.basic,video.everything"),
    "scopes parted by spaces": ("scope", "user.info.basic video.publish"),
    "no redirect_uri": ("redirect_uri", None),
    "no state": ("state", None),
    "an empty state": ("state", ""),
    "a disable_auto_auth that is no switch": ("disable_auto_auth", "perhaps"),
}


@case("1.2", "{wrong} leads to an error page that names the parameter", wrong=_WRONG)
def _(scenario: Scenario, wrong: tuple[str, str | None]) -> None:
    parameter, value = wrong
    changed: dict[str, Any] = {parameter: value}
    check_page_refused(scenario.page(scenario.app(**WEB), **changed), parameter)


@case("1.2", "client_id is not understood as client_key")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    check_page_refused(scenario.page(app, client_key=None, client_id=app.client_key), "client_key")


@case("1.2", "a scope the app is not approved for cannot be asked for")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB, scopes=["user.info.basic"])
    check_page_refused(scenario.page(app, scope="user.info.basic,video.publish"), "scope")


@case("1.2", "what the page refuses, its form refuses as well")
def _(scenario: Scenario) -> None:
    check_page_refused(scenario.consent(scenario.app(**WEB), redirect_uri="https://evil.example/"), "redirect_uri")


@case("1.2", "any part of the scopes may be granted")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    back = scenario.consent(app, granted=["video.publish"]).callback
    check_equal(back["scopes"], "video.publish")
    check_equal(scenario.exchange(app, back["code"]).json["scope"], "video.publish")


@case("1.2", "a scope that was not requested cannot be granted")
def _(scenario: Scenario) -> None:
    back = scenario.consent(scenario.app(**WEB), scope="user.info.basic", granted=["user.info.basic", "video.list"])
    check_equal(back.callback["scopes"], "user.info.basic")


def _session(scenario: Scenario, app: App, scope: str = "user.info.basic") -> str:
    """The cookie of a browser whose person has just agreed, and whose app has its tokens."""
    reply = scenario.consent(app, scope=scope)
    scenario.exchange(app, reply.callback["code"])
    return str(reply.headers["set-cookie"].partition(";")[0])


@case("1.2", "disable_auto_auth=0 skips the page after earlier consent")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    cookie = _session(scenario, app)
    reply = scenario.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="0")
    check_equal(scenario.exchange(app, reply.callback["code"]).status, 200)


@case("1.2", "disable_auto_auth=1 always shows the page")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    cookie = _session(scenario, app)
    check_equal(scenario.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="1").status, 200)


@case("1.2", "the page is not skipped for more than was agreed to")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    cookie = _session(scenario, app)
    check_equal(
        scenario.page(app, cookie=cookie, scope="user.info.basic,video.publish", disable_auto_auth="0").status, 200
    )


@case("1.2", "the page is not skipped without a session")
def _(scenario: Scenario) -> None:
    check_equal(scenario.page(scenario.app(**WEB), disable_auto_auth="0").status, 200)


@case("1.2", "the page is not skipped for a desktop app")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    cookie = _session(scenario, app)
    check_equal(scenario.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="0").status, 200)


@case("1.2", "the page is not skipped once the permission was taken back")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    reply = scenario.consent(app, scope="user.info.basic")
    given = scenario.exchange(app, reply.callback["code"]).json
    scenario.revoke({**app.credentials, "token": given["access_token"]})
    cookie = reply.headers["set-cookie"].partition(";")[0]
    check_equal(scenario.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="0").status, 200)


@case("1.3", "a desktop app without a challenge meets an error page")
def _(scenario: Scenario) -> None:
    check_page_refused(scenario.page(scenario.app(), code_challenge=None, code_challenge_method=None), "code_challenge")


@case("1.3", "a web app needs no challenge")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    check_equal(scenario.exchange(app, scenario.code(app)).status, 200)


@case("1.3", "code_challenge_method {method} is refused", method={"plain": "plain", "none": None, "s256": "s256"})
def _(scenario: Scenario, method: str | None) -> None:
    check_page_refused(scenario.page(scenario.app(), code_challenge_method=method), "code_challenge_method")


@case(
    "1.3",
    "a verifier of {verifier} fits its challenge in lowercase hex",
    verifier={"43 characters": "a" * 43, "128 characters": "b" * 128, "every allowed character": "aZ09-._~" * 6},
)
def _(scenario: Scenario, verifier: str) -> None:
    app = scenario.app()
    code = scenario.code(app, code_challenge=pkce_challenge(verifier))
    check_equal(scenario.exchange(app, code, code_verifier=verifier).status, 200)


@case(
    "1.3",
    "a verifier of {verifier} is never accepted",
    verifier={"42 characters": "a" * 42, "129 characters": "a" * 129, "a forbidden character": "a" * 43 + "+"},
)
def _(scenario: Scenario, verifier: str) -> None:
    app = scenario.app()
    code = scenario.code(app, code_challenge=pkce_challenge(verifier))
    wrong = "Code verifier or code challenge is invalid."
    check_oauth_refused(scenario.exchange(app, code, code_verifier=verifier), 400, "invalid_request", wrong)


def _base64url(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@case(
    "1.3",
    "a challenge in {challenge} fails only at the exchange",
    challenge={"base64url": _base64url(VERIFIER), "uppercase hex": pkce_challenge(VERIFIER).upper()},
)
def _(scenario: Scenario, challenge: str) -> None:
    app = scenario.app()
    check_equal(scenario.page(app, code_challenge=challenge).status, 200)
    reply = scenario.exchange(app, scenario.code(app, code_challenge=challenge))
    check_oauth_refused(reply, 400, "invalid_request", "Code verifier or code challenge is invalid.")


@case("1.3", "another verifier than the challenge's is refused")
def _(scenario: Scenario) -> None:
    reply = scenario.exchange(app := scenario.app(), scenario.code(app), code_verifier="c" * 43)
    check_oauth_refused(reply, 400, "invalid_request", "Code verifier or code challenge is invalid.")


@case("1.3", "a verifier cannot be left out once there is a challenge")
def _(scenario: Scenario) -> None:
    reply = scenario.exchange(app := scenario.app(), scenario.code(app), code_verifier=None)
    check_oauth_refused(reply, 400, "invalid_request", "Code verifier or code challenge is invalid.")


@case("1.3", "a challenge a web app sends must be kept as well")
def _(scenario: Scenario) -> None:
    app = scenario.app(**WEB)
    rule = {"code_challenge": pkce_challenge(VERIFIER), "code_challenge_method": "S256"}
    reply = scenario.exchange(app, scenario.code(app, **rule), code_verifier="c" * 43)
    check_oauth_refused(reply, 400, "invalid_request")
    check_equal(scenario.exchange(app, scenario.code(app, **rule), code_verifier=VERIFIER).status, 200)


@case("1.4", "the callback has code, scopes and state, nothing else")
def _(scenario: Scenario) -> None:
    back = scenario.consent(scenario.app()).callback
    check_keys(back, ["code", "scopes", "state"])
    check_equal(back["scopes"], "user.info.basic,video.publish")


@case("1.4", "state comes back to the letter: {state}", state=["simple", "a b&c=d#e", "%41+/=", "état ✓"])
def _(scenario: Scenario, state: str) -> None:
    check_equal(scenario.consent(scenario.app(), state=state).callback["state"], state)


@case("1.4", "refusing redirects with access_denied and the state")
def _(scenario: Scenario) -> None:
    back = scenario.consent(scenario.app(), decision="cancel", state="kept").callback
    check_equal((back["error"], back["state"]), ("access_denied", "kept"))
    check(back["error_description"], "no description")
    check("code" not in back, "a code after a refusal")


@case("1.4", "ticking no scope refuses")
def _(scenario: Scenario) -> None:
    check_equal(scenario.consent(scenario.app(), chosen="1").callback["error"], "access_denied")


@case("1.4", "the way back goes to the address that was asked for")
def _(scenario: Scenario) -> None:
    sandbox = urlsplit(
        scenario.consent(scenario.app(), redirect_uri="http://127.0.0.1:9123/callback").headers["location"]
    )
    check_equal((sandbox.scheme, sandbox.netloc, sandbox.path), ("http", "127.0.0.1:9123", "/callback"))


@case("1.4", "two consents give two codes")
def _(scenario: Scenario) -> None:
    app, creator_account = scenario.app(), scenario.creator_account()
    check(scenario.code(app, creator=creator_account) != scenario.code(app, creator=creator_account), "one code twice")
