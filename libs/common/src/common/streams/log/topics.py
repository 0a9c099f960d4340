"""Creating the contract's topics, and refusing to work on a cluster where they are not as they must be.

Errors:
    WrongTopics    a topic is missing or has another partition count than this installation's
"""

import asyncio
from collections.abc import Iterable, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from common.contract.topics import ALL_TOPICS, Topic
from common.errors import CommonError

CREATE_TIMEOUT_MS = 30_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class WrongTopics(CommonError):
    """The cluster's topics are not what this installation needs."""

    def __init__(self, *, faults: Iterable[str]) -> None:
        """Name every topic that is wrong, with what was found and what is needed."""
        super().__init__("; ".join(faults))


async def ensure_topics(bootstrap_servers: str, *, partitions: int, replication_factor: int) -> None:
    """Create what is missing, then check all of it. Safe to repeat. Raises `WrongTopics`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=CREATE_TIMEOUT_MS)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [
            _new_topic(topic, partitions, replication_factor) for topic in ALL_TOPICS if topic.name not in existing
        ]
        if missing:
            _raise_unless_created(await admin.create_topics(missing, timeout_ms=CREATE_TIMEOUT_MS))
        await _wait_until_described(admin)
        await _check(admin, partitions)
    finally:
        await admin.close()


async def check_topics(bootstrap_servers: str, *, partitions: int) -> None:
    """Check that every topic is there with this many partitions. Raises `WrongTopics`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await _check(admin, partitions)
    finally:
        await admin.close()


def _new_topic(topic: Topic, partitions: int, replication_factor: int) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=partitions,
        replication_factor=replication_factor,
        topic_configs=topic_settings(topic, replication_factor),
    )


def topic_settings(topic: Topic, replication_factor: int) -> Mapping[str, str]:
    """Say how Kafka keeps a topic: two replicas must have a record before it counts, where there are three.

    What was replaced, or is past its time, goes within about a day: Kafka drops by the file, and these close in time.
    """
    settings = {
        "min.insync.replicas": str(min(2, replication_factor)),
        "unclean.leader.election.enable": "false",
    }
    if topic.retention is None:
        # Small dirty ratio and short segments: a task reads the whole topic back whenever it opens.
        return settings | {
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.1",
            "segment.ms": str(HOUR_MS),
            "max.compaction.lag.ms": str(DAY_MS),
        }
    return settings | {
        "cleanup.policy": "delete",
        "segment.ms": str(DAY_MS),
        "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
    }


def _raise_unless_created(response: object) -> None:
    faults = []
    for name, code, *rest in getattr(response, "topic_errors", ()):
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            faults.append(f"topic `{name}` could not be created: {error.__name__} {rest[0] if rest else ''}")
    if faults:
        raise WrongTopics(faults=faults)


async def _wait_until_described(admin: AIOKafkaAdminClient) -> None:
    """A created topic takes a moment to be known to every broker."""
    wanted = {topic.name for topic in ALL_TOPICS}
    while not wanted <= set(await admin.list_topics()):  # noqa: ASYNC110 -- the broker has no bell to wait for
        await asyncio.sleep(0.05)


async def _check(admin: AIOKafkaAdminClient, partitions: int) -> None:
    described = await admin.describe_topics([topic.name for topic in ALL_TOPICS])
    found = {entry["topic"]: len(entry["partitions"]) for entry in described if not entry["error_code"]}
    faults = [
        f"topic `{topic.name}` has {found.get(topic.name, 0)} partitions, this installation needs {partitions}"
        for topic in ALL_TOPICS
        if found.get(topic.name, 0) != partitions
    ]
    if faults:
        raise WrongTopics(faults=faults)
