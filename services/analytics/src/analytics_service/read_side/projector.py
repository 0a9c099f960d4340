"""Carries events into the store, partition by partition, and keeps its position with the data.

What lies behind the position is read again after a crash. Writes may be repeated, so nothing is lost or doubled, and
every function here may be cancelled anywhere. A change that the store cannot hold is passed over, loudly: stopping
for it would keep everything after it out of a store that can be built anew from the topics.
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
from common.clock import Clock
from common.contract.topics import ACCOUNT_EVENTS, METRICS_EVENTS, POST_EVENTS
from common.streams import Log, LogUnavailable, Membership, Reader, Record, TopicPartition

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

    async def positions(self, slices: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where to read on."""

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[TopicPartition, int]) -> None:
        """Write a batch and how far it reaches. Raises `Unstorable` where that can never be done."""

    async def mark(self, partition: int, *, complete: datetime) -> None:
        """Note a moment up to which everything of a partition is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait between tries, and how often to look where a partition ends."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Where each topic ended at a moment. Once they are reached, everything up to that moment is in the store.

    Times in the records could not say that: the topics are not read in step, and each writer has its own clock.
    """

    at: datetime
    ends: Mapping[TopicPartition, int]
    noted: bool = False

    def within(self, reached: Mapping[TopicPartition, int]) -> bool:
        """Whether what was there at that moment has been read."""
        return all(reached[slice_] >= end for slice_, end in self.ends.items())


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
    slices = [TopicPartition(topic.name, partition) for topic in TOPICS]
    reached = await _persist(projection, lambda: projection.store.positions(slices))
    reader.assign(reached)
    horizon = await _look(projection, reader)
    fetching = _fetching(projection, reader)
    try:
        while True:
            # A fetch is never given up half-way: what it had taken would be missing from the next one.
            done, _ = await asyncio.wait({fetching}, timeout=projection.pace.mark_every.total_seconds())
            if done:
                await _write(projection, fetching.result())
                reached = await _persist(projection, partial(_positions, reader, slices))
            horizon = await _note_freshness(projection, reader, horizon, partition, reached)
            if done:
                fetching = _fetching(projection, reader)
    finally:
        fetching.cancel()
        await asyncio.wait({fetching})


def _fetching(projection: Projection, reader: Reader) -> asyncio.Task[Sequence[Record]]:
    return asyncio.create_task(_persist(projection, partial(reader.fetch, PATIENCE)))


async def _positions(reader: Reader, slices: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    return {slice_: await reader.position(slice_) for slice_ in slices}


async def _write(projection: Projection, records: Sequence[Record]) -> None:
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        readable, unreadable = _read_until_unreadable(batch)
        if readable:
            await _keep(projection, readable)
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


async def _keep(projection: Projection, batch: Sequence[Projected]) -> None:
    upserts = [upsert for projected in batch for upsert in projected.upserts]
    positions = {projected.record.topic_partition: projected.record.offset + 1 for projected in batch}
    try:
        await _persist(projection, lambda: projection.store.write(upserts, positions))
    except Unstorable:
        await _keep_one_by_one(projection, batch)
        await _persist(projection, lambda: projection.store.write((), positions))
    for projected in batch:
        PROJECTED.labels(topic=projected.record.topic_partition.topic).inc()


async def _keep_one_by_one(projection: Projection, batch: Sequence[Projected]) -> None:
    for projected in batch:
        for upsert in projected.upserts:
            try:
                await _persist(projection, partial(projection.store.write, (upsert,), {}))
            except Unstorable as error:
                _pass_over(projected.record, upsert, error)


def _pass_over(record: Record, upsert: Upsert, error: Unstorable) -> None:
    UNSTORABLE.labels(topic=record.topic_partition.topic).inc()
    log.error(
        "change_not_stored",
        topic=record.topic_partition.topic,
        partition=record.topic_partition.partition,
        offset=record.offset,
        collection=upsert.collection,
        error=str(error),
    )


async def _look(projection: Projection, reader: Reader) -> Horizon:
    now = projection.clock()  # before the ends are asked for: what comes in between is not promised
    return Horizon(at=now, ends=await _persist(projection, reader.ends))


async def _note_freshness(
    projection: Projection, reader: Reader, horizon: Horizon, partition: int, reached: Mapping[TopicPartition, int]
) -> Horizon:
    if horizon.noted and projection.clock() - horizon.at >= projection.pace.mark_every:
        horizon = await _look(projection, reader)
    if horizon.noted or not horizon.within(reached):
        return horizon
    await _persist(projection, partial(projection.store.mark, partition, complete=horizon.at))
    return replace(horizon, noted=True)


async def _persist(projection: Projection, call: Callable[[], Awaitable[T]]) -> T:
    delay = projection.pace.first_retry
    while True:
        try:
            result = await call()
        except (StoreUnavailable, LogUnavailable) as error:
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
