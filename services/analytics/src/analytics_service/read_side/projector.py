"""Writes events to the store, partition by partition, and its own position with them.

After a crash the projector reads from its position again. Writes may be repeated, so nothing is lost or doubled, and
every function here may be cancelled anywhere. A change that the store cannot hold is skipped, logged and counted. If
the projector stopped for it, everything behind it would be missing, in a store that can be rebuilt from the topics.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn, Protocol, TypeVar

import structlog

from analytics_service.errors import StoreUnavailable, UnreadableRecord, Unstorable
from analytics_service.metrics import PROJECTED, PROJECTOR_RETRIES, UNSTORABLE
from analytics_service.read_side.documents import Upsert, upserts_of
from analytics_service.read_side.watermark import Watermark
from common import backoff
from common.clock import Clock
from common.contract.topics import ACCOUNT_EVENTS, METRICS_EVENTS, POST_EVENTS
from common.streams import Log, LogUnavailable, Membership, Reader, Record, TopicPartition

TOPICS = (POST_EVENTS, ACCOUNT_EVENTS, METRICS_EVENTS)
BATCH_SIZE = 500
"""Records written together: enough to catch up quickly, few enough for one call within its timeout."""

FETCH_TIMEOUT_SECONDS = 0.5
"""How long one fetch may wait for records."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class ProjectionStore(Protocol):
    """A store to project to. Every method raises `StoreUnavailable` and may then be called again."""

    async def prepare(self) -> None:
        """Create the indexes that do not exist yet."""

    async def positions(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the next offset to read of each partition."""

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[TopicPartition, int]) -> None:
        """Write a batch and then the positions behind it. Raises `Unstorable` if a retry would fail the same way."""

    async def advance_watermark(self, partition: int, *, to: datetime) -> None:
        """Store a moment up to which everything of a partition is in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait between retries, and how often to look where the topics end."""

    first_retry: timedelta = timedelta(milliseconds=200)
    longest_retry: timedelta = timedelta(seconds=10)
    watermark_every: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What every partition is projected with."""

    store: ProjectionStore
    clock: Clock
    pace: Pace = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedRecord:
    """A record and the updates that it makes."""

    record: Record
    upserts: tuple[Upsert, ...]


async def project_owned(projection: Projection, source: Log, membership: Membership, stop: asyncio.Event) -> None:
    """Project the partitions this process owns, as they come and go, until `stop`.

    Raises:
        UnreadableRecord: in an exception group. The process should end.
    """
    async with asyncio.TaskGroup() as group:
        hosting = group.create_task(_host(projection, source, membership))
        await stop.wait()
        hosting.cancel()


async def _host(projection: Projection, source: Log, membership: Membership) -> NoReturn:
    running: dict[int, asyncio.Task[NoReturn]] = {}
    await _retry(projection, projection.store.prepare)
    async with asyncio.TaskGroup() as group:
        while True:
            await membership.changed()
            for number in running.keys() - membership.numbers:
                # Not awaited: the new owner may write at the same time, because updates may be repeated.
                running.pop(number).cancel()
            for number in membership.numbers - running.keys():
                running[number] = group.create_task(_project(projection, source, number))


async def _project(projection: Projection, source: Log, partition: int) -> NoReturn:
    reader = await _retry(projection, source.reader)
    try:
        await project_partition(projection, reader, partition)
    finally:
        await reader.close()


async def project_partition(projection: Projection, reader: Reader, partition: int) -> NoReturn:
    """Project one partition of every topic until cancelled.

    Raises:
        UnreadableRecord: a record of our own cannot be read. Everything before it is written.
    """
    partitions = [TopicPartition(topic.name, partition) for topic in TOPICS]
    reached = await _retry(projection, lambda: projection.store.positions(partitions))
    reader.assign(reached)
    watermark = await _observe_ends(projection, reader)
    fetching = _fetching(projection, reader)
    try:
        while True:
            # The timeout does not cancel the fetch: records that it had taken already would be missing from the next.
            done, _ = await asyncio.wait({fetching}, timeout=projection.pace.watermark_every.total_seconds())
            if done:
                await _write(projection, fetching.result())
                reached = await _retry(projection, partial(_positions, reader, partitions))
            watermark = await _advance_watermark(projection, reader, watermark, partition, reached)
            if done:
                fetching = _fetching(projection, reader)
    finally:
        fetching.cancel()
        await asyncio.wait({fetching})


def _fetching(projection: Projection, reader: Reader) -> asyncio.Task[Sequence[Record]]:
    return asyncio.create_task(_retry(projection, partial(reader.fetch, FETCH_TIMEOUT_SECONDS)))


async def _positions(reader: Reader, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    return {partition: await reader.position(partition) for partition in partitions}


async def _write(projection: Projection, records: Sequence[Record]) -> None:
    for start in range(0, len(records), BATCH_SIZE):
        batch = records[start : start + BATCH_SIZE]
        # The process ends at an unreadable record. What is before it must be in the store by then.
        readable, unreadable = _read_until_unreadable(batch)
        if readable:
            await _write_batch(projection, readable)
        if unreadable is not None:
            raise unreadable


def _read_until_unreadable(batch: Sequence[Record]) -> tuple[list[ProjectedRecord], UnreadableRecord | None]:
    readable: list[ProjectedRecord] = []
    for record in batch:
        try:
            readable.append(ProjectedRecord(record=record, upserts=upserts_of(record)))
        except UnreadableRecord as error:
            return readable, error
    return readable, None


async def _write_batch(projection: Projection, batch: Sequence[ProjectedRecord]) -> None:
    upserts = [upsert for projected in batch for upsert in projected.upserts]
    positions = {projected.record.topic_partition: projected.record.offset + 1 for projected in batch}
    try:
        await _retry(projection, lambda: projection.store.write(upserts, positions))
    except Unstorable:
        # One change is at fault. Written alone, all the others get through.
        await _write_one_by_one(projection, batch)
        # The position comes last: after a crash in between, the batch is read again.
        await _retry(projection, lambda: projection.store.write((), positions))
    for projected in batch:
        PROJECTED.labels(topic=projected.record.topic_partition.topic).inc()


async def _write_one_by_one(projection: Projection, batch: Sequence[ProjectedRecord]) -> None:
    for projected in batch:
        for upsert in projected.upserts:
            try:
                await _retry(projection, partial(projection.store.write, (upsert,), {}))
            except Unstorable as error:
                _skip(projected.record, upsert, error)


def _skip(record: Record, upsert: Upsert, error: Unstorable) -> None:
    UNSTORABLE.labels(topic=record.topic_partition.topic).inc()
    _log.error(
        "change_not_stored",
        topic=record.topic_partition.topic,
        partition=record.topic_partition.partition,
        offset=record.offset,
        collection=upsert.collection,
        error=str(error),
    )


async def _observe_ends(projection: Projection, reader: Reader) -> Watermark:
    # The clock is read first. A record that arrives between the two calls is then behind the moment, not before it.
    now = projection.clock()
    return Watermark(at=now, ends=await _retry(projection, reader.ends))


async def _advance_watermark(
    projection: Projection, reader: Reader, watermark: Watermark, partition: int, reached: Mapping[TopicPartition, int]
) -> Watermark:
    # A watermark is not replaced before it is stored. On a busy partition a newer one would always be out of reach.
    if watermark.stored and projection.clock() - watermark.at >= projection.pace.watermark_every:
        watermark = await _observe_ends(projection, reader)
    if watermark.stored or not watermark.is_reached(reached):
        return watermark
    await _retry(projection, partial(projection.store.advance_watermark, partition, to=watermark.at))
    return replace(watermark, stored=True)


async def _retry(projection: Projection, call: Callable[[], Awaitable[T]]) -> T:
    failures = 0
    while True:
        try:
            result = await call()
        except (StoreUnavailable, LogUnavailable) as error:
            delay = backoff.exponential(projection.pace.first_retry, projection.pace.longest_retry, failures)
            failures += 1
            PROJECTOR_RETRIES.inc()
            _log.warning("projector_retrying", error=str(error), seconds=delay.total_seconds())
        else:
            _raise_if_cancelled()
            return result
        await asyncio.sleep(delay.total_seconds())


def _raise_if_cancelled() -> None:
    # In Python 3.11 `asyncio.wait_for`, which both drivers use, drops a cancellation that comes with its result.
    # Without this check the task would go on for ever, and the process could not stop.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
