"""What a processor does by default: it starts every requested effect and changes nothing else."""

from datetime import UTC, datetime

from common.streams import Admission, EffectRequest, EntityGroup, StateKey
from fakes.counting_processor import Act, Asked, Counting, CountingProcessor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B = StateKey("acc", "a"), StateKey("acc", "b")


def test_processor_admits_every_request_by_default() -> None:
    group: EntityGroup[Counting] = EntityGroup(partition_key="acc", states={}, running=())
    requests = [EffectRequest(A, Act(1)), EffectRequest(B, Act(1), background=True)]
    assert CountingProcessor().admit(group, requests, NOW) == Admission(start=(A, B))


def test_processor_hands_off_nothing_by_default() -> None:
    assert CountingProcessor().hand_off(A, Asked("a")) is None
