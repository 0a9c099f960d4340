"""Which events become facts, and what wakes a waiting post."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from analytics_service import facts, states
from analytics_service.decisions import decide
from analytics_service.translate import on_view_change, translate
from common.contract.account import CredentialIssued, CredentialWithdrawn
from common.contract.codec import Envelope
from common.contract.post import PostAvailable, PostPublished
from common.streams import StateKey
from tiktok import models

AGES = (60, 300, 3600)
T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEY = StateKey(partition_key="acc_1", entity_id="shop/post-1")
STATS = models.Video(
    id="7512345678901234567",
    create_time=1,
    view_count=10,
    like_count=2,
    comment_count=1,
    share_count=0,
    share_url="https://www.tiktok.com/@a/video/7512345678901234567",
)
YOUNG = states.Collecting(tenant="shop", video_ids=(STATS.id,), available_at=T0, next_age=60)
AWAITING = states.AwaitingCredential(then=YOUNG, newer_than=3, since=T0)
FINISHED = states.Finished(tenant="shop", at=T0)
AVAILABLE = facts.BecameAvailable(tenant="shop", video_ids=(STATS.id,), at=T0)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def body(video_ids: tuple[str, ...] = ("7",)) -> PostAvailable:
    return PostAvailable(
        account_id="acc_1", post_id="post-1", tenant="shop", revision=6, at=T0, publish_id="p", video_ids=video_ids
    )


def issued(version: int) -> CredentialIssued:
    return CredentialIssued(account_id="acc_1", version=version, scopes=(), expires_at=at(86400), sealed={})


def test_on_view_change_newer_credential_wakes_waiting_post() -> None:
    fact = on_view_change(KEY, AWAITING, issued(4))
    assert fact == facts.CredentialSeen(version=4)
    assert on_view_change(KEY, AWAITING, msgspec.structs.replace(issued(4), tenant="shop")) == fact
    assert decide(AGES, KEY, AWAITING, fact, at(70)).state == YOUNG


@pytest.mark.parametrize(
    ("state", "record"),
    [
        (AWAITING, issued(3)),
        (AWAITING, msgspec.structs.replace(issued(4), tenant="rival")),
        (AWAITING, CredentialWithdrawn(account_id="acc_1", version=5, reason="disconnected")),
        (YOUNG, issued(9)),
        (FINISHED, issued(9)),
    ],
)
def test_on_view_change_other_records_wake_nothing(
    state: states.Video, record: CredentialIssued | CredentialWithdrawn
) -> None:
    assert on_view_change(KEY, state, record) is None


def test_translate_takes_available_posts_with_ids_only() -> None:
    def envelope(event: PostAvailable | PostPublished) -> Envelope[PostAvailable | PostPublished]:
        return Envelope(id="1", source="s", time=T0, traceparent=None, body=event)

    published = PostPublished(account_id="a", post_id="p", tenant="t", revision=1, at=T0, publish_id="x")
    taken = translate(envelope(body()))
    assert taken is not None
    assert (taken.key, taken.fact) == (KEY, facts.BecameAvailable(tenant="shop", video_ids=("7",), at=T0))
    theirs = translate(envelope(msgspec.structs.replace(body(), tenant="rival")))
    assert theirs is not None
    assert theirs.key == StateKey("acc_1", "rival/post-1")
    assert translate(envelope(body(()))) is None
    assert translate(envelope(published)) is None
