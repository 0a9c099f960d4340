"""Table tests: what each fact changes in each state of collecting, and what each state wants."""

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest

from analytics_service import facts, states
from analytics_service.decisions import FIRST_RETRY, LONGEST_RETRY, MISSES_PER_AGE, decide
from analytics_service.effects import Collect
from analytics_service.plans import PARKED_FOR, REMEMBERED_FOR, next_effect
from analytics_service.processor import CollectorProcessor
from analytics_service.translate import on_view_change, translate
from common.contract.account import CredentialIssued, CredentialWithdrawn, TokenRejected
from common.contract.codec import Envelope
from common.contract.metrics import MetricsCollected
from common.contract.post import PostAvailable, PostPublished
from common.streams import Due, StateKey, Wait

AGES = (60, 300, 3600)
T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEY = StateKey(partition_key="acc_1", entity_id="shop/post-1")
NUMBERS = facts.Numbers(
    video_id="7512345678901234567",
    view_count=10,
    like_count=2,
    comment_count=1,
    share_count=0,
    share_url="https://www.tiktok.com/@a/video/7512345678901234567",
)
YOUNG = states.Collecting(tenant="shop", video_ids=(NUMBERS.video_id,), available_at=T0, next_age=60)
PARKED = states.Parked(collecting=YOUNG, version=3, since=T0)
FINISHED = states.Finished(tenant="shop", at=T0)
AVAILABLE = facts.BecameAvailable(tenant="shop", video_ids=(NUMBERS.video_id,), at=T0)

change = partial(decide, AGES, KEY)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def collected(age: int, seconds: float) -> facts.Collected:
    return facts.Collected(age=age, at=at(seconds), numbers=(NUMBERS,))


def body(video_ids: tuple[str, ...] = ("7",)) -> PostAvailable:
    return PostAvailable(
        account_id="acc_1", post_id="post-1", tenant="shop", revision=6, at=T0, publish_id="p", video_ids=video_ids
    )


def test_an_available_post_begins_at_the_first_age() -> None:
    assert change(None, AVAILABLE, at(1)).state == YOUNG


def test_numbers_are_emitted_once_per_video_with_the_posts_age() -> None:
    second = dataclasses.replace(NUMBERS, video_id="7599999999999999999")
    fact = facts.Collected(age=60, at=at(61.9), numbers=(NUMBERS, second))
    decision = change(YOUNG, fact, at(62))
    assert [event.video_id for event in decision.events if isinstance(event, MetricsCollected)] == [
        "7512345678901234567",
        "7599999999999999999",
    ]
    event = decision.events[0]
    assert isinstance(event, MetricsCollected)
    assert (event.account_id, event.post_id, event.tenant) == ("acc_1", "post-1", "shop")
    assert (event.at, event.age_seconds, event.view_count, event.share_url) == (at(61.9), 61, 10, NUMBERS.share_url)


@pytest.mark.parametrize(
    ("when", "age"), [(60, 300), (299, 300), (300, 3600), (1000, 3600)], ids=["on time", "late", "missed", "missed 2"]
)
def test_a_missed_age_is_made_up_for_once_and_then_skipped(when: float, age: int) -> None:
    state = change(YOUNG, collected(60, when), at(when)).state
    assert isinstance(state, states.Collecting)
    assert (state.next_age, state.called_at) == (age, at(when))


def test_after_the_last_age_the_post_is_finished() -> None:
    last = msgspec.structs.replace(YOUNG, next_age=3600)
    assert change(last, collected(3600, 3601), at(3601)).state == states.Finished(
        tenant="shop", at=at(3601), called_at=at(3601)
    )


def test_a_clock_behind_does_not_collect_an_age_twice() -> None:
    state = change(YOUNG, collected(60, 30), at(30)).state
    assert isinstance(state, states.Collecting)
    assert state.next_age == 300


LATE = msgspec.structs.replace(YOUNG, next_age=300)
LATE_OR_ALIEN: list[tuple[states.Video, facts.Fact | Due]] = [
    (LATE, collected(60, 70)),
    (LATE, facts.NotListed(age=60, at=at(70))),
    (LATE, facts.Unsettled(age=60, at=at(70), reason="reset")),
    (LATE, facts.CollectRefused(age=60, at=at(70), code="invalid_params")),
    (YOUNG, facts.CredentialSeen(version=9)),
    (YOUNG, Due()),
    (YOUNG, AVAILABLE),
    (PARKED, AVAILABLE),
    (PARKED, collected(60, 61)),
    (PARKED, facts.NotListed(age=60, at=at(61))),
    (PARKED, facts.Unsettled(age=60, at=at(61), reason="reset")),
    (PARKED, facts.CollectRefused(age=60, at=at(61), code="invalid_params")),
    (PARKED, facts.NoCredential(version=3)),
    (PARKED, facts.TokenRefused(version=3, code="access_token_invalid", at=at(61))),
    (PARKED, facts.CredentialSeen(version=3)),
    (FINISHED, AVAILABLE),
    (FINISHED, collected(3600, 3601)),
    (FINISHED, facts.NotListed(age=3600, at=at(3601))),
    (FINISHED, facts.Unsettled(age=3600, at=at(3601), reason="reset")),
    (FINISHED, facts.CollectRefused(age=3600, at=at(3601), code="x")),
    (FINISHED, facts.NoCredential(version=3)),
    (FINISHED, facts.TokenRefused(version=3, code="access_token_invalid", at=at(61))),
    (FINISHED, facts.CredentialSeen(version=4)),
]


@pytest.mark.parametrize(("state", "fact"), LATE_OR_ALIEN, ids=lambda value: type(value).__name__)
def test_late_and_repeated_facts_change_nothing(state: states.Video, fact: facts.Fact | Due) -> None:
    decision = change(state, fact, at(80))
    assert (decision.state, decision.events) == (state, ())


@pytest.mark.parametrize(
    "fact",
    [collected(60, 61), facts.Unsettled(age=60, at=T0, reason="x"), facts.CredentialSeen(version=1), Due()],
    ids=lambda value: type(value).__name__,
)
def test_what_comes_for_a_forgotten_post_stays_forgotten(fact: facts.Fact | Due) -> None:
    decision = change(None, fact, at(80))
    assert (decision.state, decision.events) == (None, ())


def test_more_ids_join_the_ones_known() -> None:
    more = dataclasses.replace(AVAILABLE, video_ids=("8", NUMBERS.video_id))
    state = change(YOUNG, more, at(10)).state
    parked = change(PARKED, more, at(10)).state
    assert isinstance(state, states.Collecting)
    assert isinstance(parked, states.Parked)
    assert state.video_ids == parked.collecting.video_ids == (NUMBERS.video_id, "8")


def test_without_an_answer_it_tries_again_ever_later_and_never_gives_up() -> None:
    state, now, delays = YOUNG, at(60), []
    for _ in range(40):
        decided = change(state, facts.Unsettled(age=60, at=now, reason="reset"), now).state
        assert isinstance(decided, states.Collecting)
        assert decided.retry_at is not None
        delays.append(decided.retry_at - now)
        state, now = decided, decided.retry_at
    assert delays[:3] == [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4]
    assert delays[-1] == LONGEST_RETRY
    assert state.next_age == 60


def test_a_video_that_tiktok_does_not_list_is_left_alone_until_the_next_age() -> None:
    state: states.Video | None = YOUNG
    for miss in range(MISSES_PER_AGE):
        assert isinstance(state, states.Collecting)
        assert (state.next_age, state.misses) == (60, miss)
        state = change(state, facts.NotListed(age=60, at=at(61 + miss)), at(61 + miss)).state
    assert isinstance(state, states.Collecting)
    assert (state.next_age, state.misses, state.tries, state.retry_at) == (300, 0, 0, None)


def test_a_refusal_skips_to_the_next_age() -> None:
    state = change(YOUNG, facts.CollectRefused(age=60, at=at(61), code="invalid_params"), at(61)).state
    assert isinstance(state, states.Collecting)
    assert state.next_age == 300


def test_a_refused_token_is_told_to_auth_and_waited_out() -> None:
    fact = facts.TokenRefused(version=3, code="access_token_invalid", at=at(61))
    decision = change(YOUNG, fact, at(62))
    called = msgspec.structs.replace(YOUNG, called_at=at(61))
    assert decision.state == states.Parked(collecting=called, version=3, since=at(62))
    assert decision.events == (
        TokenRejected(account_id="acc_1", version=3, code="access_token_invalid", service="analytics", at=at(61)),
    )


def test_without_a_credential_it_parks_in_silence() -> None:
    decision = change(YOUNG, facts.NoCredential(version=3), at(62))
    assert decision.state == states.Parked(collecting=YOUNG, version=3, since=at(62))
    assert decision.events == ()


def issued(version: int) -> CredentialIssued:
    return CredentialIssued(account_id="acc_1", version=version, scopes=(), expires_at=at(86400), sealed={})


def test_a_newer_credential_wakes_a_parked_post() -> None:
    fact = on_view_change(KEY, PARKED, issued(4))
    assert fact == facts.CredentialSeen(version=4)
    assert on_view_change(KEY, PARKED, msgspec.structs.replace(issued(4), tenant="shop")) == fact
    assert change(PARKED, fact, at(70)).state == YOUNG


@pytest.mark.parametrize(
    ("state", "record"),
    [
        (PARKED, issued(3)),
        (PARKED, msgspec.structs.replace(issued(4), tenant="rival")),
        (PARKED, CredentialWithdrawn(account_id="acc_1", version=5, reason="disconnected")),
        (YOUNG, issued(9)),
        (FINISHED, issued(9)),
    ],
)
def test_other_records_wake_nothing(state: states.Video, record: CredentialIssued | CredentialWithdrawn) -> None:
    assert on_view_change(KEY, state, record) is None


@pytest.mark.parametrize("state", [PARKED, FINISHED])
def test_what_waited_long_enough_is_forgotten(state: states.Video) -> None:
    assert change(state, Due(), at(0)).state is None


WANTS: list[tuple[states.Video, float, object]] = [
    (YOUNG, 59.9, Wait(at(60))),
    (YOUNG, 60, Collect(tenant="shop", video_ids=YOUNG.video_ids, age=60, due=at(60))),
    (YOUNG, 9999, Collect(tenant="shop", video_ids=YOUNG.video_ids, age=60, due=at(60))),
    (msgspec.structs.replace(YOUNG, retry_at=at(65)), 64, Wait(at(65))),
    (
        msgspec.structs.replace(YOUNG, retry_at=at(65)),
        65,
        Collect(tenant="shop", video_ids=YOUNG.video_ids, age=60, due=at(65)),
    ),
    (PARKED, 9999, Wait(T0 + PARKED_FOR)),
    (FINISHED, 9999, Wait(T0 + REMEMBERED_FOR)),
]


@pytest.mark.parametrize(("state", "when", "wanted"), WANTS)
def test_what_a_state_wants(state: states.Video, when: float, wanted: object) -> None:
    assert next_effect(KEY, state, at(when)) == wanted


def test_a_call_never_asks_for_more_ids_than_tiktok_takes() -> None:
    many = msgspec.structs.replace(YOUNG, video_ids=tuple(str(number) for number in range(25)))
    effect = next_effect(KEY, many, at(60))
    assert isinstance(effect, Collect)
    assert len(effect.video_ids) == 20


def test_only_available_posts_with_ids_are_taken_up() -> None:
    def envelope(event: PostAvailable | PostPublished) -> Envelope[PostAvailable | PostPublished]:
        return Envelope(id="1", source="s", time=T0, traceparent=None, body=event)

    published = PostPublished(account_id="a", post_id="p", tenant="t", revision=1, at=T0, publish_id="x")
    taken = translate(envelope(body()))
    assert taken is not None
    assert (taken.key, taken.fact) == (KEY, facts.BecameAvailable(tenant="shop", video_ids=("7",), at=T0))
    theirs = translate(envelope(msgspec.structs.replace(body(), tenant="rival")))
    assert theirs is not None
    assert theirs.key == StateKey("acc_1", "rival/post-1")
    assert translate(envelope(body(()))) is None
    assert translate(envelope(published)) is None


@pytest.mark.parametrize("state", [YOUNG, PARKED, FINISHED], ids=lambda value: type(value).__name__)
def test_states_survive_being_written_down(state: states.Video) -> None:
    machine = CollectorProcessor(AGES)
    assert msgspec.json.decode(msgspec.json.encode(state), type=states.Video) == state
    assert machine.fairness_key(state) == states.tenant_of(state) == "shop"
