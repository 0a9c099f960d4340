"""Translates events and changes of views into facts about posts."""

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
from uploader_service import facts, states

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_MAX_ERROR_CHARACTERS = 500


class _PostName(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that say which post a request is about. All others are ignored, as they may be the invalid ones."""

    # `object`: a value of a wrong type in one field must not hide the other two.
    account_id: object = None
    post_id: object = None
    tenant: object = None


_decode_post_name = msgspec.json.Decoder(_PostName).decode


def translate(envelope: Envelope[Body]) -> KeyedFact[facts.Fact] | None:
    """Translate requests, and posts that the publisher returns. All other events are its own or the uploader's."""
    body = envelope.body
    if isinstance(body, PostRequested):
        requested = facts.Requested(request=body, recorded_at=_with_offset(envelope.time))
        return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), requested)
    if isinstance(body, PostReturned):
        returned = facts.Returned(attempt=body.attempt, revision=body.revision, code=body.code, message=body.message)
        return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), returned)
    return None


def on_view_change(key: StateKey, state: states.Post, record: Body) -> facts.Fact | None:
    """Return the fact that wakes a waiting post, if the record is what it waits for."""
    del key
    if isinstance(state, states.AwaitingAccount) and isinstance(record, AccountDescribed):
        return facts.AccountKnown(record.tenant)
    if isinstance(state, states.AwaitingCredential) and isinstance(record, CredentialIssued):
        return facts.CredentialKnown(record.version) if _is_usable(record, state) else None
    return None


def _is_usable(record: CredentialIssued, state: states.AwaitingCredential) -> bool:
    # TikTok answers a status query whichever tenant the account belongs to now. A new post needs the tenant's consent.
    serves = record.serves(states.tenant_of(state)) or isinstance(state.then, states.Querying)
    return serves and record.version > state.newer_than


def on_undecodable(record: ForeignRecord) -> KeyedFact[facts.Fact] | None:
    """Return the post that an undecodable request names, so that its sender gets an answer; None if it names none."""
    try:
        name = _decode_post_name(record.value)
    # JSON that is nested too deeply raises RecursionError instead of DecodeError.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    account_id, post_id, tenant = map(_identifier, (name.account_id, name.post_id, name.tenant))
    # Without both there is no post to answer about. An unreadable tenant counts as none.
    if not account_id or not post_id:
        return None
    fact = facts.UndecodableRequest(
        tenant=tenant,
        message=str(record.error)[:_MAX_ERROR_CHARACTERS],
        digest=hashlib.sha256(record.value).hexdigest(),
    )
    return KeyedFact(post_state_key(account_id, tenant, post_id), fact)


def _identifier(value: object) -> str:
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else ""


def _with_offset(time: UtcDatetime | None) -> UtcDatetime | None:
    # CloudEvents requires an offset. A sender that leaves it out most likely means UTC.
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
