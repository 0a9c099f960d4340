"""The history of one post as events, records and upserts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics_service.read_side.documents import Upsert, upserts_of
from common.contract.account import AccountConnected
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.contract.metrics import MetricsCollected
from common.contract.post import (
    DelayReason,
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostEvent,
    PostProgressed,
    PostPublished,
    PostRequestConflict,
    PostUploaded,
    PrivacyLevel,
)
from common.streams import Record, TopicPartition
from common.streams.log.memory import MemoryStore
from common.streams.log.port import OutgoingRecord

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
T0_MS = int(T0.timestamp() * 1000)
VIDEO = "7512345678901234567"


def post(kind: type[PostEvent], revision: int, **fields: Any) -> Body:
    common: dict[str, Any] = {"account_id": "acc_1", "post_id": "post-1", "tenant": "shop", "revision": revision}
    return kind(**common, at=T0 + timedelta(seconds=revision), **fields)


PUBLIC = PrivacyLevel.PUBLIC_TO_EVERYONE
STORY: tuple[Body, ...] = (
    AccountConnected(account_id="acc_1", tenant="shop", open_id="o", scopes=("video.list",), at=T0),
    post(PostAccepted, 1, source_url="https://x/v.mp4", privacy_level=PUBLIC, caption="hello"),
    post(PostDelayed, 2, reason=DelayReason.RATE_LIMIT, message="one minute"),
    post(PostProgressed, 2, bytes_sent=10, bytes_total=30),
    post(PostProgressed, 2, bytes_sent=20, bytes_total=30),
    post(PostUploaded, 3, publish_id="p", attempt=1, bytes_total=30, privacy_level=PUBLIC, request_digest="d"),
    post(PostPublished, 4, publish_id="p"),
    post(PostAvailable, 5, publish_id="p", video_ids=(VIDEO,)),
    post(PostRequestConflict, 6, message="other content"),
    *(
        MetricsCollected(
            account_id="acc_1",
            post_id="post-1",
            tenant="shop",
            video_id=VIDEO,
            at=T0 + timedelta(seconds=60 * n),
            age_seconds=60 * n,
            view_count=100 * n,
            like_count=n,
            comment_count=0,
            share_count=0,
        )
        for n in (1, 2)
    ),
)


def records_of(bodies: Sequence[Body], partition: int = 0) -> list[Record]:
    offsets: dict[str, int] = {}
    records = []
    for body in bodies:
        value, headers = encode(Envelope(id="i", source="test", time=T0, traceparent=None, body=body))
        offset = offsets.get(body.topic.name, 0)
        offsets[body.topic.name] = offset + 1
        records.append(
            Record(
                topic_partition=TopicPartition(body.topic.name, partition),
                offset=offset,
                key=b"acc_1",
                value=value,
                headers=headers,
                time_ms=T0_MS,
            )
        )
    return records


def outgoing(record: Record) -> OutgoingRecord:
    return OutgoingRecord(
        topic_partition=record.topic_partition, key=record.key, value=record.value, headers=record.headers
    )


def upserts(records: Sequence[Record]) -> list[Upsert]:
    return [upsert for record in records for upsert in upserts_of(record)]


def memory(records: Sequence[Record]) -> MemoryStore:
    store = MemoryStore(partitions=1, clock=lambda: T0)
    for record in records:
        store.append(outgoing(record))
    return store
