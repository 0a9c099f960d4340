"""The sealed texts that a browser carries through a consent, so that the edge needs no memory of it.

A link to connect and OAuth's `state` are sealed by the vault: any edge process can open them, and no other party can
read or change them. A cookie binds the `state` to the browser that followed the link.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Final, TypeVar

import msgspec

from auth_service.errors import OtherBrowser, StateBroken, StateExpired
from common.clock import UtcDatetime
from common.security.sealing import CannotOpen, Vault

LINK_LIFETIME: Final = timedelta(hours=1)
"""How long a link to connect may be followed."""

CONSENT_LIFETIME: Final = timedelta(minutes=10)
"""How long a person may take on TikTok's consent page."""

RETURN_LIFETIME: Final = timedelta(days=1)
"""How long after its expiry a link or a consent still leads to the backend's page."""

NO_OWNER: Final = ""
"""The vault's owner of texts that belong to no account yet."""


class ConnectLink(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a link that a backend shows its user, sealed as `connect_token`.

    `return_to` is the backend's page that the person goes on to. `by` is the API key that asked for the link.
    """

    tenant: str
    scopes: tuple[str, ...]
    return_to: str = ""
    by: str = ""
    expires_at: UtcDatetime


class PendingConsent(msgspec.Struct, frozen=True, kw_only=True):
    """The content of OAuth's `state`: everything that the callback needs to complete the consent.

    `app` is the client key of the tenant's own app; None is the installation's. `flow` names the cookie, `nonce_hash`
    is the hash of its value, and `verifier` is PKCE's.
    """

    tenant: str
    app: str | None = None
    scopes: tuple[str, ...] = ()
    return_to: str = ""
    by: str = ""
    flow: str
    nonce_hash: str
    verifier: str | None
    expires_at: UtcDatetime

    def __repr__(self) -> str:
        return f"PendingConsent(tenant={self.tenant!r}, flow={self.flow!r})"


SealedState = TypeVar("SealedState", ConnectLink, PendingConsent)
_STEPS = {ConnectLink: "link", PendingConsent: "state"}


def seal_state(vault: Vault, state: ConnectLink | PendingConsent) -> str:
    """Seal a link or a state as URL-safe text."""
    # The step is the vault's field: a link does not open as a state, nor a state as a link.
    return vault.seal(msgspec.json.encode(state), owner=NO_OWNER, field=_STEPS[type(state)], version=0)


def open_state(vault: Vault, text: str, kind: type[SealedState], now: UtcDatetime) -> SealedState:
    """Open a sealed text of this kind.

    Raises:
        StateBroken: it is not ours, or of the other kind.
        StateExpired: it is too old.
    """
    step = _STEPS[kind]
    try:
        state = msgspec.json.decode(vault.open(text, owner=NO_OWNER, field=step, version=0), type=kind)
    # Both mean the same to the person: the text was not made here, or was changed.
    except (CannotOpen, msgspec.DecodeError) as error:
        raise StateBroken(step=step) from error
    if now >= state.expires_at:
        # The tenant may have given the page's address up since. An old link must not lead there for ever.
        return_to = state.return_to if now < state.expires_at + RETURN_LIFETIME else ""
        raise StateExpired(step=step, return_to=return_to)
    return state


def cookie_of(flow: str) -> str:
    """Return the name of one flow's cookie. Each flow has its own, so two tabs can connect two accounts."""
    return f"postbus_connect_{flow}"


def nonce_hash(nonce: str) -> str:
    """Hash a cookie's value, so that the state alone does not reveal it."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def check_browser(pending: PendingConsent, nonce: str | None) -> None:
    """Raise `OtherBrowser` unless the cookie is the one that this consent started with.

    Without this, an attacker could send a victim a callback that connects the attacker's account.
    """
    # In constant time, so that the time of an answer does not reveal how much of a guess was right.
    if nonce is None or not hmac.compare_digest(nonce_hash(nonce), pending.nonce_hash):
        raise OtherBrowser
