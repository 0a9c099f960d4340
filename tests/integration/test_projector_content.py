"""Values that the store cannot hold are skipped with a log entry; the projector continues."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
import structlog
from msgspec.structs import replace
from prometheus_client import REGISTRY

from analytics_service.read_side.database import Database
from analytics_service.read_side.documents import Collection
from analytics_service.read_side.store import StoreWriter
from builders.post_history import STORY, memory, post, records_of, upserts
from common.contract.body import Body
from common.contract.metrics import MetricsCollected
from common.contract.post import DelayReason, PostDelayed
from common.streams import TopicPartition
from common.streams.log.memory import MemoryLog
from harness.projector import WatchedStore, all_documents, run_projector

WEST, EAST = timezone(timedelta(hours=-5)), timezone(timedelta(hours=14))
MOMENTS = {
    "within": (datetime(2026, 5, 1, 14, 0, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 5, 1, 12, tzinfo=UTC)),
    "too far ahead": (
        datetime(9999, 12, 31, 23, 59, tzinfo=WEST),
        datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    ),
    "too far back": (datetime(1, 1, 1, tzinfo=EAST), datetime(1, 1, 1, tzinfo=UTC)),
}
BEYOND_64_BITS = 10**30


@pytest.mark.parametrize(("said", "kept"), MOMENTS.values(), ids=MOMENTS.keys())
async def test_datetime_is_stored_as_precisely_as_possible(database: Database, said: datetime, kept: datetime) -> None:
    delayed = post(PostDelayed, 2, reason=DelayReason.SCHEDULED, until=said)
    store_watch = WatchedStore(database)
    async with run_projector(store_watch, MemoryLog(memory(records_of([STORY[1], delayed])))):
        await store_watch.until_written(4)
    found = await all_documents(database)
    assert found["events"][1]["details"]["until"] == found["posts"][0]["latest"]["details"]["until"] == kept


@pytest.mark.parametrize(("said", "kept"), MOMENTS.values(), ids=MOMENTS.keys())
async def test_event_of_any_datetime_is_stored(database: Database, said: datetime, kept: datetime) -> None:
    numbers = STORY[-1]
    assert isinstance(numbers, MetricsCollected)
    bodies: Sequence[Body] = (replace(STORY[0], at=said), replace(STORY[1], at=said), replace(numbers, at=said))
    await StoreWriter(database).write(upserts(records_of(bodies)), {})
    found = await all_documents(database)
    assert found["accounts"][0]["latest"]["at"] == kept
    assert [event["at"] for event in found["events"]] == [kept, kept]
    assert (found["posts"][0]["latest"]["at"], found["posts"][0]["started"]["at"]) == (kept, kept)
    assert found["metrics"][0]["at"] == kept


def passed_over() -> float:
    return REGISTRY.get_sample_value("analytics_unstorable_changes_total", {"topic": "metrics.events"}) or 0.0


async def test_record_that_cannot_be_stored_is_skipped_and_logged(database: Database) -> None:
    first, last = STORY[-2:]
    assert isinstance(first, MetricsCollected)
    assert isinstance(last, MetricsCollected)
    records = records_of([*STORY[:-2], replace(first, view_count=BEYOND_64_BITS), last])
    store_watch, before = WatchedStore(database), passed_over()
    with structlog.testing.capture_logs() as lines:
        async with run_projector(store_watch, MemoryLog(memory(records))):
            await store_watch.until_written(len(upserts(records)) - 1)
            await store_watch.until_reached({TopicPartition("metrics.events", 0): 2})
    found = await all_documents(database)
    assert [numbers["view_count"] for numbers in found["metrics"]] == [last.view_count]
    assert found["posts"][0]["latest"]["state"] == "available"
    assert await StoreWriter(database).positions([TopicPartition("metrics.events", 0)]) == {
        TopicPartition("metrics.events", 0): 2
    }
    assert passed_over() == before + 1
    (line,) = [line for line in lines if line["event"] == "change_not_stored"]
    assert line == {
        "event": "change_not_stored",
        "log_level": "error",
        "topic": "metrics.events",
        "partition": 0,
        "offset": 0,
        "collection": Collection.METRICS,
        "error": "MongoDB cannot hold the change: OverflowError.",
    }
