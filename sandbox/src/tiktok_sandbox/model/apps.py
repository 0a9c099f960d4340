"""The registered apps, and when TikTok's developer portal accepts one."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from msgspec import structs

from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.settings import App, Platform
from tiktok_sandbox.runtime.table import Table

MAX_REDIRECTS: Final = 10
# TikTok says: below 512 characters.
MAX_REDIRECT_LENGTH: Final = 511
MAX_TARGETS: Final = 10
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})


class Apps:
    """Every app by client key; the first is the default one."""

    def __init__(self, ids: Identifiers, default: App, others: tuple[App, ...]) -> None:
        """Register the apps of the settings; make up a secret for those without one."""
        self._ids = ids
        self._default_key = default.client_key
        self.rows: Table[str, App] = Table()
        self._with_own_secret = {app.client_key for app in (default, *others) if app.client_secret}
        for app in (default, *others):
            saved = self.save(app)
            # Settings are read again at the next start. Only a made-up secret must be saved, or clients would lose it.
            if saved.client_secret == app.client_secret:
                self.rows.changed_keys.discard(app.client_key)

    @property
    def default(self) -> App:
        """The app of `Settings.app`."""
        return self.rows[self._default_key]

    def get(self, client_key: str) -> App | None:
        """Return the app with this key, or None."""
        return self.rows.get(client_key)

    def all(self) -> tuple[App, ...]:
        """Return every app, the default one first."""
        return tuple(self.rows.values())

    def save(self, app: App) -> App:
        """Register an app or replace it.

        Without a secret it keeps the one it has, or gets one.
        """
        existing = self.rows.get(app.client_key)
        secret = app.client_secret or (existing.client_secret if existing else self._ids.text(32))
        saved = structs.replace(app, client_secret=secret)
        self.rows[app.client_key] = saved
        return saved

    def restore(self, app: App) -> None:
        """Put back a saved app.

        A secret given at this start takes precedence over the saved one.
        """
        kept = app
        # An operator who starts the sandbox with a new secret expects it to be used.
        if app.client_key in self._with_own_secret:
            kept = structs.replace(app, client_secret=self.rows[app.client_key].client_secret)
        self.rows[app.client_key] = kept


def describe(app: App) -> dict[str, object]:
    """Return the app as the admin API shows it, secret included.

    This is how tests learn a secret that was made up.
    """
    shown = structs.asdict(app)
    shown["platform"] = app.platform.value
    return shown


def app_error(app: App) -> str:
    """Return why the portal rejects an app; empty if it is accepted."""
    if not app.client_key:
        return "The client_key is empty. Give one."
    if len(app.redirect_uris) > MAX_REDIRECTS:
        return f"Too many redirect_uris: {len(app.redirect_uris)}. At most {MAX_REDIRECTS} are allowed."
    if app.sandbox_targets is not None and len(app.sandbox_targets) > MAX_TARGETS:
        return f"Too many sandbox_targets: {len(app.sandbox_targets)}. At most {MAX_TARGETS} are allowed."
    if app.webhook_url and urlsplit(app.webhook_url).scheme not in {"http", "https"}:
        return f"The webhook_url is not https or http: {app.webhook_url}. Give a full URL."
    return next(filter(None, (_registered_redirect_error(app.platform, uri) for uri in app.redirect_uris)), "")


def _registered_redirect_error(platform: Platform, uri: str) -> str:
    # `*` stands for any port. One has to be filled in, because `urlsplit` refuses a port that is no number.
    found = redirect_error(platform, uri.replace(":*", ":1", 1) if platform is Platform.DESKTOP else uri)
    return f"The redirect_uri is not allowed: {uri}. {found}" if found else ""


def redirect_error(platform: Platform, uri: str) -> str:
    """Return why this platform does not allow a redirect URI, registered or not.

    Empty if it does.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "It is not a URL."
    if len(uri) > MAX_REDIRECT_LENGTH:
        return f"It has more than {MAX_REDIRECT_LENGTH} characters."
    if not host or "?" in uri or "#" in uri or parts.username is not None:
        return "It must have a host, and no query, fragment or user name."
    if platform is Platform.WEB:
        return _web_redirect_error(parts.scheme, host)
    return _desktop_redirect_error(parts.scheme, host, port)


def _web_redirect_error(scheme: str, host: str) -> str:
    if scheme != "https":
        return "The scheme must be https."
    return "The host must be a domain." if host == "localhost" or _is_ip_address(host) else ""


def _desktop_redirect_error(scheme: str, host: str, port: int | None) -> str:
    if scheme not in {"http", "https"}:
        return "The scheme must be http or https."
    if host not in LOOPBACK:
        return "The host must be localhost or 127.0.0.1."
    return "" if port else "The port is missing."


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
