"""Which events become facts, and what wakes a waiting post."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.contract.account import CredentialIssued, CredentialWithdrawn
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import FailureReason as Reason
from common.contract.post import PostFailed, PostPublished, PostReturned, PostUnresolved, PostUploaded, PrivacyLevel
from common.streams import KeyedFact, StateKey
from publisher_service.facts import CredentialSeen, HandedOver, HandedOverUnresolved
from publisher_service.states import AwaitingCredential, Published
from publisher_service.translate import on_view_change, translate

AT = datetime(2027, 1, 1, 12, tzinfo=UTC)
KEY = StateKey("acc_a", "t1/post-1")
POST: dict[str, Any] = {"account_id": "acc_a", "post_id": "post-1", "tenant": "t1", "revision": 4, "at": AT}
HANDED: dict[str, Any] = {"publish_id": "p7", "attempt": 2, "privacy_level": PrivacyLevel.SELF_ONLY}
PUBLISHED = Published(tenant="t1", attempt=2, publish_id="p7", revision=5, published_at=AT, next_at=AT)
FACT: dict[str, Any] = {"tenant": "t1", "revision": 4, "at": AT, **HANDED}


def envelope(body: Body) -> Envelope[Body]:
    return Envelope(id="1", source="uploader", time=AT, traceparent=None, body=body)


def test_translate_uploaded_is_a_handover() -> None:
    body = PostUploaded(**POST, **HANDED, bytes_total=10, request_digest="d")
    assert translate(envelope(body)) == KeyedFact(KEY, HandedOver(**FACT))


def test_translate_unresolved_is_an_unresolved_handover() -> None:
    body = PostUnresolved(**POST, **HANDED, message="?")
    assert translate(envelope(body)) == KeyedFact(KEY, HandedOverUnresolved(**FACT))


@pytest.mark.parametrize(
    "body",
    [
        PostPublished(**POST, publish_id="p7"),
        PostReturned(**POST, attempt=2, code="internal", message=""),
        PostFailed(**POST, reason=Reason.TOO_LATE, message=""),
    ],
)
def test_translate_ignores_other_events(body: Body) -> None:
    assert translate(envelope(body)) is None


def issued(version: int) -> CredentialIssued:
    return CredentialIssued(account_id="acc_a", version=version, scopes=(), expires_at=AT, sealed={})


def test_on_view_change_newer_credential_wakes_waiting_post() -> None:
    waiting = AwaitingCredential(then=PUBLISHED, newer_than=3)
    assert on_view_change(KEY, waiting, issued(4)) == CredentialSeen(version=4)
    assert on_view_change(KEY, waiting, issued(3)) is None
    assert on_view_change(KEY, waiting, CredentialWithdrawn(account_id="acc_a", version=4, reason="gone")) is None
    assert on_view_change(KEY, PUBLISHED, issued(4)) is None
