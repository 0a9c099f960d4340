"""Invariants in any order of facts: one attempt publishes, revisions count on, an end is final."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders.uploader_states import (
    INITIALISING,
    INPUTS,
    KEY,
    LARGE,
    LAST_CHUNK,
    NOW,
    QUERYING_AFTER,
    SMALL,
    refused,
    results_of,
    step,
)
from common.contract.account import TokenRejected
from common.contract.post import (
    FailureReason,
    PostEvent,
    PostFailed,
    PostProgressed,
    PostRequestConflict,
    PostUnresolved,
    PostUploaded,
)
from common.streams import Due, Wait
from tiktok.models import StatusCode
from uploader_service.decisions import decide
from uploader_service.effects import InitVideoUpload, ProbeSource, QueryStatus, SendChunk
from uploader_service.facts import (
    CallRefused,
    ChunkRefused,
    ChunkStored,
    Fact,
    InitDone,
    Requested,
    RequestNotSent,
    Returned,
    SourceFound,
    SourceInterrupted,
    StatusReceived,
    UploadUrlUnreadable,
)
from uploader_service.plans import next_effect, requested_effect
from uploader_service.states import (
    UPLOAD_URL_LIFETIME,
    UPLOAD_URL_MARGIN,
    AwaitingAccount,
    AwaitingCredential,
    Finished,
    HandedOver,
    Post,
    Querying,
    QueryingState,
    Uploading,
    Waiting,
    Working,
    last_chunk_may_have_left,
)

PAUSES = (timedelta(0), timedelta(seconds=2), timedelta(minutes=2), timedelta(minutes=66), timedelta(hours=3))


STARTS = (None, INITIALISING, LAST_CHUNK, QUERYING_AFTER)


CODES = (
    "access_token_invalid",
    "rate_limit_exceeded",
    "spam_risk_too_many_posts",
    "temporarily_unavailable",
    "invalid_publish_id",
)


CHUNK_CODES = ("upload_url_expired", "upload_unknown", "upload_out_of_step", "upload_refused", "rate_limit_exceeded")


SIZES = (None, 0, 10_000_000, 10_000_001, 60_000_000, 75_000_000)


def any_result(data: st.DataObject, effect: Any) -> Fact:
    """Draw any result that the effect may have."""
    choices = [*results_of(effect)]
    match effect:
        case SendChunk():
            # Likelier than the rest, so that runs get far.
            last = effect.chunk == effect.media.plan.count - 1
            choices = [fact for fact in choices if not isinstance(fact, ChunkStored)]
            choices = [fact for fact in choices if not isinstance(fact, SourceInterrupted) or effect.chunk == last]
            choices += [ChunkRefused(of=effect, refused=refused(code)) for code in CHUNK_CODES]
            choices += [ChunkStored(of=effect, complete=last)] * 3
        case QueryStatus():
            choices += [
                StatusReceived(of=effect, status=status, fail_reason="internal", uploaded_bytes=size)
                for status in StatusCode
                for size in SIZES
            ]
        case ProbeSource():
            choices = [SourceFound(of=effect, media=LARGE), SourceFound(of=effect, media=SMALL)]
        case InitVideoUpload():
            choices += [InitDone(of=effect, publish_id=f"p{effect.attempt}", sealed_url="s")] * 3
        case _:
            pass
    if not isinstance(effect, ProbeSource | SendChunk):
        choices += [CallRefused(of=effect, refused=refused(code), version=3) for code in CODES]
    return data.draw(st.sampled_from(choices))


class Run:
    """One post under arbitrary facts; records what would have published."""

    def __init__(self, state: Post | None) -> None:
        self.state = state
        self.now = NOW
        self.revision = 0 if state is None else 1
        self.effects: list[Any] = []
        self.marked = 1 if state in {LAST_CHUNK, QUERYING_AFTER} else None
        self.excused = False
        self.ended = False
        self.fewer = 0
        self.refused_late = False
        self.unsendable = False

    def offer(self, fact: Fact | Due) -> None:
        before = self.state
        decision = decide(KEY, before, fact, self.now)
        self._note_proof(before, fact)
        self._check_revisions(before, decision.events, fact)
        if self.ended and not isinstance(before, HandedOver):
            assert isinstance(decision.state, Finished | None)
        self.state = decision.state
        self._check_attempts()

    def _note_proof(self, before: Post | None, fact: Fact | Due) -> None:
        """Keep the proof that an attempt is dead, apart from the code that is tested."""
        if isinstance(before, Working) and getattr(fact, "of", None) != requested_effect(before):
            return
        match before, fact:
            case Querying(), StatusReceived(status=StatusCode.FAILED):
                self.excused = True
            case Uploading(session=session), ChunkRefused(refused=no) if (
                no.code in {"upload_url_expired", "upload_unknown"}
                and self.now >= session.opened_at + UPLOAD_URL_LIFETIME
            ):
                self.refused_late, self.fewer = True, 0
            case Uploading(taken_over=False), UploadUrlUnreadable(last_chunk_never_left=True):
                self.excused = True
            case Uploading(), UploadUrlUnreadable() | SourceInterrupted() | RequestNotSent():
                self.unsendable, self.fewer = True, 0
            case Querying(), StatusReceived(status=StatusCode.PROCESSING_UPLOAD, uploaded_bytes=size) if (
                self.refused_late or self._nothing_can_come(before)
            ):
                self.fewer += size is not None and size < before.media.size
                self.excused = self.excused or self.fewer >= 2
            case HandedOver(), Returned() if fact.attempt == before.progress.attempt:
                self.excused = True
            case _:
                pass

    def _nothing_can_come(self, state: QueryingState) -> bool:
        late = self.now >= state.session.opened_at + UPLOAD_URL_LIFETIME + UPLOAD_URL_MARGIN
        return late and (self.unsendable or self.now >= state.progress.not_after)

    def _check_revisions(self, before: Post | None, events: tuple[Any, ...], fact: Fact | Due) -> None:
        if isinstance(fact, Returned) and isinstance(before, HandedOver | Finished):
            taken = before.progress.attempt == fact.attempt if isinstance(before, HandedOver) else bool(events)
            self.revision = max(self.revision, fact.revision) if taken else self.revision
        for event in events:
            if isinstance(event, TokenRejected):
                continue
            assert isinstance(event, PostEvent)
            sample = isinstance(event, PostProgressed) or (
                isinstance(event, PostRequestConflict) and event.revision == self.revision
            )
            assert event.revision == self.revision + (not sample), event
            self.revision = event.revision
            self.ended = self.ended or isinstance(event, PostFailed)

    def _check_attempts(self) -> None:
        """After its last chunk may have left, an attempt is followed by another only with proof."""
        state = self.state.then if isinstance(self.state, Waiting | AwaitingCredential) else self.state
        if not isinstance(state, Working):
            return
        if self.marked is not None and state.progress.attempt != self.marked:
            assert self.excused, state
            self.marked, self.excused, self.refused_late, self.fewer = None, False, False, 0
            self.unsendable = False
        if isinstance(state, Uploading | Querying) and last_chunk_may_have_left(state):
            self.marked = state.progress.attempt
        if isinstance(state, Uploading) and state.next_chunk == state.media.plan.count - 1:
            assert state.last_chunk_may_have_left

    def next_fact(self, data: st.DataObject) -> Fact | Due:
        requested = None if self.state is None else next_effect(KEY, self.state, self.now)
        stale = data.draw(st.integers(0, 9))
        if stale == 0 and self.effects:
            return any_result(data, data.draw(st.sampled_from(self.effects)))
        if stale == 1 or requested is None:
            return data.draw(st.sampled_from(INPUTS))
        if isinstance(requested, Wait):
            if isinstance(self.state, Waiting | Finished | HandedOver):
                self.now = max(self.now, min(requested.until, self.now + timedelta(hours=3)))
            return (
                INPUTS[4] if isinstance(self.state, AwaitingAccount) else data.draw(st.sampled_from([Due(), INPUTS[5]]))
            )
        assert not isinstance(self.state, Finished)
        self.effects.append(requested)
        return any_result(data, requested)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_facts_publish_one_attempt_and_count_revisions(data: st.DataObject) -> None:
    run = Run(data.draw(st.sampled_from(STARTS)))
    if run.state is None:
        run.offer(INPUTS[0])
    for _ in range(data.draw(st.integers(5, 60))):
        fact = run.next_fact(data)
        run.now += data.draw(st.sampled_from(PAUSES[:2] * 4 + PAUSES))
        run.offer(fact)


@given(st.lists(st.sampled_from(INPUTS), max_size=8), st.integers(0, 48))
def test_finished_post_requests_nothing_again(facts: list[Fact | Due], hours: int) -> None:
    request = INPUTS[0]
    assert isinstance(request, Requested)
    old = Requested(request=request.request, recorded_at=NOW - timedelta(days=8))
    state = step(None, old).state
    moment: datetime = NOW + timedelta(hours=hours)
    for fact in facts:
        decision = step(state, fact, moment)
        assert not any(isinstance(event, PostUploaded | PostUnresolved) for event in decision.events)
        state = decision.state
        assert isinstance(state, Finished)
        assert isinstance(next_effect(KEY, state, moment), Wait)


def test_old_request_ends_at_once() -> None:
    request = INPUTS[0]
    assert isinstance(request, Requested)
    decision = step(None, Requested(request=request.request, recorded_at=NOW - timedelta(days=8)))
    assert [event.reason for event in decision.events if isinstance(event, PostFailed)] == [FailureReason.TOO_OLD]
