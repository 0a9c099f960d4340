"""The registered apps, and what TikTok's developer portal accepts of one."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from msgspec import structs

from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.settings import App, Platform
from tiktok_sandbox.runtime.table import Table

MAX_REDIRECTS: Final = 10
MAX_REDIRECT_LENGTH: Final = 511
MAX_TARGETS: Final = 10
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})


class Apps:
    """Every app by client key; the first is the default one."""

    def __init__(self, ids: Identifiers, default: App, others: tuple[App, ...]) -> None:
        self._ids = ids
        self._default_key = default.client_key
        self.rows: Table[str, App] = Table()
        self._with_own_secret = {app.client_key for app in (default, *others) if app.client_secret}
        for app in (default, *others):
            saved = self.save(app)
            # What the settings say is read again at the next start; only a made-up secret must be kept.
            if saved.client_secret == app.client_secret:
                self.rows.changed_keys.discard(app.client_key)

    @property
    def default(self) -> App:
        """The app of `Settings.app`."""
        return self.rows[self._default_key]

    def get(self, client_key: str) -> App | None:
        """The app of that key."""
        return self.rows.get(client_key)

    def all(self) -> tuple[App, ...]:
        """Every app, the default one first."""
        return tuple(self.rows.values())

    def save(self, app: App) -> App:
        """Register an app or change it. One without a secret keeps the one it has, or gets one."""
        known = self.rows.get(app.client_key)
        secret = app.client_secret or (known.client_secret if known else self._ids.text(32))
        saved = structs.replace(app, client_secret=secret)
        self.rows[app.client_key] = saved
        return saved

    def restore(self, app: App) -> None:
        """An app as it was kept; a secret given at this start goes before the kept one."""
        kept = app
        if app.client_key in self._with_own_secret:
            kept = structs.replace(app, client_secret=self.rows[app.client_key].client_secret)
        self.rows[app.client_key] = kept


def describe(app: App) -> dict[str, object]:
    """The app as the admin API shows it, secret and all: it is how a test learns it."""
    shown = structs.asdict(app)
    shown["platform"] = app.platform.value
    return shown


def app_error(app: App) -> str:
    """What the portal has against an app; empty when nothing."""
    if not app.client_key:
        return "client_key is empty"
    if len(app.redirect_uris) > MAX_REDIRECTS:
        return f"more than {MAX_REDIRECTS} redirect_uris"
    if app.sandbox_targets is not None and len(app.sandbox_targets) > MAX_TARGETS:
        return f"more than {MAX_TARGETS} sandbox_targets"
    if app.webhook_url and urlsplit(app.webhook_url).scheme not in {"http", "https"}:
        return "webhook_url is neither https nor http"
    return next(filter(None, (_registered_redirect_error(app.platform, uri) for uri in app.redirect_uris)), "")


def _registered_redirect_error(platform: Platform, uri: str) -> str:
    found = redirect_error(platform, uri.replace(":*", ":1", 1) if platform is Platform.DESKTOP else uri)
    return f"redirect_uri {uri}: {found}" if found else ""


def redirect_error(platform: Platform, uri: str) -> str:
    """What the kind of app has against a redirect address, registered or not; empty when nothing."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    if len(uri) > MAX_REDIRECT_LENGTH:
        return "it has 512 characters or more"
    if not host or "?" in uri or "#" in uri or parts.username is not None:
        return "it must be static, without query and fragment"
    if platform is Platform.WEB:
        return _web_redirect_error(parts.scheme, host)
    return _desktop_redirect_error(parts.scheme, host, port)


def _web_redirect_error(scheme: str, host: str) -> str:
    if scheme != "https":
        return "the scheme must be https"
    return "the host must be a domain" if host == "localhost" or _is_ip_address(host) else ""


def _desktop_redirect_error(scheme: str, host: str, port: int | None) -> str:
    if scheme not in {"http", "https"}:
        return "the scheme must be http or https"
    if host not in LOOPBACK:
        return "the host must be localhost or 127.0.0.1"
    return "" if port else "the port is missing"


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
