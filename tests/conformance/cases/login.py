"""1.1 to 1.4: registered addresses, the consent page, PKCE, and the way back."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlsplit

from conformance.book import case
from conformance.reply import has_keys, holds, oauth_refused, page_refused, same
from conformance.stage import App, Stage
from conformance.wishes import ALL_SCOPES, VERIFIER, challenge_of

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
def _(stage: Stage, uri: str) -> None:
    same(stage.register(platform="web", redirect_uris=[uri]).status, 422)


@case(
    "1.1",
    "a web app can register {uri}",
    uri={
        "https and a domain": "https://app.example/callback",
        "a port": "https://app.example:8443/callback",
        "511 characters": "https://app.example/" + "a" * 491,
    },
)
def _(stage: Stage, uri: str) -> None:
    app = stage.app(platform="web", redirect_uris=[uri])
    holds(stage.consent(app).headers["location"].startswith(uri + "?"), "sent elsewhere")


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
def _(stage: Stage, uri: str) -> None:
    same(stage.register(platform="desktop", redirect_uris=[uri]).status, 422)


@case(
    "1.1",
    "a desktop app can register {uri}",
    uri={
        "http on 127.0.0.1": "http://127.0.0.1:3000/callback",
        "http on localhost": "http://localhost:3000/callback",
        "https on localhost": "https://localhost:3000/callback",
    },
)
def _(stage: Stage, uri: str) -> None:
    app = stage.app(redirect_uris=[uri])
    holds(stage.consent(app).headers["location"].startswith(uri + "?"), "sent elsewhere")


@case("1.1", "ten redirect addresses are accepted")
def _(stage: Stage) -> None:
    uris = [f"https://app.example/{number}" for number in range(10)]
    app = stage.app(platform="web", redirect_uris=uris)
    same(stage.consent(app, redirect_uri=uris[9]).status, 302)


@case("1.1", "eleven redirect addresses are too many")
def _(stage: Stage) -> None:
    uris = [f"https://app.example/{number}" for number in range(11)]
    same(stage.register(platform="web", redirect_uris=uris).status, 422)


@case("1.1", "a desktop app's port of * stands for any port")
def _(stage: Stage) -> None:
    app = stage.app(redirect_uris=["http://localhost:*/callback"])
    for port in (1024, 65535):
        same(stage.consent(app, redirect_uri=f"http://localhost:{port}/callback").status, 302)


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
def _(stage: Stage, uri: str) -> None:
    page_refused(stage.page(stage.app(**WEB), redirect_uri=uri), "redirect_uri")


@case("1.1", "localhost and 127.0.0.1 are two addresses")
def _(stage: Stage) -> None:
    app = stage.app(redirect_uris=["http://localhost:*/callback"])
    page_refused(stage.page(app, redirect_uri="http://127.0.0.1:3000/callback"), "redirect_uri")


@case("1.2", "the page names the app and lets every scope be refused by itself")
def _(stage: Stage) -> None:
    app = stage.app(name="A very special app")
    page = stage.page(app, scope=",".join(ALL_SCOPES))
    same(page.status, 200)
    holds("A very special app" in page.words, "the app is not named")
    for scope in ALL_SCOPES:
        holds(f'value="{scope}"' in page.words, f"{scope} cannot be chosen")


@case("1.2", "what an app calls itself cannot become part of the page")
def _(stage: Stage) -> None:
    page = stage.page(stage.app(name="<script>alert(1)</script>"))
    holds("<script>alert" not in page.words, "the name is not escaped")


_WRONG = {
    "an unknown client_key": ("client_key", "nobody"),
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


@case("1.2", "{wrong} leads to an error page that names the parameter, not back to the app", wrong=_WRONG)
def _(stage: Stage, wrong: tuple[str, str | None]) -> None:
    parameter, value = wrong
    changed: dict[str, Any] = {parameter: value}
    page_refused(stage.page(stage.app(**WEB), **changed), parameter)


@case("1.2", "client_id is not understood as client_key")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    page_refused(stage.page(app, client_key=None, client_id=app.client_key), "client_key")


@case("1.2", "a scope the app is not approved for cannot be asked for")
def _(stage: Stage) -> None:
    app = stage.app(**WEB, scopes=["user.info.basic"])
    page_refused(stage.page(app, scope="user.info.basic,video.publish"), "scope")


@case("1.2", "what the page refuses, its form refuses as well")
def _(stage: Stage) -> None:
    page_refused(stage.consent(stage.app(**WEB), redirect_uri="https://evil.example/"), "redirect_uri")


@case("1.2", "any part of the scopes may be granted")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    back = stage.consent(app, granted=["video.publish"]).callback
    same(back["scopes"], "video.publish")
    same(stage.exchange(app, back["code"]).json["scope"], "video.publish")


@case("1.2", "a scope nobody asked for cannot be granted")
def _(stage: Stage) -> None:
    back = stage.consent(stage.app(**WEB), scope="user.info.basic", granted=["user.info.basic", "video.list"])
    same(back.callback["scopes"], "user.info.basic")


def _session(stage: Stage, app: App, scope: str = "user.info.basic") -> str:
    """The cookie of a browser whose person has just agreed, and whose app has its tokens."""
    reply = stage.consent(app, scope=scope)
    stage.exchange(app, reply.callback["code"])
    return str(reply.headers["set-cookie"].partition(";")[0])


@case("1.2", "disable_auto_auth=0 skips the page for somebody who has agreed before")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    cookie = _session(stage, app)
    reply = stage.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="0")
    same(stage.exchange(app, reply.callback["code"]).status, 200)


@case("1.2", "disable_auto_auth=1 always shows the page")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    cookie = _session(stage, app)
    same(stage.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="1").status, 200)


@case("1.2", "the page is not skipped for more than was agreed to")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    cookie = _session(stage, app)
    same(stage.page(app, cookie=cookie, scope="user.info.basic,video.publish", disable_auto_auth="0").status, 200)


@case("1.2", "the page is not skipped without a session")
def _(stage: Stage) -> None:
    same(stage.page(stage.app(**WEB), disable_auto_auth="0").status, 200)


@case("1.2", "the page is not skipped for a desktop app")
def _(stage: Stage) -> None:
    app = stage.app()
    cookie = _session(stage, app)
    same(stage.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="0").status, 200)


@case("1.2", "the page is not skipped once the permission was taken back")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    reply = stage.consent(app, scope="user.info.basic")
    given = stage.exchange(app, reply.callback["code"]).json
    stage.revoke({**app.credentials, "token": given["access_token"]})
    cookie = reply.headers["set-cookie"].partition(";")[0]
    same(stage.page(app, cookie=cookie, scope="user.info.basic", disable_auto_auth="0").status, 200)


@case("1.3", "a desktop app without a challenge meets an error page")
def _(stage: Stage) -> None:
    page_refused(stage.page(stage.app(), code_challenge=None, code_challenge_method=None), "code_challenge")


@case("1.3", "a web app needs no challenge")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    same(stage.exchange(app, stage.code(app)).status, 200)


@case("1.3", "code_challenge_method {method} is refused", method={"plain": "plain", "none": None, "s256": "s256"})
def _(stage: Stage, method: str | None) -> None:
    page_refused(stage.page(stage.app(), code_challenge_method=method), "code_challenge_method")


@case(
    "1.3",
    "a verifier of {verifier} fits its challenge in lowercase hex",
    verifier={"43 characters": "a" * 43, "128 characters": "b" * 128, "every allowed character": "aZ09-._~" * 6},
)
def _(stage: Stage, verifier: str) -> None:
    app = stage.app()
    code = stage.code(app, code_challenge=challenge_of(verifier))
    same(stage.exchange(app, code, code_verifier=verifier).status, 200)


@case(
    "1.3",
    "a verifier of {verifier} is never accepted",
    verifier={"42 characters": "a" * 42, "129 characters": "a" * 129, "a forbidden character": "a" * 43 + "+"},
)
def _(stage: Stage, verifier: str) -> None:
    app = stage.app()
    code = stage.code(app, code_challenge=challenge_of(verifier))
    wrong = "Code verifier or code challenge is invalid."
    oauth_refused(stage.exchange(app, code, code_verifier=verifier), 400, "invalid_request", wrong)


def _base64url(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@case(
    "1.3",
    "a challenge in {challenge} passes the page and fails at the exchange",
    challenge={"base64url": _base64url(VERIFIER), "uppercase hex": challenge_of(VERIFIER).upper()},
)
def _(stage: Stage, challenge: str) -> None:
    app = stage.app()
    same(stage.page(app, code_challenge=challenge).status, 200)
    reply = stage.exchange(app, stage.code(app, code_challenge=challenge))
    oauth_refused(reply, 400, "invalid_request", "Code verifier or code challenge is invalid.")


@case("1.3", "another verifier than the challenge's is refused")
def _(stage: Stage) -> None:
    reply = stage.exchange(app := stage.app(), stage.code(app), code_verifier="c" * 43)
    oauth_refused(reply, 400, "invalid_request", "Code verifier or code challenge is invalid.")


@case("1.3", "a verifier cannot be left out once there is a challenge")
def _(stage: Stage) -> None:
    reply = stage.exchange(app := stage.app(), stage.code(app), code_verifier=None)
    oauth_refused(reply, 400, "invalid_request", "Code verifier or code challenge is invalid.")


@case("1.3", "a challenge a web app sends must be kept as well")
def _(stage: Stage) -> None:
    app = stage.app(**WEB)
    asked = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    reply = stage.exchange(app, stage.code(app, **asked), code_verifier="c" * 43)
    oauth_refused(reply, 400, "invalid_request")
    same(stage.exchange(app, stage.code(app, **asked), code_verifier=VERIFIER).status, 200)


@case("1.4", "the way back carries code, scopes and state, and nothing else")
def _(stage: Stage) -> None:
    back = stage.consent(stage.app()).callback
    has_keys(back, ["code", "scopes", "state"])
    same(back["scopes"], "user.info.basic,video.publish")


@case("1.4", "state comes back to the letter: {state}", state=["simple", "a b&c=d#e", "%41+/=", "état ✓"])
def _(stage: Stage, state: str) -> None:
    same(stage.consent(stage.app(), state=state).callback["state"], state)


@case("1.4", "somebody who refuses is sent back with access_denied, a description and the state")
def _(stage: Stage) -> None:
    back = stage.consent(stage.app(), decision="cancel", state="kept").callback
    same((back["error"], back["state"]), ("access_denied", "kept"))
    holds(back["error_description"], "no description")
    holds("code" not in back, "a code after a refusal")


@case("1.4", "somebody who ticks nothing refuses")
def _(stage: Stage) -> None:
    same(stage.consent(stage.app(), chosen="1").callback["error"], "access_denied")


@case("1.4", "the way back goes to the address that was asked for")
def _(stage: Stage) -> None:
    place = urlsplit(stage.consent(stage.app(), redirect_uri="http://127.0.0.1:9123/callback").headers["location"])
    same((place.scheme, place.netloc, place.path), ("http", "127.0.0.1:9123", "/callback"))


@case("1.4", "two consents give two codes")
def _(stage: Stage) -> None:
    app, person = stage.app(), stage.person()
    holds(stage.code(app, creator=person) != stage.code(app, creator=person), "one code twice")
