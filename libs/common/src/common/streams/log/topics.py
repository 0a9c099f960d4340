"""Creates the contract's topics, and refuses to work on a cluster where they are missing or of another size.

Errors:
    WrongTopics    a topic is missing, or its partition count is not this installation's
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
        """Take a sentence for each topic that is wrong."""
        super().__init__(" ".join(faults))


async def ensure_topics(bootstrap_servers: str, *, partitions: int, replication_factor: int) -> None:
    """Create the missing topics, then check all. Existing topics are not changed. Raises `WrongTopics`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=CREATE_TIMEOUT_MS)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        # Only these: an operator may have changed the settings of the others on purpose.
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
    """Check that every topic exists with this many partitions. Raises `WrongTopics`.

    With another count, `partition_of` would give keys to partitions that other tasks own.
    """
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
    """Return how Kafka keeps a topic. With three replicas, two must have a record before it counts.

    Replaced and outdated records are deleted within about a day: Kafka deletes whole files, and these settings close
    a file after at most a day.
    """
    settings = {
        "min.insync.replicas": str(min(2, replication_factor)),
        "unclean.leader.election.enable": "false",
    }
    if topic.retention is None:
        # Compacted early and often, because a task reads the whole topic whenever it opens.
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
        # Another process may have created it at the same moment.
        if code and error is not TopicAlreadyExistsError:
            faults.append(f"Topic `{name}` could not be created: {error.__name__} {rest[0] if rest else ''}.")
    if faults:
        raise WrongTopics(faults=faults)


async def _wait_until_described(admin: AIOKafkaAdminClient) -> None:
    """Wait until the broker lists every topic: one that was just created takes a moment."""
    wanted = {topic.name for topic in ALL_TOPICS}
    while not wanted <= set(await admin.list_topics()):  # noqa: ASYNC110 -- the broker sends no event to wait for
        await asyncio.sleep(0.05)


async def _check(admin: AIOKafkaAdminClient, partitions: int) -> None:
    described = await admin.describe_topics([topic.name for topic in ALL_TOPICS])
    found = {entry["topic"]: len(entry["partitions"]) for entry in described if not entry["error_code"]}
    faults = [
        f"Topic `{topic.name}` has {found.get(topic.name, 0)} partitions, this installation needs {partitions}."
        for topic in ALL_TOPICS
        if found.get(topic.name, 0) != partitions
    ]
    if faults:
        raise WrongTopics(faults=faults)
