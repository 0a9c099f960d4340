"""Which partition numbers this process owns. A group consumer decides it and reads nothing.

Errors:
    DuplicateInstance  another process uses the same static membership id: the two would evict each other for ever
    RemovedFromGroup   Kafka no longer counts this process as a member: it must not go on as if it were one
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

_FOREVER_MS = 2**31 - 1
_TWIN_REBALANCES = 12
_TWIN_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_log = structlog.get_logger()


class DuplicateInstance(Exception):
    """Another process uses this one's static membership id."""

    def __init__(self, *, instance: str, rebalances: int) -> None:
        """Name the id and what was seen."""
        super().__init__(
            f"instance `{instance}` was given its partitions {rebalances} times in {_TWIN_SECONDS:.0f} s: "
            "another process seems to run under the same id"
        )


class RemovedFromGroup(Exception):
    """Kafka no longer takes this process for a member of its group."""

    def __init__(self, cause: Exception) -> None:
        """Say what Kafka said."""
        super().__init__(f"this process is no longer a member of its group: {cause!r}")


class GroupMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A group consumer subscribed to one topic. Its listener only notes what it is told."""

    def __init__(self, consumer: AIOKafkaConsumer, instance: str, session_seconds: float) -> None:
        self._consumer = consumer
        self._instance = instance
        self.session_seconds = session_seconds
        self._numbers: frozenset[int] = frozenset()
        self._bell = asyncio.Event()
        self._assigned_at: deque[float] = deque(maxlen=_TWIN_REBALANCES)

    @property
    def numbers(self) -> frozenset[int]:
        """The partition numbers owned now."""
        return self._numbers

    async def changed(self) -> None:
        """Wait for the next assignment. Raises `DuplicateInstance`, `RemovedFromGroup`."""
        while not await self._rung():
            await self._ask()
        self._bell.clear()
        times = self._assigned_at
        if self._instance and len(times) == _TWIN_REBALANCES and times[-1] - times[0] < _TWIN_SECONDS:
            raise DuplicateInstance(instance=self._instance, rebalances=len(times))

    async def _rung(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._bell.wait()
        except TimeoutError:
            return False
        return True

    async def _ask(self) -> None:
        """Let the client say what it keeps until someone polls: every partition is paused, so nothing is read."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._consumer.getmany(timeout_ms=0)
        except TimeoutError:
            return  # partitions are being handed out
        except KafkaError as error:
            raise RemovedFromGroup(error) from error

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing yet: a partition that comes back at once need not be closed; fencing guards the rest."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note what is ours from now on."""
        parts = list(assigned)
        self._consumer.pause(*parts)
        self._numbers = frozenset(part.partition for part in parts)
        self._assigned_at.append(asyncio.get_running_loop().time())
        self._bell.set()
        _log.info("partitions_assigned", count=len(parts))


@asynccontextmanager
async def join_group(
    *, bootstrap_servers: str, group: str, topic: str, instance: str, session_timeout_ms: int
) -> AsyncIterator[GroupMembership]:
    """Be a member of `group` while inside. `instance` makes the membership static; empty makes it dynamic.

    A static member that ends keeps its partitions for one session timeout, so that a restart moves nothing.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        group_instance_id=instance or None,
        session_timeout_ms=session_timeout_ms,
        heartbeat_interval_ms=session_timeout_ms // 6,
        rebalance_timeout_ms=session_timeout_ms,
        # Nothing is ever polled here: the poll interval would throw a healthy member out.
        max_poll_interval_ms=_FOREVER_MS,
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    membership = GroupMembership(consumer, instance, session_timeout_ms / 1000)
    await consumer.start()
    try:
        consumer.subscribe([topic], listener=membership)
        yield membership
    finally:
        await consumer.stop()
