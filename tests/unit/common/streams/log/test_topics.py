"""How Kafka keeps each topic, and what is reported when it cannot be created."""

from types import SimpleNamespace

import pytest

from common.contract.topics import ALL_TOPICS, Topic
from common.streams.log import topics
from common.streams.log.topics import WrongTopics, topic_settings

ALREADY_EXISTS, NOT_AUTHORIZED = 36, 29


@pytest.mark.parametrize("topic", ALL_TOPICS, ids=lambda topic: topic.name)
def test_topic_settings_compact_or_delete(topic: Topic) -> None:
    settings = topic_settings(topic, 3)
    if topic.retention is None:
        assert settings["cleanup.policy"] == "compact"
    else:
        assert settings["cleanup.policy"] == "delete"
        assert int(settings["retention.ms"]) == topic.retention.total_seconds() * 1000


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "2"), (3, "2")])
def test_topic_settings_want_two_replicas_in_sync(replicas: int, in_sync: str) -> None:
    assert topic_settings(ALL_TOPICS[0], replicas)["min.insync.replicas"] == in_sync


def test_topics_created_by_another_process_are_no_error() -> None:
    topics._raise_unless_created(SimpleNamespace(topic_errors=[("a", 0, None), ("b", ALREADY_EXISTS, None)]))


def test_topics_that_cannot_be_created_are_named() -> None:
    with pytest.raises(WrongTopics, match=r"Topic `b` could not be created: TopicAuthorizationFailedError no right\."):
        topics._raise_unless_created(SimpleNamespace(topic_errors=[("a", 0, None), ("b", NOT_AUTHORIZED, "no right")]))
