"""Every state survives storage; equal requests have equal digests."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from msgspec.structs import replace

from builders.uploader_states import REQUEST, STATES
from uploader_service.processor import PROCESSOR
from uploader_service.states import Post, request_digest, tenant_of

FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=12)))


def test_digests_differ_at_the_ends_of_the_calendar() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert len({request_digest(replace(REQUEST, publish_at=time)) for time in (first, FAR, None)}) == 3


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_state_is_stored_and_read_unchanged(state: Post) -> None:
    assert msgspec.json.decode(msgspec.json.encode(state), type=PROCESSOR.state_type) == state
    assert tenant_of(state) == "t1"
