"""What one case stands on: apps and people of its own, and what happens around them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from conformance.account import Account
from conformance.outside import Heard, Told
from conformance.place import FILES, Place
from conformance.reply import Reply, holds
from conformance.wishes import ALL_SCOPES, FORM, VERIFIER, challenge_of


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app registered for one case."""

    client_key: str
    client_secret: str = field(repr=False)
    platform: str
    redirect_uri: str

    @property
    def credentials(self) -> dict[str, str]:
        """What every form to the token endpoints begins with."""
        return {"client_key": self.client_key, "client_secret": self.client_secret}


class Stage:
    """Each case has one; the sandbox below is shared, so nothing here may disturb others."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.name = uuid4().hex[:10]
        self._drawn = 0

    def fresh(self, prefix: str = "") -> str:
        """A name nobody else has."""
        self._drawn += 1
        return f"{prefix}{self.name}{self._drawn}"

    def register(self, **settings: Any) -> Reply:
        """Try to register an app."""
        usual = {"client_key": self.fresh("sb"), "client_secret": self.fresh("secret"), "name": "Conformance"}
        return self.place.admin("POST", "apps", {**usual, **settings})

    def app(self, **settings: Any) -> App:
        """An audited desktop app with every scope, unless said otherwise."""
        is_web = settings.get("platform") == "web"
        redirect = "https://app.example/callback" if is_web else "http://127.0.0.1:*/callback"
        reply = self.register(**{"redirect_uris": [redirect], **settings})
        holds(reply.status == 201, f"the app was not accepted: {reply.body!r}")
        found = reply.json
        uris = found["redirect_uris"]
        return App(
            client_key=found["client_key"],
            client_secret=found["client_secret"],
            platform=found["platform"],
            redirect_uri=uris[0].replace("*", "3456") if uris else "",
        )

    def change(self, app: App, **settings: Any) -> None:
        """The app as it is from now on; what is not named has its usual value."""
        self.place.arrange("apps", {**app.credentials, "platform": app.platform, **settings})

    def person(self, username: str = "", **profile: Any) -> str:
        """Somebody with an account, or another life for somebody there is; the name."""
        found = self.place.arrange("creators", {"username": username or self.fresh("p"), **profile})
        return str(found["username"])

    def account(self, app: App | None = None, *, scopes: Sequence[str] = ALL_SCOPES, **profile: Any) -> Account:
        """Somebody who has connected an app; with `username` alone somebody there is."""
        asked = app or self.app()
        username = str(profile.get("username", ""))
        if not username or len(profile) > 1:
            username = self.person(**{"username": username, **profile})
        wish = {"client_key": asked.client_key, "username": username, "scopes": list(scopes)}
        given = self.place.arrange("tokens", wish)
        return Account(
            stage=self,
            app=asked,
            username=username,
            open_id=given["open_id"],
            token=given["access_token"],
            refresh_token=given["refresh_token"],
        )

    def advance(self, seconds: float) -> float:
        """Time passes."""
        return self.place.advance(seconds)

    def now(self) -> float:
        """The moment the sandbox's clock shows."""
        return self.advance(0)

    def settings(self, **changes: object) -> AbstractContextManager[None]:
        """Other settings for a while."""
        return self.place.settings(**changes)

    @contextmanager
    def rule(self, **rule: object) -> Iterator[str]:
        """Something goes wrong for a while."""
        rule_id = str(self.place.arrange("rules", rule)["id"])
        try:
            yield rule_id
        finally:
            self.place.admin("DELETE", f"rules/{rule_id}")

    def form(self, path: str, form: Mapping[str, str]) -> Reply:
        """Post a form."""
        return self.place.send("POST", path, content=urlencode(form).encode(), headers=FORM)

    def token(self, form: Mapping[str, str]) -> Reply:
        """The token endpoint."""
        return self.form("/v2/oauth/token/", form)

    def revoke(self, form: Mapping[str, str]) -> Reply:
        """The endpoint that takes a token back."""
        return self.form("/v2/oauth/revoke/", form)

    def asked(self, app: App, **changes: Any) -> dict[str, str]:
        """The query of an authorization request; None leaves a parameter out."""
        query: dict[str, str | None] = {
            "client_key": app.client_key,
            "response_type": "code",
            "scope": "user.info.basic,video.publish",
            "redirect_uri": app.redirect_uri,
            "state": "a state",
        }
        if app.platform == "desktop":
            query |= {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
        return {name: value for name, value in {**query, **changes}.items() if value is not None}

    def page(self, app: App, *, cookie: str = "", **changes: Any) -> Reply:
        """A browser opens the consent page."""
        headers = {"Cookie": cookie} if cookie else {}
        return self.place.send("GET", "/v2/auth/authorize/", query=self.asked(app, **changes), headers=headers)

    def consent(self, app: App, *, creator: str = "", granted: Sequence[str] = (), **changes: Any) -> Reply:
        """Somebody decides on the consent page; `granted` are ticks, without any everything is allowed."""
        form = [*self.asked(app, **changes).items(), ("creator", creator or self.fresh("p"))]
        if granted:
            form += [("chosen", "1"), *(("granted", scope) for scope in granted)]
        return self.place.send("POST", "/v2/auth/authorize/consent", content=urlencode(form).encode(), headers=FORM)

    def code(self, app: App, **changes: Any) -> str:
        """A fresh authorization code, decoded."""
        return self.consent(app, creator=changes.pop("creator", None) or "", **changes).callback["code"]

    def exchange(self, app: App, code: str, **changes: Any) -> Reply:
        """Turn a code into tokens."""
        form: dict[str, str | None] = {
            **app.credentials,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": app.redirect_uri,
            "code_verifier": VERIFIER if app.platform == "desktop" else None,
            **changes,
        }
        return self.token({name: value for name, value in form.items() if value is not None})

    def refresh(self, app: App, refresh_token: str, **changes: str) -> Reply:
        """Turn a refresh token into fresh ones."""
        return self.token({**app.credentials, "grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    def file(self, content: bytes = b"", *, host: str = FILES, **told: Any) -> str:
        """The address of a file of ours."""
        path = f"/{self.fresh('file')}"
        self.place.outside.tell(path, Told(body=content, **told))
        return f"http://{host}{path}"

    def fetches(self, url: str) -> list[Heard]:
        """Who asked for one of our files."""
        return self.place.outside.heard("/" + url.rpartition("/")[2])

    def ledger(self, publish_id: str) -> list[dict[str, Any]]:
        """What was truly posted of one init."""
        posts = self.place.admin("GET", "ledger").json["posts"]
        return [each for each in posts if each["publish_id"] == publish_id]

    def publication(self, publish_id: str, deed: str, **body: object) -> dict[str, Any]:
        """Something a person or TikTok does to a publication."""
        return self.place.arrange(f"publications/{publish_id}/{deed}", body)

    def put(
        self, url: str, content: bytes, *, first: int = 0, total: int | None = None, **headers: str | None
    ) -> Reply:
        """A chunk; header names are written with underscores, None leaves one out."""
        usual = {
            "content_type": "video/mp4",
            "content_range": f"bytes {first}-{first + len(content) - 1}/{len(content) if total is None else total}",
        }
        sent = {name.replace("_", "-"): value for name, value in {**usual, **headers}.items() if value is not None}
        return self.place.send("PUT", url, content=content, headers=sent)
