"""Turns events and view records into facts about posts."""

from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import PostUnresolved, PostUploaded
from common.contract.state_keys import post_state_key
from common.streams import KeyedFact, StateKey
from publisher_service import facts
from publisher_service.states import AwaitingCredential, Post


def translate(envelope: Envelope[Body]) -> KeyedFact[facts.Fact] | None:
    """Read hand-overs. Our own `post.unresolved` comes back as one of an attempt we follow, and changes nothing."""
    body = envelope.body
    if not isinstance(body, PostUploaded | PostUnresolved):
        return None
    handover = facts.HandedOver if isinstance(body, PostUploaded) else facts.HandedOverInDoubt
    fact = handover(
        tenant=body.tenant,
        publish_id=body.publish_id,
        attempt=body.attempt,
        revision=body.revision,
        at=body.at,
        privacy_level=body.privacy_level,
    )
    return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), fact)


def on_view_change(key: StateKey, state: Post, record: Body) -> facts.Fact | None:
    """Wake a post that waits for a newer access token."""
    del key
    if not isinstance(state, AwaitingCredential) or not isinstance(record, CredentialIssued):
        return None
    return facts.CredentialSeen(version=record.version) if record.version > state.newer_than else None
