"""A whole compacted topic in memory, for edges: every partition, no group, ready once it is read to its end."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import structlog

from common.contract.body import Body
from common.contract.topics import Topic
from common.streams.engine.decoding import decode_view_record
from common.streams.log.port import Log, LogUnavailable, Reader, Record, TopicPartition

STALE_SECONDS = 10.0
"""A view that has not reached its end for this long must not be answered from."""
POLL_SECONDS = 0.5
RETRY_SECONDS = 0.5
_log = structlog.get_logger()


class WholeView:
    """The newest record of each key on one compacted topic. `follow` must run for as long as it is used."""

    def __init__(
        self, log: Log, topic: Topic, *, partitions: int, loop_time: Callable[[], float] | None = None
    ) -> None:
        self._log = log
        self._topic = topic.name
        self._positions = {TopicPartition(topic.name, number): 0 for number in range(partitions)}
        self._bodies: dict[str, Body] = {}
        self._at_end: float | None = None
        self._changed = asyncio.Event()
        self._time = loop_time or (lambda: asyncio.get_running_loop().time())

    @property
    def ready(self) -> bool:
        """Whether it was read to its end within the last 10 s."""
        return self._at_end is not None and self._time() - self._at_end < STALE_SECONDS

    def get(self, key: str) -> Body | None:
        """Return the newest record of a key, or None."""
        return self._bodies.get(key)

    def all(self) -> Iterator[tuple[str, Body]]:
        """Return every key with its newest record, as of now."""
        return iter(list(self._bodies.items()))

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds()`, which is asked after each new record. Return whether it held within the time."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def read_to_end(self, stop: asyncio.Event) -> None:
        """Wait until it is `ready`, or until `stop`. `follow` must be running."""
        while not (self.ready or stop.is_set()):
            await self.until(lambda: self.ready, POLL_SECONDS)

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep reading until `stop`. Raises `UnreadableRecord`.

        While the log is away the view stays as it is, and is not `ready` after 10 s.
        """
        following = asyncio.create_task(self._follow(stop))
        stopping = asyncio.create_task(stop.wait())
        done, pending = await asyncio.wait((following, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
            # Awaited, so that its reader is closed before the caller goes on.
            with suppress(asyncio.CancelledError):
                await task
        for task in done:
            task.result()

    async def _follow(self, stop: asyncio.Event) -> None:
        # Checks `stop` too: a client may swallow the only cancellation that this task gets.
        while not stop.is_set():
            try:
                reader = await self._log.reader()
                try:
                    await self._read(reader, stop)
                finally:
                    await reader.close()
            except LogUnavailable as error:
                _log.warning("view_unavailable", topic=self._topic, cause=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, reader: Reader, stop: asyncio.Event) -> None:
        reader.assign(self._positions)
        while not stop.is_set():
            ends = await reader.ends()
            # Checked before waiting, because no record may come, and after it, because they may come without a pause.
            await self._check_end(reader, ends)
            for record in await reader.fetch(POLL_SECONDS):
                self._apply(record)
                self._positions[record.topic_partition] = record.offset + 1
            await self._check_end(reader, ends)

    async def _check_end(self, reader: Reader, ends: Mapping[TopicPartition, int]) -> None:
        """Note the time if every partition is read to its end."""
        if not [partition for partition, end in ends.items() if await reader.position(partition) < end]:
            was_ready, self._at_end = self.ready, self._time()
            if not was_ready:
                self._wake_waiters()

    def _apply(self, record: Record) -> None:
        key, body = decode_view_record(record)
        if body is None:
            self._bodies.pop(key, None)
        else:
            self._bodies[key] = body
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        self._changed.set()
        # A new event for those who wait from now on: clearing the old one could hide it from a slow waiter.
        self._changed = asyncio.Event()
