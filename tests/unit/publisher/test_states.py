"""What all states of a post have in common."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from common.contract.post import PrivacyLevel
from publisher_service import states
from publisher_service.processor import PROCESSOR

AT = datetime(2027, 1, 1, 12, tzinfo=UTC)
COMMON: dict[str, Any] = {"tenant": "t1", "attempt": 2, "publish_id": "p7", "revision": 5}
FOLLOWING = states.Following(**COMMON, privacy_level=PrivacyLevel.SELF_ONLY, handed_over_at=AT, next_at=AT)
PUBLISHED = states.Published(**COMMON, published_at=AT, next_at=AT)
STATES = [
    FOLLOWING,
    PUBLISHED,
    states.AwaitingCredential(then=FOLLOWING, newer_than=3),
    states.AwaitingCredential(then=PUBLISHED, newer_than=3),
    states.Returned(**COMMON, at=AT),
    states.Closed(**COMMON, verdict=states.Verdict.PUBLISHED, at=AT),
]


@pytest.mark.parametrize("state", STATES)
def test_state_written_and_read_is_equal(state: states.Post) -> None:
    assert msgspec.json.decode(msgspec.json.encode(state), type=states.Post) == state


@pytest.mark.parametrize("state", STATES)
def test_every_state_knows_tenant_and_attempt(state: states.Post) -> None:
    assert PROCESSOR.fairness_key(state) == states.tenant_of(state) == "t1"
    assert states.attempt_of(state).attempt == 2
