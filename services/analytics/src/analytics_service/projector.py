"""Carries events into the store, partition by partition, and keeps its position with the data.

What lies behind the position is read again after a crash. Writes may be repeated, so nothing is lost or doubled, and
every function here may be cancelled anywhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn, Protocol, TypeVar

import structlog

from analytics_service.documents import Upsert, upserts_of
from analytics_service.errors import StoreUnavailable, UnreadableRecord
from analytics_service.metrics import PROJECTED, PROJECTOR_RETRIES
from common.events.topics import ACCOUNT_EVENTS, METRICS_EVENTS, POST_EVENTS
from common.instants import Clock
from common.streams.log import Log, Reader, Record, Slice, Unusable
from common.streams.membership import Membership

TOPICS = (POST_EVENTS, ACCOUNT_EVENTS, METRICS_EVENTS)
BATCH = 500
"""Records written together: large enough to catch up quickly, small enough for one answer from the store."""

PATIENCE = 0.5
"""Seconds one fetch may wait for records."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Keeps(Protocol):
    """What the projector asks of a store. Every method raises `StoreUnavailable` and may then be called again."""

    async def prepare(self) -> None:
        """Create what is not there yet."""

    async def positions(self, slices: Sequence[Slice]) -> dict[Slice, int]:
        """Return where to read on."""

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[Slice, int]) -> None:
        """Write a batch and how far it reaches."""

    async def mark(self, partition: int, *, newest: datetime | None = None, complete: datetime | None = None) -> None:
        """Note how fresh a partition's data is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait between tries, and how often to note that a quiet partition is complete."""

    first_retry: timedelta = timedelta(milliseconds=200)
    longest_retry: timedelta = timedelta(seconds=10)
    mark_every: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What all partitions are projected with."""

    store: Keeps
    clock: Clock
    pace: Pace = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """A record and what it changes."""

    record: Record
    upserts: tuple[Upsert, ...]


async def project_owned(projection: Projection, source: Log, membership: Membership, stop: asyncio.Event) -> None:
    """Project the partitions this process owns, as they come and go, until `stop`.

    Raises:
        UnreadableRecord: inside an exception group, from the partition where it lies; the process should end.
    """
    async with asyncio.TaskGroup() as group:
        hosting = group.create_task(_host(projection, source, membership))
        await stop.wait()
        hosting.cancel()


async def _host(projection: Projection, source: Log, membership: Membership) -> NoReturn:
    running: dict[int, asyncio.Task[NoReturn]] = {}
    await _persist(projection, projection.store.prepare)
    async with asyncio.TaskGroup() as group:
        while True:
            await membership.changed()
            for number in running.keys() - membership.numbers:
                running.pop(number).cancel()
            for number in membership.numbers - running.keys():
                running[number] = group.create_task(_project(projection, source, number))


async def _project(projection: Projection, source: Log, partition: int) -> NoReturn:
    reader = await _persist(projection, source.reader)
    try:
        await project_partition(projection, reader, partition)
    finally:
        await reader.close()


async def project_partition(projection: Projection, reader: Reader, partition: int) -> NoReturn:
    """Project one partition of every topic until cancelled.

    Raises:
        UnreadableRecord: a record of our own cannot be read; what came before it is written.
    """
    slices = [Slice(topic.name, partition) for topic in TOPICS]
    reached = await _persist(projection, lambda: projection.store.positions(slices))
    reader.assign(reached)
    fetching = _fetching(projection, reader)
    marked = projection.clock() - projection.pace.mark_every
    try:
        while True:
            # A fetch is never given up half-way: what it had taken would be missing from the next one.
            done, _ = await asyncio.wait({fetching}, timeout=projection.pace.mark_every.total_seconds())
            if done:
                await _write(projection, partition, fetching.result())
                reached = await _persist(projection, partial(_positions, reader, slices))
            if projection.clock() - marked >= projection.pace.mark_every:
                marked = projection.clock()
                await _mark_if_complete(projection, reader, partition, reached)
            if done:
                fetching = _fetching(projection, reader)
    finally:
        fetching.cancel()
        await asyncio.wait({fetching})


def _fetching(projection: Projection, reader: Reader) -> asyncio.Task[Sequence[Record]]:
    return asyncio.create_task(_persist(projection, partial(reader.fetch, PATIENCE)))


async def _positions(reader: Reader, slices: Sequence[Slice]) -> dict[Slice, int]:
    return {slice_: await reader.position(slice_) for slice_ in slices}


async def _write(projection: Projection, partition: int, records: Sequence[Record]) -> None:
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        readable, unreadable = _read_until_unreadable(batch)
        if readable:
            await _keep(projection, partition, readable)
        if unreadable is not None:
            raise unreadable


def _read_until_unreadable(batch: Sequence[Record]) -> tuple[list[Projected], UnreadableRecord | None]:
    readable: list[Projected] = []
    for record in batch:
        try:
            readable.append(Projected(record=record, upserts=upserts_of(record)))
        except UnreadableRecord as error:
            return readable, error
    return readable, None


async def _keep(projection: Projection, partition: int, batch: Sequence[Projected]) -> None:
    upserts = [upsert for projected in batch for upsert in projected.upserts]
    positions = {projected.record.slice: projected.record.offset + 1 for projected in batch}
    newest = _newest(batch)
    await _persist(projection, lambda: projection.store.write(upserts, positions))
    await _persist(projection, lambda: projection.store.mark(partition, newest=newest))
    for projected in batch:
        PROJECTED.labels(topic=projected.record.slice.topic).inc()


def _newest(batch: Sequence[Projected]) -> datetime | None:
    moments = [projected.record.time_ms for projected in batch if projected.record.time_ms is not None]
    return datetime.fromtimestamp(max(moments) / 1000, UTC) if moments else None


async def _mark_if_complete(
    projection: Projection, reader: Reader, partition: int, reached: Mapping[Slice, int]
) -> None:
    now = projection.clock()
    ends = await _persist(projection, reader.ends)
    if all(reached[slice_] >= end for slice_, end in ends.items()):
        await _persist(projection, lambda: projection.store.mark(partition, complete=now))


async def _persist(projection: Projection, call: Callable[[], Awaitable[T]]) -> T:
    delay = projection.pace.first_retry
    while True:
        try:
            result = await call()
        except (StoreUnavailable, Unusable) as error:
            PROJECTOR_RETRIES.inc()
            log.warning("projector_tries_again", error=str(error), seconds=delay.total_seconds())
        else:
            _heed_cancellation()
            return result
        await asyncio.sleep(delay.total_seconds())
        delay = min(delay * 2, projection.pace.longest_retry)


def _heed_cancellation() -> None:
    # In Python 3.11 `asyncio.wait_for`, which both drivers use, drops a cancellation that comes with its result.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
