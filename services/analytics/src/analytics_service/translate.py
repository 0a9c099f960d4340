"""Turns events and view records into facts about collecting."""

from analytics_service import facts, states
from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import PostAvailable
from common.contract.state_keys import post_state_key
from common.streams import KeyedFact, StateKey


def translate(envelope: Envelope[Body]) -> KeyedFact[facts.Fact] | None:
    """Turn `post.available` into a fact. Every other event is for the projector alone."""
    body = envelope.body
    if not isinstance(body, PostAvailable) or not body.video_ids:
        return None
    fact = facts.BecameAvailable(tenant=body.tenant, video_ids=body.video_ids, at=body.at)
    return KeyedFact(key=post_state_key(body.account_id, body.tenant, body.post_id), fact=fact)


def on_view_change(key: StateKey, state: states.Video, record: Body) -> facts.Fact | None:
    """Wake a waiting post when its own tenant gets a newer access token of the account.

    Statistics are collected with the consent of the post's tenant. If the account belongs to another tenant by now,
    that tenant's token must not be used.
    """
    del key
    if not isinstance(state, states.AwaitingCredential) or not isinstance(record, CredentialIssued):
        return None
    newer = record.version > state.newer_than and record.serves(state.then.tenant)
    return facts.CredentialSeen(version=record.version) if newer else None
