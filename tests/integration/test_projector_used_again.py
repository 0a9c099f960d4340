"""A post id is used again after its post was forgotten: only the newer post is shown."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from analytics_service.api import ReadApi
from analytics_service.api_models import MetricsAnswer, PostAnswer
from analytics_service.read_side.database import Database, open_database
from analytics_service.read_side.queries import StoreReader
from analytics_service.read_side.store import StoreWriter
from builders.post_history import PUBLIC, STORY, T0, VIDEO, post, records_of, upserts
from common.contract.body import Body
from common.contract.metrics import MetricsCollected
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostUploaded,
)
from common.streams import Record

LATER = timedelta(days=31)
NEW_VIDEO = "7599999999999999999"
NUMBERS = STORY[-1]


def again(*bodies: Any) -> tuple[Body, ...]:
    return tuple(replace(body, at=body.at + LATER) for body in bodies)


ACCEPTED = again(post(PostAccepted, 1, source_url="https://x/w.mp4", privacy_level=PUBLIC, caption="hello again"))
WAITING = (*ACCEPTED, *again(post(PostDelayed, 2, reason=DelayReason.DAILY_LIMIT)))
FAILED = again(post(PostFailed, 1, reason=FailureReason.INVALID_REQUEST, message="no source"))
OUT = (
    *ACCEPTED,
    *again(
        post(PostProgressed, 1, bytes_sent=7, bytes_total=9),
        post(PostUploaded, 2, publish_id="q", attempt=1, bytes_total=9, privacy_level=PUBLIC, request_digest="e"),
        post(PostPublished, 3, publish_id="q"),
        post(PostAvailable, 4, publish_id="q", video_ids=(NEW_VIDEO,)),
        # Collected for the old post after the new one began, and for the new one.
        NUMBERS,
        replace(NUMBERS, video_id=NEW_VIDEO, view_count=1) if isinstance(NUMBERS, MetricsCollected) else None,
    ),
)


async def ask(database: Database) -> tuple[PostAnswer, MetricsAnswer]:
    api = ReadApi(reader=StoreReader(database), clock=lambda: T0 + 2 * LATER)
    return await api.post("shop", "post-1"), await api.metrics("shop", "post-1", limit=500)


@pytest.mark.parametrize(
    ("second", "state", "timeline"),
    [
        (WAITING, "delayed", ["post.accepted", "post.delayed"]),
        (FAILED, "failed", ["post.failed"]),
        (ACCEPTED, "accepted", ["post.accepted"]),
    ],
    ids=["waiting", "failed", "accepted"],
)
async def test_new_post_shows_nothing_of_the_old_one(
    database: Database, second: Sequence[Body], state: str, timeline: list[str]
) -> None:
    await StoreWriter(database).write(upserts(records_of([*STORY, *second])), {})
    shown, series = await ask(database)
    assert (shown.state, shown.progress, shown.videos) == (state, None, [])
    assert [event.type for event in shown.timeline] == timeline
    assert shown.since is not None
    assert shown.since > T0 + LATER
    assert series.metrics == []


def shuffled(records: Sequence[Record], order: Sequence[int]) -> list[Record]:
    return [records[index] for index in order]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(STORY) + len(OUT))), doubled=st.integers(0, len(STORY) + len(OUT)))
def test_new_post_wins_in_any_order_of_events(mongodb_url: str, order: list[int], doubled: int) -> None:
    records = records_of([*STORY, *OUT])

    async def run() -> None:
        async with open_database(mongodb_url, f"t{uuid4().hex}") as database:
            store = StoreWriter(database)
            await store.write(upserts(shuffled(records, order)), {})
            await store.write(upserts(records[:doubled]), {})
            shown, series = await ask(database)
            await database.client.drop_database(database)
        assert (shown.state, shown.tenant) == ("available", "shop")
        assert shown.progress is not None
        assert (shown.progress.bytes_sent, shown.progress.bytes_total) == (9, 9)
        assert [video.video_id for video in shown.videos] == [NEW_VIDEO]
        assert [(event.type, event.revision) for event in shown.timeline] == [
            ("post.accepted", 1),
            ("post.uploaded", 2),
            ("post.published", 3),
            ("post.available", 4),
        ]
        assert [(numbers.video_id, numbers.view_count) for numbers in series.metrics] == [(NEW_VIDEO, 1)]

    asyncio.run(run())


async def test_post_without_its_first_events_is_shown_from_the_rest(database: Database) -> None:
    await StoreWriter(database).write(upserts(records_of(STORY)[4:]), {})
    shown, series = await ask(database)
    assert (shown.state, [video.video_id for video in shown.videos]) == ("available", [VIDEO])
    assert shown.timeline[0].type == "post.uploaded"
    assert len(series.metrics) == 2
