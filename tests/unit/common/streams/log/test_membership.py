"""Membership in a group ends the process when another process has its id, or when Kafka has removed it."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from common.streams.log.membership import (
    DUPLICATE_ASSIGNMENTS,
    DuplicateInstance,
    GroupMembership,
    RemovedFromGroup,
)
from harness import virtual_time

PART = TopicPartition("post.requests", 3)


class StubConsumer:
    """A consumer whose poll returns nothing, or raises what the client kept."""

    def __init__(self, error: KafkaError | None = None) -> None:
        self.paused: list[TopicPartition] = []
        self._error = error

    def pause(self, *parts: TopicPartition) -> None:
        self.paused.extend(parts)

    async def getmany(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[object]]:
        if self._error is not None:
            raise self._error
        return {}


async def assign_repeatedly(membership: GroupMembership, *, times: int, seconds_apart: float) -> None:
    for _ in range(times):
        await membership.on_partitions_assigned([PART])
        await membership.changed()
        await asyncio.sleep(seconds_apart)


def test_membership_assignment_is_paused_and_reported() -> None:
    async def main() -> None:
        consumer = StubConsumer()
        membership = GroupMembership(consumer, "uploader-0", 10)
        waiting = asyncio.create_task(membership.changed())
        await asyncio.sleep(5)
        assert not waiting.done()
        await membership.on_partitions_assigned([PART])
        await waiting
        assert (membership.numbers, consumer.paused) == (frozenset({3}), [PART])

    virtual_time.run(main())


def test_membership_many_assignments_mean_a_duplicate() -> None:
    async def main() -> None:
        membership = GroupMembership(StubConsumer(), "uploader-0", 10)
        with pytest.raises(DuplicateInstance, match=r"`uploader-0` was assigned its partitions 12 times"):
            await assign_repeatedly(membership, times=DUPLICATE_ASSIGNMENTS, seconds_apart=1)

    virtual_time.run(main())


@pytest.mark.parametrize(("instance", "seconds_apart"), [("", 1), ("uploader-0", 6)])
def test_membership_ordinary_rebalances_are_no_duplicate(instance: str, seconds_apart: float) -> None:
    async def main() -> None:
        membership = GroupMembership(StubConsumer(), instance, 10)
        await assign_repeatedly(membership, times=3 * DUPLICATE_ASSIGNMENTS, seconds_apart=seconds_apart)

    virtual_time.run(main())


def test_membership_removal_is_found_by_polling() -> None:
    async def main() -> None:
        membership = GroupMembership(StubConsumer(KafkaError("no right")), "uploader-0", 10)
        with pytest.raises(RemovedFromGroup, match="no right"):
            await membership.changed()

    virtual_time.run(main())
