"""What one case works with: apps and people of its own, rules, files, and the clock."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from conformance.account import Account
from conformance.checks import Reply, check
from conformance.external_server import PlannedResponse, ReceivedRequest
from conformance.request_bodies import ALL_SCOPES, FORM, VERIFIER, pkce_challenge
from conformance.sandbox_client import FILE_HOST, SandboxClient


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app registered for one case."""

    client_key: str
    client_secret: str = field(repr=False)
    platform: str
    redirect_uri: str

    @property
    def credentials(self) -> dict[str, str]:
        """The fields with which every form to the token endpoints begins."""
        return {"client_key": self.client_key, "client_secret": self.client_secret}


class Scenario:
    """Each case has one. The sandbox is shared, so nothing here may disturb other cases."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self.sandbox = sandbox
        self.name = uuid4().hex[:10]
        self._counter = 0

    def unique_name(self, prefix: str = "") -> str:
        """Return a name that no other case uses."""
        self._counter += 1
        return f"{prefix}{self.name}{self._counter}"

    def register(self, **settings: Any) -> Reply:
        """Try to register an app."""
        usual = {
            "client_key": self.unique_name("sb"),
            "client_secret": self.unique_name("secret"),
            "name": "Conformance",
        }
        return self.sandbox.admin("POST", "apps", {**usual, **settings})

    def app(self, **settings: Any) -> App:
        """Register an audited desktop app with every scope, unless the settings differ."""
        is_web = settings.get("platform") == "web"
        redirect = "https://app.example/callback" if is_web else "http://127.0.0.1:*/callback"
        reply = self.register(**{"redirect_uris": [redirect], **settings})
        check(reply.status == 201, f"the app was not accepted: {reply.body!r}")
        found = reply.json
        uris = found["redirect_uris"]
        return App(
            client_key=found["client_key"],
            client_secret=found["client_secret"],
            platform=found["platform"],
            redirect_uri=uris[0].replace("*", "3456") if uris else "",
        )

    def replace_app(self, app: App, **settings: Any) -> None:
        """Replace an app's settings; what is not named has its default."""
        self.sandbox.must_post("apps", {**app.credentials, "platform": app.platform, **settings})

    def creator_account(self, username: str = "", **profile: Any) -> str:
        """Create a person with an account, or replace the profile of a known one; return the name."""
        found = self.sandbox.must_post("creators", {"username": username or self.unique_name("p"), **profile})
        return str(found["username"])

    def account(self, app: App | None = None, *, scopes: Sequence[str] = ALL_SCOPES, **profile: Any) -> Account:
        """Connect a person to an app; with only `username`, a known person."""
        authorization_query = app or self.app()
        username = str(profile.get("username", ""))
        if not username or len(profile) > 1:
            username = self.creator_account(**{"username": username, **profile})
        wish = {"client_key": authorization_query.client_key, "username": username, "scopes": list(scopes)}
        given = self.sandbox.must_post("tokens", wish)
        return Account(
            scenario=self,
            app=authorization_query,
            username=username,
            open_id=given["open_id"],
            token=given["access_token"],
            refresh_token=given["refresh_token"],
        )

    def advance(self, seconds: float) -> float:
        """Move the clock forward."""
        return self.sandbox.advance(seconds)

    def now(self) -> float:
        """Return the time of the sandbox's clock."""
        return self.advance(0)

    def settings(self, **changes: object) -> AbstractContextManager[None]:
        """Change settings for the duration of a block."""
        return self.sandbox.settings(**changes)

    @contextmanager
    def rule(self, **rule: object) -> Iterator[str]:
        """Have a rule act for the duration of a block."""
        rule_id = str(self.sandbox.must_post("rules", rule)["id"])
        try:
            yield rule_id
        finally:
            self.sandbox.admin("DELETE", f"rules/{rule_id}")

    def form(self, path: str, form: Mapping[str, str]) -> Reply:
        """Post a form."""
        return self.sandbox.send("POST", path, content=urlencode(form).encode(), headers=FORM)

    def token(self, form: Mapping[str, str]) -> Reply:
        """Call the token endpoint."""
        return self.form("/v2/oauth/token/", form)

    def revoke(self, form: Mapping[str, str]) -> Reply:
        """Call the revoke endpoint."""
        return self.form("/v2/oauth/revoke/", form)

    def authorization_query(self, app: App, **changes: Any) -> dict[str, str]:
        """Return the query of an authorization request; None leaves a parameter out."""
        query: dict[str, str | None] = {
            "client_key": app.client_key,
            "response_type": "code",
            "scope": "user.info.basic,video.publish",
            "redirect_uri": app.redirect_uri,
            "state": "a state",
        }
        if app.platform == "desktop":
            query |= {"code_challenge": pkce_challenge(VERIFIER), "code_challenge_method": "S256"}
        return {name: value for name, value in {**query, **changes}.items() if value is not None}

    def page(self, app: App, *, cookie: str = "", **changes: Any) -> Reply:
        """Open the consent page as a browser."""
        headers = {"Cookie": cookie} if cookie else {}
        return self.sandbox.send(
            "GET", "/v2/auth/authorize/", query=self.authorization_query(app, **changes), headers=headers
        )

    def consent(self, app: App, *, creator: str = "", granted: Sequence[str] = (), **changes: Any) -> Reply:
        """Decide on the consent page. `granted` are ticked scopes; without any, all are allowed."""
        form = [*self.authorization_query(app, **changes).items(), ("creator", creator or self.unique_name("p"))]
        if granted:
            form += [("chosen", "1"), *(("granted", scope) for scope in granted)]
        return self.sandbox.send("POST", "/v2/auth/authorize/consent", content=urlencode(form).encode(), headers=FORM)

    def code(self, app: App, **changes: Any) -> str:
        """Return a new authorization code, decoded."""
        return self.consent(app, creator=changes.pop("creator", None) or "", **changes).callback["code"]

    def exchange(self, app: App, code: str, **changes: Any) -> Reply:
        """Exchange a code for tokens."""
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
        """Exchange a refresh token for new tokens."""
        return self.token({**app.credentials, "grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    def file(self, content: bytes = b"", *, host: str = FILE_HOST, **response: Any) -> str:
        """Serve a file; return its URL."""
        path = f"/{self.unique_name('file')}"
        self.sandbox.external.respond_with(path, PlannedResponse(body=content, **response))
        return f"http://{host}{path}"

    def requests_for(self, url: str) -> list[ReceivedRequest]:
        """Return the requests for one of our files."""
        return self.sandbox.external.requests("/" + url.rpartition("/")[2])

    def ledger(self, publish_id: str) -> list[dict[str, Any]]:
        """Return the posts that truly exist for one init."""
        posts = self.sandbox.admin("GET", "ledger").json["posts"]
        return [each for each in posts if each["publish_id"] == publish_id]

    def publication(self, publish_id: str, deed: str, **body: object) -> dict[str, Any]:
        """Do to a publication what its creator or TikTok would."""
        return self.sandbox.must_post(f"publications/{publish_id}/{deed}", body)

    def put(
        self, url: str, content: bytes, *, first: int = 0, total: int | None = None, **headers: str | None
    ) -> Reply:
        """Upload a chunk. Header names are written with underscores; None leaves one out."""
        usual = {
            "content_type": "video/mp4",
            "content_range": f"bytes {first}-{first + len(content) - 1}/{len(content) if total is None else total}",
        }
        sent = {name.replace("_", "-"): value for name, value in {**usual, **headers}.items() if value is not None}
        return self.sandbox.send("PUT", url, content=content, headers=sent)
