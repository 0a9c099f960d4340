"""Requests: accepted, repeated, conflicting and invalid ones."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    FORGOTTEN,
    HANDED_OVER,
    KEY,
    NOW,
    PROGRESS,
    REQUEST,
    STATES,
    expect_state,
    single_event,
    step,
)
from common.contract.post import FailureReason, PostAccepted, PostFailed, PostRequestConflict, PrivacyLevel
from common.streams import Decision, Wait
from uploader_service.decisions_requests import deadline_for, redacted_url
from uploader_service.facts import Requested, UndecodableRequest
from uploader_service.plans import next_effect
from uploader_service.states import AwaitingAccount, Ending, Finished, Post, progress_of

ASKED = Requested(request=REQUEST, recorded_at=NOW)


OTHER = Requested(request=replace(REQUEST, caption="A dog"), recorded_at=NOW)


UNREAD = UndecodableRequest(tenant="t1", message="Expected `str`", digest="bytes")


FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=12)))


def asked(**changes: Any) -> Requested:
    return Requested(request=replace(REQUEST, **changes), recorded_at=NOW)


def test_request_is_accepted_and_awaits_account() -> None:
    decision = step(None, ASKED)
    assert decision.state == AwaitingAccount(progress=PROGRESS, since=NOW)
    accepted = single_event(decision, PostAccepted)
    assert (accepted.revision, accepted.tenant, accepted.source_url) == (1, "t1", REQUEST.source.url)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"caption": "\N{CAT FACE}" * 1101}, "caption", "2202"),
        ({"brand_content": True, "privacy_level": PrivacyLevel.SELF_ONLY}, "privacy_level", "SELF_ONLY"),
        ({"publish_at": NOW + timedelta(days=367)}, "publish_at", "2028-01-03"),
        ({"publish_at": FAR}, "publish_at", "9999-12-31"),
        ({"publish_at": FAR}, "publish_at", "2028-01-02T12:00:00+00:00"),
        ({"not_after": FAR}, "not_after", "9999-12-31"),
        ({"publish_at": NOW, "not_after": NOW + timedelta(days=367)}, "not_after", "366 days"),
        ({"publish_at": NOW + timedelta(hours=2), "not_after": NOW + timedelta(hours=1)}, "not_after", "13:00"),
    ],
)
def test_invalid_request_fails_with_field_and_value(changes: Any, field: str, value: str) -> None:
    decision = step(None, asked(**changes))
    failed = single_event(decision, PostFailed)
    assert (failed.reason, failed.revision) == (FailureReason.INVALID_REQUEST, 1)
    assert failed.message.startswith(f"{field}: ")
    assert value in failed.message
    assert expect_state(decision, Finished).ending is Ending.FAILED


@pytest.mark.parametrize("name", ["publish_at", "not_after"])
def test_time_at_its_limit_is_accepted(name: str) -> None:
    expect_state(step(None, asked(**{name: NOW + timedelta(days=366)})), AwaitingAccount)


def test_time_too_far_ahead_is_cut_off() -> None:
    far = replace(HANDED_OVER, progress=replace(PROGRESS, not_after=FAR))
    assert next_effect(KEY, far, NOW) == Wait(NOW + timedelta(days=368))
    assert deadline_for(replace(REQUEST, publish_at=FAR), NOW) == NOW + timedelta(days=367)
    assert deadline_for(replace(REQUEST, not_after=FAR), NOW) == NOW + timedelta(days=366)


@pytest.mark.parametrize("name", ["publish_at", "not_after"])
def test_same_time_in_another_zone_is_the_same_request(name: str) -> None:
    moment = NOW + timedelta(hours=5)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    first, again = (asked(**{name: time}) for time in (moment, elsewhere))
    state = step(None, first).state
    assert step(state, again) == Decision(state=state)
    other = step(state, asked(**{name: moment + timedelta(microseconds=1)}))
    single_event(other, PostRequestConflict)
    swapped = {"publish_at": "not_after", "not_after": "publish_at"}[name]
    single_event(step(state, asked(**{swapped: moment})), PostRequestConflict)


def test_caption_of_exactly_2200_units_is_accepted() -> None:
    expect_state(step(None, asked(caption="\N{CAT FACE}" * 1100)), AwaitingAccount)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (Requested(request=REQUEST, recorded_at=NOW - timedelta(days=7, seconds=1)), FailureReason.TOO_OLD),
        (asked(not_after=NOW), FailureReason.TOO_LATE),
        (asked(publish_at=NOW - timedelta(hours=24)), FailureReason.TOO_LATE),
    ],
)
def test_request_from_the_past_fails(fact: Requested, reason: FailureReason) -> None:
    assert single_event(step(None, fact), PostFailed).reason is reason


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_repeated_request_changes_nothing(state: Post) -> None:
    decision = step(state, ASKED)
    assert decision.state == state
    assert decision.events == ()


@pytest.mark.parametrize("fact", [OTHER, UNREAD], ids=["other content", "undecodable"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_other_content_is_a_conflict_and_the_first_stands(state: Post, fact: Any) -> None:
    decision = step(state, fact)
    conflict = single_event(decision, PostRequestConflict)
    assert (conflict.post_id, conflict.tenant) == ("post-1", "t1")
    owned = state not in {HANDED_OVER, FORGOTTEN}
    before = state.revision if isinstance(state, Finished) else progress_of(state).revision
    assert conflict.revision == before + owned
    assert type(decision.state) is type(state)
    assert decision.state is not None
    after = decision.state.revision if isinstance(decision.state, Finished) else progress_of(decision.state).revision
    assert after == conflict.revision


def test_undecodable_request_is_answered_once() -> None:
    first = step(None, UNREAD)
    failed = single_event(first, PostFailed)
    assert (failed.account_id, failed.post_id, failed.revision) == ("acc_a", "post-1", 1)
    assert failed.message == "Expected `str`"
    assert step(first.state, UNREAD).events == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://videos.example/a.mp4?X-Signature=planted#part", "https://videos.example/a.mp4"),
        ("https://user:" + "planted@videos.example:8443/a.mp4", "https://videos.example:8443/a.mp4"),
        ("https://[2001:db8::1]:8443/a.mp4?planted", "https://[2001:db8::1]:8443/a.mp4"),
        ("https://videos.example:planted/a.mp4", ""),
        ("https:/user:" + "planted@videos.example/a.mp4", ""),
    ],
)
def test_redacted_url_hides_credentials_and_query(url: str, shown: str) -> None:
    assert redacted_url(url) == shown
