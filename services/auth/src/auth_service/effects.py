"""What an account's state can request: calls to TikTok, and sealing."""

from dataclasses import dataclass

from auth_service import states


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Seal the pair as `version`, and its access token to each service. Safe to repeat."""

    pair: states.Pair
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOf:
    """Which TikTok app a pair belongs to: the tenant's own, or (no client key) the installation's."""

    tenant: str
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Have TikTok exchange the pair for a new one. It rotates: a lost answer may cost the pair."""

    app: AppOf
    pair: states.Pair
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Ask TikTok who the person is. Safe to repeat."""

    app: AppOf
    pair: states.Pair
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Have TikTok forget the grant. Safe to repeat."""

    app: AppOf
    pair: states.Pair
    attempt: int


Effect = Issue | Refresh | Look | Revoke


def app_of(profile: states.Profile) -> AppOf:
    """Name the app that the person consented to."""
    return AppOf(tenant=profile.tenant, client_key=profile.client_key)
