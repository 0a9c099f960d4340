"""The publisher as the runtime sees it: which events concern it, what its states wait for, and its pure functions."""

from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import PostUnresolved, PostUploaded
from common.contract.state_keys import post_state_key
from common.contract.topics import AUTH_CREDENTIALS, POST_EVENTS
from common.streams import KeyedFact, Processor, StateKey
from publisher_service import service
from publisher_service.decisions import decide
from publisher_service.lanes import admit, attempt_of
from publisher_service.plans import next_effect
from publisher_service.post import (
    AwaitingCredential,
    CredentialSeen,
    Fact,
    HandedOver,
    HandedOverInDoubt,
    Poll,
    Post,
)


def translate(envelope: Envelope[Body]) -> KeyedFact[Fact] | None:
    """Read hand-overs. Our own `post.unresolved` comes back as one of an attempt we follow, and changes nothing."""
    body = envelope.body
    if not isinstance(body, PostUploaded | PostUnresolved):
        return None
    handover = HandedOver if isinstance(body, PostUploaded) else HandedOverInDoubt
    fact = handover(
        tenant=body.tenant,
        publish_id=body.publish_id,
        attempt=body.attempt,
        revision=body.revision,
        at=body.at,
        privacy_level=body.privacy_level,
    )
    return KeyedFact(post_state_key(body.account_id, body.tenant, body.post_id), fact)


def on_view_change(key: StateKey, state: Post, record: Body) -> Fact | None:
    """Wake a post that waits for a newer access token."""
    del key
    if not isinstance(state, AwaitingCredential) or not isinstance(record, CredentialIssued):
        return None
    return CredentialSeen(version=record.version) if record.version > state.newer_than else None


def tenant_of(state: Post) -> str:
    """Say whose post it is."""
    return attempt_of(state).tenant


class PublisherProcessor(Processor[Post, Fact, Poll]):
    """Follows posts after their upload, until TikTok says how they ended."""

    service = service.NAME
    inputs = (POST_EVENTS,)
    views = (AUTH_CREDENTIALS,)
    state_type = Post
    translate = staticmethod(translate)
    decide = staticmethod(decide)
    next_effect = staticmethod(next_effect)
    admit = staticmethod(admit)
    on_view_change = staticmethod(on_view_change)
    fairness_key = staticmethod(tenant_of)


PROCESSOR = PublisherProcessor()
