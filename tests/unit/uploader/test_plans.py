"""What each state wants, and which of an account's wishes may start."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_CREDENTIAL,
    CHECKING_CREATOR,
    FAILED,
    INITIALISING,
    KEY,
    LAST_CHUNK,
    NOW,
    PROBING,
    PROGRESS,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    STATES,
    UPLOADING,
    WAITING,
    WORKING,
)
from common.clock import UtcDatetime
from common.contract.post import DelayReason
from common.streams import EffectRequest, EntityGroup, StateKey, Wait
from uploader_service.admission import STATUS_SHARE_PER_MINUTE, admit
from uploader_service.effects import Effect, InitVideoUpload, ProbeSource, QueryCreator, QueryStatus, SendChunk
from uploader_service.plans import next_effect, requested_effect
from uploader_service.processor import PROCESSOR
from uploader_service.states import (
    UNRESOLVED_AFTER,
    UPLOAD_URL_LIFETIME,
    UPLOAD_URL_MARGIN,
    CallTimes,
    Post,
    Waiting,
    Working,
    WorkingState,
    tenant_of,
)

MINUTE = timedelta(minutes=1)


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
def test_a_working_state_wants_its_effect(state: Post, kind: type[Effect]) -> None:
    wanted = next_effect(KEY, state, NOW)
    assert isinstance(wanted, kind)
    assert wanted == next_effect(KEY, msgspec.json.decode(msgspec.json.encode(state), type=PROCESSOR.state_type), NOW)


def test_a_chunk_is_sent_from_where_the_state_says() -> None:
    wanted = next_effect(KEY, UPLOADING, NOW)
    assert isinstance(wanted, SendChunk)
    assert (wanted.chunk, wanted.attempt, wanted.session.publish_id) == (2, 1, "p1")


@pytest.mark.parametrize(
    ("state", "until"),
    [
        (PROBING, PROGRESS.not_after),
        (UPLOADING, NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN),
        (QUERYING_BEFORE, NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN),
        (LAST_CHUNK, NOW + timedelta(hours=24)),
        (QUERYING_AFTER, NOW + UNRESOLVED_AFTER),
    ],
)
def test_a_state_whose_time_is_over_wants_nothing_but_its_end(state: WorkingState, until: UtcDatetime) -> None:
    assert not isinstance(next_effect(KEY, state, until - timedelta(seconds=1)), Wait)
    assert next_effect(KEY, state, until) == Wait(until)


def test_waiting_ends_with_what_it_waits_for() -> None:
    assert next_effect(KEY, WAITING, NOW) == Wait(WAITING.until)
    assert next_effect(KEY, AWAITING_CREDENTIAL, NOW) == Wait(PROGRESS.not_after)
    long = Waiting(until=NOW + timedelta(days=9), reason=DelayReason.TIKTOK, then=QUERYING_AFTER)
    assert next_effect(KEY, long, NOW) == Wait(NOW + UNRESOLVED_AFTER)


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_every_state_is_stored_and_read_as_it_is(state: Post) -> None:
    assert msgspec.json.decode(msgspec.json.encode(state), type=PROCESSOR.state_type) == state
    assert tenant_of(state) == "t1"


def lane(states: dict[str, Post], running: tuple[str, ...] = ()) -> EntityGroup[Post]:
    return EntityGroup(partition_key="acc_a", states=states, running=running)


def wishes(states: dict[str, Post], running: tuple[str, ...] = ()) -> list[EffectRequest[Effect]]:
    return [
        EffectRequest(StateKey("acc_a", item), requested_effect(state))
        for item, state in states.items()
        if isinstance(state, Working) and item not in running
    ]


def called(state: WorkingState, *, inits: int = 0, statuses: int = 0, ago: float = 10) -> WorkingState:
    times = CallTimes(
        inits=tuple(NOW - timedelta(seconds=ago) for _ in range(inits)),
        statuses=tuple(NOW - timedelta(seconds=ago) for _ in range(statuses)),
    )
    return replace(state, progress=replace(state.progress, calls=times))


def test_sources_and_chunks_start_at_once() -> None:
    states: dict[str, Post] = {"a": PROBING, "b": UPLOADING, "c": LAST_CHUNK}
    admission = admit(lane(states), wishes(states), NOW)
    assert {key.entity_id for key in admission.start} == {"a", "b", "c"}
    assert admission.retry_at is None


def test_six_inits_a_minute_start_for_an_account() -> None:
    states: dict[str, Post] = {f"p{n}": INITIALISING for n in range(9)}
    admission = admit(lane(states), wishes(states), NOW)
    assert len(admission.start) == 6
    assert admission.retry_at is None
    running = tuple(key.entity_id for key in admission.start)
    assert admit(lane(states, running), wishes(states, running), NOW).start == ()


def test_inits_of_the_last_minute_count_those_of_ended_posts_too() -> None:
    states: dict[str, Post] = {
        "uploading": called(UPLOADING, inits=3, ago=20),
        "ended": replace(FAILED, inits=(NOW - timedelta(seconds=30), NOW - timedelta(seconds=70))),
        **{f"p{n}": INITIALISING for n in range(4)},
    }
    admission = admit(lane(states), [wish for wish in wishes(states) if wish.key.entity_id != "uploading"], NOW)
    assert len(admission.start) == 2
    assert admission.retry_at == NOW + timedelta(seconds=30)
    assert len(admit(lane(states), wishes(states), NOW + MINUTE).start) == 5


def test_status_calls_keep_to_their_share() -> None:
    states: dict[str, Post] = {"a": called(QUERYING_BEFORE, statuses=STATUS_SHARE_PER_MINUTE), "b": QUERYING_AFTER}
    admission = admit(lane(states), wishes(states), NOW)
    assert admission.start == ()
    assert admission.retry_at == NOW + timedelta(seconds=50)


@pytest.mark.parametrize("reason", [DelayReason.DAILY_LIMIT, DelayReason.RATE_LIMIT])
def test_what_tiktok_said_to_one_post_holds_for_the_account(reason: DelayReason) -> None:
    told = Waiting(until=NOW + MINUTE, reason=reason, then=CHECKING_CREATOR)
    states: dict[str, Post] = {"told": told, "asking": CHECKING_CREATOR, "init": INITIALISING, "last": QUERYING_AFTER}
    admission = admit(lane(states), wishes(states), NOW)
    assert [key.entity_id for key in admission.start] == ["last"]
    assert admission.retry_at == NOW + MINUTE
    assert len(admit(lane(states), wishes(states), NOW + MINUTE).start) == 3


def test_another_posts_back_off_holds_nobody_up() -> None:
    states: dict[str, Post] = {"slow": WAITING, "init": INITIALISING}
    assert len(admit(lane(states), wishes(states), NOW).start) == 1


def test_only_an_init_must_be_let_finish() -> None:
    assert PROCESSOR.uninterruptible == (InitVideoUpload,)
    assert {type(requested_effect(state)) for state in WORKING} == {
        ProbeSource,
        QueryCreator,
        InitVideoUpload,
        SendChunk,
        QueryStatus,
    }
