"""Requests: taken in, refused, asked again, parked until their account is in view."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_ACCOUNT,
    AWAITING_CREDENTIAL,
    FAILED,
    FORGOTTEN,
    HANDED_OVER,
    KEY,
    NOW,
    PROBING,
    PROGRESS,
    QUERYING_BEFORE,
    REQUEST,
    STATES,
    expect_state,
    revisions,
    single_event,
    step,
)
from common.contract.account import AccountDescribed, CredentialIssued, CredentialWithdrawn
from common.contract.codec import Envelope, MalformedEvent
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostAccepted,
    PostDelayed,
    PostFailed,
    PostPublished,
    PostRequestConflict,
    PostReturned,
    PrivacyLevel,
)
from common.streams import Decision, Due, ForeignRecord, StateKey, Wait
from uploader_service.decisions_requests import deadline_for, redacted_url
from uploader_service.facts import AccountKnown, CredentialKnown, Requested, Returned, UndecodableRequest
from uploader_service.plans import next_effect
from uploader_service.states import (
    ACCOUNT_WAIT_LIMIT,
    DELAY_EVENT_AFTER,
    AwaitingAccount,
    AwaitingCredential,
    Ending,
    Finished,
    Post,
    Probing,
    Waiting,
    progress_of,
    request_digest,
)
from uploader_service.translate import on_undecodable, on_view_change, translate

ASKED = Requested(request=REQUEST, recorded_at=NOW)
OTHER = Requested(request=replace(REQUEST, caption="A dog"), recorded_at=NOW)
UNREAD = UndecodableRequest(tenant="t1", message="Expected `str`", digest="bytes")


FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=12)))


def asked(**changes: Any) -> Requested:
    return Requested(request=replace(REQUEST, **changes), recorded_at=NOW)


def test_a_request_is_accepted_and_parked_until_its_account_is_in_view() -> None:
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
def test_what_nothing_could_put_right_is_refused_by_field_and_value(changes: Any, field: str, value: str) -> None:
    decision = step(None, asked(**changes))
    failed = single_event(decision, PostFailed)
    assert (failed.reason, failed.revision) == (FailureReason.INVALID_REQUEST, 1)
    assert failed.message.startswith(f"{field}: ")
    assert value in failed.message
    assert expect_state(decision, Finished).ending is Ending.FAILED


@pytest.mark.parametrize("name", ["publish_at", "not_after"])
def test_the_farthest_time_is_taken(name: str) -> None:
    expect_state(step(None, asked(**{name: NOW + timedelta(days=366)})), AwaitingAccount)


def test_no_state_is_undone_by_a_time_too_far_ahead() -> None:
    far = replace(HANDED_OVER, progress=replace(PROGRESS, not_after=FAR))
    assert next_effect(KEY, far, NOW) == Wait(NOW + timedelta(days=368))
    assert deadline_for(replace(REQUEST, publish_at=FAR), NOW) == NOW + timedelta(days=367)
    assert deadline_for(replace(REQUEST, not_after=FAR), NOW) == NOW + timedelta(days=366)


@pytest.mark.parametrize("name", ["publish_at", "not_after"])
def test_the_same_moment_spelled_differently_is_the_same_request(name: str) -> None:
    moment = NOW + timedelta(hours=5)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    first, again = (asked(**{name: time}) for time in (moment, elsewhere))
    state = step(None, first).state
    assert step(state, again) == Decision(state=state)
    other = step(state, asked(**{name: moment + timedelta(microseconds=1)}))
    single_event(other, PostRequestConflict)
    swapped = {"publish_at": "not_after", "not_after": "publish_at"}[name]
    single_event(step(state, asked(**{swapped: moment})), PostRequestConflict)


def test_times_at_the_ends_of_the_calendar_are_told_apart() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert len({request_digest(replace(REQUEST, publish_at=time)) for time in (first, FAR, None)}) == 3


def test_a_caption_of_exactly_2200_units_is_taken() -> None:
    expect_state(step(None, asked(caption="\N{CAT FACE}" * 1100)), AwaitingAccount)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (Requested(request=REQUEST, recorded_at=NOW - timedelta(days=7, seconds=1)), FailureReason.TOO_OLD),
        (asked(not_after=NOW), FailureReason.TOO_LATE),
        (asked(publish_at=NOW - timedelta(hours=24)), FailureReason.TOO_LATE),
    ],
)
def test_a_request_from_the_past_is_refused(fact: Requested, reason: FailureReason) -> None:
    assert single_event(step(None, fact), PostFailed).reason is reason


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_asked_again_for_the_same_changes_nothing(state: Post) -> None:
    decision = step(state, ASKED)
    assert decision.state == state
    assert decision.events == ()


@pytest.mark.parametrize("fact", [OTHER, UNREAD], ids=["other content", "illegible"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_asked_again_for_something_else_is_a_conflict_and_the_first_stands(state: Post, fact: Any) -> None:
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


def test_an_illegible_request_is_answered_once() -> None:
    first = step(None, UNREAD)
    failed = single_event(first, PostFailed)
    assert (failed.account_id, failed.post_id, failed.revision) == ("acc_a", "post-1", 1)
    assert failed.message == "Expected `str`"
    assert step(first.state, UNREAD).events == ()


def test_a_parked_request_meets_its_account() -> None:
    assert step(AWAITING_ACCOUNT, AccountKnown("t1")).state == Probing(progress=PROGRESS)


def test_a_parked_request_of_another_tenant_is_refused() -> None:
    assert single_event(step(AWAITING_ACCOUNT, AccountKnown("t2")), PostFailed).reason is FailureReason.WRONG_TENANT


def test_a_scheduled_post_waits_for_its_moment() -> None:
    moment = NOW + timedelta(hours=3)
    parked = expect_state(step(None, asked(publish_at=moment)), AwaitingAccount)
    decision = step(parked, AccountKnown("t1"))
    waiting = expect_state(decision, Waiting)
    delayed = single_event(decision, PostDelayed)
    assert (waiting.until, delayed.reason, delayed.until) == (moment, DelayReason.SCHEDULED, moment)
    assert waiting.then.progress.not_after == moment + timedelta(hours=24)
    assert next_effect(KEY, waiting, NOW) == Wait(moment)
    expect_state(step(waiting, Due(), moment), Probing)


def test_a_request_for_an_unknown_account_says_that_it_waits_and_then_fails() -> None:
    assert next_effect(KEY, AWAITING_ACCOUNT, NOW) == Wait(NOW + DELAY_EVENT_AFTER)
    assert step(AWAITING_ACCOUNT, Due()).state == AWAITING_ACCOUNT
    told = step(AWAITING_ACCOUNT, Due(), NOW + DELAY_EVENT_AFTER)
    assert single_event(told, PostDelayed).reason is DelayReason.ACCOUNT_UNKNOWN_YET
    assert told.state is not None
    assert next_effect(KEY, told.state, NOW) == Wait(NOW + ACCOUNT_WAIT_LIMIT)
    ended = step(told.state, Due(), NOW + ACCOUNT_WAIT_LIMIT)
    failed = single_event(ended, PostFailed)
    assert failed.reason is FailureReason.UNKNOWN_ACCOUNT
    assert "acc_a" in failed.message
    assert revisions(told) + revisions(ended) == [2, 3]


def test_a_post_that_comes_back_is_tried_again_with_the_publishers_count() -> None:
    decision = step(HANDED_OVER, Returned(attempt=1, revision=7, code="internal", message=""))
    probing = expect_state(decision, Probing)
    assert (probing.progress.attempt, probing.progress.revision) == (2, 7)
    assert step(probing, Returned(attempt=1, revision=7, code="internal", message="")).state == probing


@pytest.mark.parametrize(("attempt", "revision"), [(2, 7), (1, 1)], ids=["another attempt", "an old record"])
def test_what_comes_back_late_changes_nothing(attempt: int, revision: int) -> None:
    assert step(HANDED_OVER, Returned(attempt=attempt, revision=revision, code="", message="")).state == HANDED_OVER


def test_a_post_that_comes_back_after_its_moment_fails() -> None:
    late = step(HANDED_OVER, Returned(attempt=1, revision=7, code="internal", message=""), PROGRESS.not_after)
    assert single_event(late, PostFailed).reason is FailureReason.TOO_LATE
    forgotten = step(FORGOTTEN, Returned(attempt=1, revision=7, code="internal", message=""))
    assert single_event(forgotten, PostFailed).revision == 8
    assert step(FAILED, Returned(attempt=1, revision=7, code="", message="")).state == FAILED


def test_memory_of_a_post_shrinks_and_ends() -> None:
    wait = next_effect(KEY, HANDED_OVER, NOW)
    assert isinstance(wait, Wait)
    assert step(HANDED_OVER, Due(), wait.until - timedelta(seconds=1)).state == HANDED_OVER
    small = expect_state(step(HANDED_OVER, Due(), wait.until), Finished)
    assert (small.ending, small.digest) == (Ending.HANDED_OVER, PROGRESS.digest)
    assert next_effect(KEY, small, NOW) == Wait(wait.until + timedelta(days=30))
    assert step(small, Due(), wait.until + timedelta(days=30)).state is None


def test_events_are_read_as_facts() -> None:
    def envelope(body: Any, time: datetime | None = NOW) -> Envelope[Any]:
        return Envelope(id="1", source="s", time=time, traceparent=None, body=body)

    asked_for = translate(envelope(REQUEST))
    assert asked_for is not None
    assert (asked_for.key, asked_for.fact) == (KEY, ASKED)
    naive = translate(envelope(REQUEST, datetime(2027, 1, 1, 12)))  # noqa: DTZ001 - a sender's time without an offset
    assert naive is not None
    assert naive.fact == ASKED
    header: dict[str, Any] = {"account_id": "acc_a", "post_id": "post-1", "tenant": "t1", "revision": 7, "at": NOW}
    back = translate(envelope(PostReturned(**header, attempt=1, code="internal", message="m")))
    assert back is not None
    assert back.fact == Returned(attempt=1, revision=7, code="internal", message="m")
    assert translate(envelope(PostPublished(**header, publish_id="p1"))) is None


def test_views_are_noticed_by_what_waits_for_them() -> None:
    account = AccountDescribed(account_id="acc_a", tenant="t1", open_id="o")
    credential = CredentialIssued(
        account_id="acc_a", version=4, scopes=(), expires_at=datetime(2027, 1, 2, tzinfo=UTC), sealed={}
    )
    assert on_view_change(KEY, AWAITING_ACCOUNT, account) == AccountKnown("t1")
    assert on_view_change(KEY, AWAITING_CREDENTIAL, credential) == CredentialKnown(4)
    assert on_view_change(KEY, AWAITING_CREDENTIAL, replace(credential, version=3)) is None
    assert on_view_change(KEY, AWAITING_CREDENTIAL, replace(credential, tenant="t1")) == CredentialKnown(4)
    assert on_view_change(KEY, AWAITING_CREDENTIAL, replace(credential, tenant="another")) is None
    finding_out = AwaitingCredential(newer_than=3, then=QUERYING_BEFORE)
    assert on_view_change(KEY, finding_out, replace(credential, tenant="another")) == CredentialKnown(4)
    assert (
        on_view_change(KEY, AWAITING_CREDENTIAL, CredentialWithdrawn(account_id="acc_a", version=9, reason="x")) is None
    )
    assert on_view_change(KEY, AWAITING_CREDENTIAL, account) is None
    assert on_view_change(KEY, AWAITING_ACCOUNT, credential) is None
    assert on_view_change(KEY, PROBING, account) is None


def outsider(value: bytes) -> ForeignRecord:
    error = MalformedEvent(ce_type="post.requested", fault="Invalid enum value 'EVERYONE' - at `$.privacy_level`")
    return ForeignRecord(topic="post.requests", partition=0, offset=7, key=None, value=value, error=error)


@pytest.mark.parametrize(("written", "tenant"), [("t1", "t1"), ("another", "another"), (7, ""), ("a/b", "")])
def test_a_request_that_cannot_be_read_is_addressed_by_what_is_legible(written: object, tenant: str) -> None:
    names = {"account_id": "acc_a", "post_id": "post-1", "tenant": written}
    found = on_undecodable(outsider(msgspec.json.encode({**names, "privacy_level": "EVERYONE"})))
    assert found is not None
    assert found.key == StateKey("acc_a", f"{tenant}/post-1")
    assert isinstance(found.fact, UndecodableRequest)
    assert found.fact.tenant == tenant
    assert "$.privacy_level" in found.fact.message


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\xfe",
        b"not json",
        b"[1]",
        b'{"post_id": "p"}',
        b'{"account_id": "a", "post_id": ""}',
        b'{"account_id": "a", "post_id": 3}',
        b'{"account_id": "a", "post_id": "has space"}',
        b'{"account_id": "a", "post_id": "p", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"account_id": "a", "post_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_request_of_no_legible_post_is_left_at_the_dead_letter(value: bytes) -> None:
    assert on_undecodable(outsider(value)) is None


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
def test_an_accepted_post_shows_its_source_without_what_may_be_secret(url: str, shown: str) -> None:
    assert redacted_url(url) == shown
