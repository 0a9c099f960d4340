"""The effects that an account's state can request: sealing, and calls to TikTok."""

from dataclasses import dataclass

from auth_service import states


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRef:
    """The TikTok app that an account was connected with.

    `client_key` names the tenant's own app; None is the installation's. Tokens work with their own app only.
    """

    tenant: str
    client_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Seal the pair as `version`, and its access token to each service. Safe to repeat: no other service is called."""

    pair: states.SealedTokenPair
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Exchange the pair for a new one at TikTok.

    Not safe to repeat: TikTok rotates the refresh token, so a lost answer may cost the pair.
    """

    app: AppRef
    pair: states.SealedTokenPair
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProfile:
    """Ask TikTok for the person's name and picture. Safe to repeat."""

    app: AppRef
    pair: states.SealedTokenPair
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Have TikTok end the grant. Safe to repeat."""

    app: AppRef
    pair: states.SealedTokenPair
    attempt: int


Effect = Issue | Refresh | FetchProfile | Revoke


def app_of(profile: states.Profile) -> AppRef:
    """Return the app that the person consented to."""
    return AppRef(tenant=profile.tenant, client_key=profile.client_key)
