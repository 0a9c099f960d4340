"""Group membership on a real Kafka: the assigned partitions, and the removal from the group."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from common.streams.log.membership import GroupMembership, RemovedFromGroup, join_group

Join = Callable[[], AbstractAsyncContextManager[GroupMembership]]


@pytest.fixture
async def topic(make_topic: Callable[..., Awaitable[str]]) -> str:
    return await make_topic(partitions=2)


@pytest.fixture
def group(unique: Callable[[str], str]) -> str:
    return unique("group")


@pytest.fixture
def join(kafka: str, topic: str, group: str) -> Join:
    return lambda: join_group(
        bootstrap_servers=kafka, group=group, topic=topic, instance="worker-0", session_timeout_ms=6000
    )


async def test_restart_with_the_same_name_keeps_its_partitions(join: Join) -> None:
    for _ in range(2):
        async with join() as membership:
            await membership.changed()
            assert membership.numbers == {0, 1}


async def test_process_learns_that_it_was_removed_from_the_group(
    join: Join, kafka: str, topic: str, group: str
) -> None:
    other_kind = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=group, partition_assignment_strategy=[RangePartitionAssignor]
    )
    await other_kind.start()
    try:
        async with join() as membership:
            with pytest.raises(RemovedFromGroup, match="InconsistentGroupProtocol"):
                await membership.changed()
    finally:
        await other_kind.stop()
