"""Turns events and view records into facts about posts."""

from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import PostUnresolved, PostUploaded
from common.contract.state_keys import post_state_key
from common.streams import KeyedFact, StateKey
from publisher_service import facts, states


def translate(envelope: Envelope[Body]) -> KeyedFact[facts.Fact] | None:
    """Turn the two events that hand a post over into facts. Every other event is ignored."""
    body = envelope.body
    # The topic holds our own events, too. Only these two can hand a post over.
    if not isinstance(body, PostUploaded | PostUnresolved):
        return None
    kind = facts.HandedOver if isinstance(body, PostUploaded) else facts.HandedOverUnresolved
    handover = kind(
        tenant=body.tenant,
        publish_id=body.publish_id,
        attempt=body.attempt,
        revision=body.revision,
        at=body.at,
        privacy_level=body.privacy_level,
    )
    return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), handover)


def on_view_change(key: StateKey, state: states.Post, record: Body) -> facts.Fact | None:
    """Wake a post that waits for an access token newer than the one it had.

    Any tenant's token of the account will do: asking for a status needs no consent of a particular tenant.
    """
    del key
    if not isinstance(state, states.AwaitingCredential) or not isinstance(record, CredentialIssued):
        return None
    return facts.CredentialSeen(version=record.version) if record.version > state.newer_than else None
