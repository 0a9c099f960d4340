"""Joins a consumer group to learn which partition numbers this process owns. It reads no records.

Reading is apart from membership, because a group consumer rewinds paused partitions to their committed offset at each
rebalance (`docs/decisions/0004-membership-apart-from-reading.md`).

Errors:
    DuplicateInstance  another process uses the same static membership id: the two would evict each other for ever
    RemovedFromGroup   Kafka no longer counts this process as a member, so its partitions have other owners by now
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

MAX_POLL_INTERVAL_MS = 2**31 - 1
"""As long as possible: nothing is polled here, and the poll interval would remove a healthy member."""
DUPLICATE_ASSIGNMENTS = 12
DUPLICATE_SECONDS = 60.0
"""So many assignments in this time do not come from rebalances: another process uses the same id."""
PROBE_SECONDS = 1.0
_log = structlog.get_logger()


class DuplicateInstance(Exception):
    """Another process uses this one's static membership id."""

    def __init__(self, *, instance: str, rebalances: int) -> None:
        """Name the id and how often it was assigned its partitions."""
        super().__init__(
            f"Another process seems to use this one's membership id: `{instance}` was assigned its partitions "
            f"{rebalances} times in {DUPLICATE_SECONDS:.0f} s. Stop the other process, or give it an id of its own."
        )


class RemovedFromGroup(Exception):
    """Kafka no longer counts this process as a member of its group."""

    def __init__(self, cause: Exception) -> None:
        """Keep Kafka's reason."""
        super().__init__(
            f"Kafka removed this process from its group: {cause!r}. Restart the process, and check its rights."
        )


class GroupMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A group consumer that is subscribed to one topic.

    Its listener only stores the assignment: aiokafka logs an exception in a listener and goes on as if there were none.
    """

    def __init__(self, consumer: AIOKafkaConsumer, instance: str, session_seconds: float) -> None:
        self._consumer = consumer
        self._instance = instance
        self.session_seconds = session_seconds
        self._numbers: frozenset[int] = frozenset()
        self._assigned = asyncio.Event()
        self._assigned_at: deque[float] = deque(maxlen=DUPLICATE_ASSIGNMENTS)

    @property
    def numbers(self) -> frozenset[int]:
        """The partition numbers owned now."""
        return self._numbers

    async def changed(self) -> None:
        """Wait for the next assignment. Raises `DuplicateInstance`, `RemovedFromGroup`."""
        while not await self._assigned_within(PROBE_SECONDS):
            await self._raise_if_removed()
        # Cleared before `numbers` is read: an assignment that comes in between is reported again.
        self._assigned.clear()
        times = self._assigned_at
        # Only static ids can be used twice: Kafka itself makes the others.
        if self._instance and len(times) == DUPLICATE_ASSIGNMENTS and times[-1] - times[0] < DUPLICATE_SECONDS:
            raise DuplicateInstance(instance=self._instance, rebalances=len(times))

    async def _assigned_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._assigned.wait()
        except TimeoutError:
            return False
        return True

    async def _raise_if_removed(self) -> None:
        """Poll once, because the client keeps the error of its removal until then.

        Every partition is paused, so nothing is read.
        """
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._consumer.getmany(timeout_ms=0)
        except TimeoutError:
            return  # `getmany` ignores its own timeout while the group rebalances
        except KafkaError as error:
            raise RemovedFromGroup(error) from error

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the new assignment: a partition that comes back need not be closed. Fencing guards the others."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Store which partitions are ours from now on."""
        parts = list(assigned)
        # Before anything is fetched: tasks read with consumers of their own.
        self._consumer.pause(*parts)
        self._numbers = frozenset(part.partition for part in parts)
        self._assigned_at.append(asyncio.get_running_loop().time())
        self._assigned.set()
        _log.info("partitions_assigned", count=len(parts))


@asynccontextmanager
async def join_group(
    *, bootstrap_servers: str, group: str, topic: str, instance: str, session_timeout_ms: int
) -> AsyncIterator[GroupMembership]:
    """Be a member of `group` while inside. `instance` makes the membership static; empty makes it dynamic.

    A static member that ends keeps its partitions for one session timeout. A restart within it moves no partition.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        group_instance_id=instance or None,
        session_timeout_ms=session_timeout_ms,
        # Several heartbeats may be lost before the session expires.
        heartbeat_interval_ms=session_timeout_ms // 6,
        rebalance_timeout_ms=session_timeout_ms,
        max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
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
