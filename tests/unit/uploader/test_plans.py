"""The effect that each state requests, and when it stops requesting it."""

from datetime import timedelta

import msgspec
import pytest

from builders.uploader_states import (
    AWAITING_CREDENTIAL,
    CHECKING_CREATOR,
    INITIALISING,
    KEY,
    LAST_CHUNK,
    NOW,
    PROBING,
    PROGRESS,
    PROVING_DEAD,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    QUERYING_UNSENDABLE,
    UPLOADING,
    WAITING,
)
from common.clock import UtcDatetime
from common.contract.post import DelayReason
from common.streams import Wait
from uploader_service.effects import Effect, InitVideoUpload, ProbeSource, QueryCreator, QueryStatus, SendChunk
from uploader_service.plans import next_effect
from uploader_service.processor import PROCESSOR
from uploader_service.states import (
    UNRESOLVED_AFTER,
    UPLOAD_URL_LIFETIME,
    UPLOAD_URL_MARGIN,
    Post,
    Waiting,
    WorkingState,
)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (PROBING, ProbeSource),
        (CHECKING_CREATOR, QueryCreator),
        (INITIALISING, InitVideoUpload),
        (UPLOADING, SendChunk),
        (LAST_CHUNK, SendChunk),
        (QUERYING_BEFORE, QueryStatus),
        (QUERYING_AFTER, QueryStatus),
    ],
)
def test_working_state_requests_its_effect(state: Post, kind: type[Effect]) -> None:
    requested = next_effect(KEY, state, NOW)
    assert isinstance(requested, kind)
    assert requested == next_effect(
        KEY, msgspec.json.decode(msgspec.json.encode(state), type=PROCESSOR.state_type), NOW
    )


def test_uploading_requests_its_next_chunk() -> None:
    requested = next_effect(KEY, UPLOADING, NOW)
    assert isinstance(requested, SendChunk)
    assert (requested.chunk, requested.attempt, requested.session.publish_id) == (2, 1, "p1")


@pytest.mark.parametrize(
    ("state", "until"),
    [
        (PROBING, PROGRESS.not_after),
        (UPLOADING, NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN),
        (QUERYING_BEFORE, NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN),
        (LAST_CHUNK, NOW + timedelta(hours=24)),
        (QUERYING_AFTER, NOW + UNRESOLVED_AFTER),
        (QUERYING_UNSENDABLE, NOW + UNRESOLVED_AFTER),
        (PROVING_DEAD, NOW + UNRESOLVED_AFTER),
    ],
)
def test_state_past_its_deadline_requests_nothing(state: WorkingState, until: UtcDatetime) -> None:
    assert not isinstance(next_effect(KEY, state, until - timedelta(seconds=1)), Wait)
    assert next_effect(KEY, state, until) == Wait(until)


def test_paused_state_waits_until_its_earliest_limit() -> None:
    assert next_effect(KEY, WAITING, NOW) == Wait(WAITING.until)
    assert next_effect(KEY, AWAITING_CREDENTIAL, NOW) == Wait(PROGRESS.not_after)
    long = Waiting(until=NOW + timedelta(days=9), reason=DelayReason.TIKTOK, then=QUERYING_AFTER)
    assert next_effect(KEY, long, NOW) == Wait(NOW + UNRESOLVED_AFTER)
