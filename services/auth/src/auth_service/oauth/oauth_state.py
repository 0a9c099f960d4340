"""The sealed slips a browser carries through a consent, so that the edge need not remember it."""

import hashlib
import hmac
from datetime import timedelta
from typing import TypeVar

import msgspec

from auth_service.errors import OtherBrowser, StateBroken, StateExpired
from common.clock import UtcDatetime
from common.security.sealing import CannotOpen, Vault

INVITATION_LIFE = timedelta(hours=1)
"""How long a link to connect may be followed."""

CONSENT_LIFE = timedelta(minutes=10)
"""How long a person may look at TikTok's consent page."""

WAY_BACK_LIFE = timedelta(days=1)
"""How long after its end a link or a consent still leads on to the backend's own page."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """The link a backend shows its user. `return_to` is where the person is sent in the end; `by` who made the link."""

    tenant: str
    scopes: tuple[str, ...]
    return_to: str = ""
    by: str = ""
    expires_at: UtcDatetime


class PendingConsent(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth's `state`: for whom, with which app and PKCE verifier, in which browser, and what was asked for."""

    tenant: str
    app: str = ""
    scopes: tuple[str, ...] = ()
    return_to: str = ""
    by: str = ""
    flow: str
    nonce_hash: str
    verifier: str | None
    expires_at: UtcDatetime

    def __repr__(self) -> str:
        return f"PendingConsent(tenant={self.tenant!r}, flow={self.flow!r})"


Slip = TypeVar("Slip", Invitation, PendingConsent)

_STEPS = {Invitation: "invitation", PendingConsent: "state"}


def seal_slip(vault: Vault, slip: Invitation | PendingConsent) -> str:
    """Seal a slip as URL-safe text."""
    return vault.seal(msgspec.json.encode(slip), owner="", field=_STEPS[type(slip)], version=0)


def open_slip(vault: Vault, text: str, kind: type[Slip], now: UtcDatetime) -> Slip:
    """Open a slip of this kind.

    Raises:
        StateBroken: it is not ours, or of another kind.
        StateExpired: its time is over.
    """
    step = _STEPS[kind]
    try:
        slip = msgspec.json.decode(vault.open(text, owner="", field=step, version=0), type=kind)
    except (CannotOpen, msgspec.DecodeError) as error:
        raise StateBroken(step=step) from error
    if now >= slip.expires_at:
        # A tenant may have given an address up since; an old link must not lead there for ever.
        return_to = slip.return_to if now < slip.expires_at + WAY_BACK_LIFE else ""
        raise StateExpired(step=step, return_to=return_to)
    return slip


def cookie_of(flow: str) -> str:
    """Name the cookie of one flow: two tabs that connect two accounts do not disturb each other."""
    return f"postbus_connect_{flow}"


def nonce_hash(nonce: str) -> str:
    """Hash a cookie's value, so that the state alone does not give it away."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def check_browser(pending: PendingConsent, nonce: str | None) -> None:
    """Raise `OtherBrowser` unless the cookie is the one this consent set out with."""
    if nonce is None or not hmac.compare_digest(nonce_hash(nonce), pending.nonce_hash):
        raise OtherBrowser
