"""Turns events and view records into facts about collecting."""

from analytics_service.facts import BecameAvailable, CredentialSeen, Fact
from analytics_service.states import Parked, Video
from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import PostAvailable
from common.contract.state_keys import post_state_key
from common.streams import KeyedFact, StateKey


def translate(envelope: Envelope[Body]) -> KeyedFact[Fact] | None:
    """Take up posts that became available; the rest of a post's life is the projector's."""
    body = envelope.body
    if not isinstance(body, PostAvailable) or not body.video_ids:
        return None
    fact = BecameAvailable(tenant=body.tenant, video_ids=body.video_ids, at=body.at)
    return KeyedFact(key=post_state_key(body.account_id, body.tenant, body.post_id), fact=fact)


def on_view_change(key: StateKey, state: Video, record: Body) -> Fact | None:
    """Wake a parked post when its tenant gets a newer credential of the account."""
    del key
    if not isinstance(state, Parked) or not isinstance(record, CredentialIssued) or record.version <= state.version:
        return None
    return CredentialSeen(version=record.version) if record.serves(state.collecting.tenant) else None
