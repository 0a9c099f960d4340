"""What the world says, as facts: events, views, and requests that could not be read."""

import hashlib
import re
from datetime import UTC

import msgspec

from common.clock import UtcDatetime
from common.contract.account import AccountDescribed, CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import PostRequested, PostReturned
from common.contract.state_keys import post_state_key
from common.streams import ForeignRecord, KeyedFact, StateKey
from uploader_service.facts import AccountSeen, CredentialSeen, Fact, Illegible, Requested, Returned
from uploader_service.states import AwaitingCredential, Locating, Parked, Post, tenant_of

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_LONGEST_FAULT = 500


class _Names(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a request is. What else is in it is not looked at."""

    account_id: object = None
    post_id: object = None
    tenant: object = None


_names = msgspec.json.Decoder(_Names).decode


def translate(envelope: Envelope[Body]) -> KeyedFact[Fact] | None:
    """Read requests, and posts that the publisher gives back."""
    body = envelope.body
    if isinstance(body, PostRequested):
        requested = Requested(request=body, recorded_at=_aware(envelope.time))
        return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), requested)
    if isinstance(body, PostReturned):
        returned = Returned(attempt=body.attempt, revision=body.revision, code=body.code, message=body.message)
        return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), returned)
    return None


def on_view_change(key: StateKey, state: Post, record: Body) -> Fact | None:
    """Tell a waiting post that what it waits for is in view."""
    del key
    if isinstance(state, Parked) and isinstance(record, AccountDescribed):
        return AccountSeen(record.tenant)
    if isinstance(state, AwaitingCredential) and isinstance(record, CredentialIssued):
        return CredentialSeen(record.version) if _helps(record, state) else None
    return None


def _helps(record: CredentialIssued, state: AwaitingCredential) -> bool:
    # To ask where TikTok is, any tenant's will do.
    own = record.serves(tenant_of(state)) or isinstance(state.then, Locating)
    return own and record.version > state.newer_than


def illegible(outsider: ForeignRecord) -> KeyedFact[Fact] | None:
    """Find the post that a request was about which could not be read, so that its sender gets an answer."""
    try:
        names = _names(outsider.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    account_id, post_id, tenant = map(_identifier, (names.account_id, names.post_id, names.tenant))
    if not account_id or not post_id:
        return None
    fact = Illegible(
        tenant=tenant,
        message=str(outsider.error)[:_LONGEST_FAULT],
        digest=hashlib.sha256(outsider.value).hexdigest(),
    )
    return KeyedFact(post_state_key(account_id, tenant, post_id), fact)


def _identifier(value: object) -> str:
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else ""


def _aware(time: UtcDatetime | None) -> UtcDatetime | None:
    # CloudEvents asks for an offset; a sender that leaves it out gets UTC rather than an error.
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
