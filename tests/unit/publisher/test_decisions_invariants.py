"""What holds for any order of facts, also twice or late, and over several attempts."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from common.contract.body import Body
from common.contract.post import (
    PostAvailable,
    PostEvent,
    PostFailed,
    PostPublished,
    PostReturned,
    PostUnresolved,
    PrivacyLevel,
)
from common.streams import Due, StateKey, Wait
from publisher_service import facts
from publisher_service.decisions import decide
from publisher_service.effects import Poll
from publisher_service.fail_reasons import FAIL_REASONS
from publisher_service.plans import next_effect
from publisher_service.states import Post

KEY = StateKey("acc_a", "t1/post-1")
START = datetime(2027, 1, 1, tzinfo=UTC)

attempts = st.integers(1, 3)
versions = st.integers(-1, 4)
video_ids = st.lists(st.sampled_from(["71", "72", "73"]), unique=True, max_size=3).map(tuple)
results: st.SearchStrategy[facts.Fact | Due] = st.one_of(
    st.builds(facts.StillProcessing, attempt=attempts),
    st.builds(facts.Completed, attempt=attempts, video_ids=video_ids),
    st.builds(facts.AttemptFailed, attempt=attempts, fail_reason=st.sampled_from([*FAIL_REASONS, "brand_new"])),
    st.builds(facts.StatusRefused, attempt=attempts, code=st.just("invalid_publish_id"), message=st.just("")),
    st.builds(facts.RateLimited, attempt=attempts),
    st.builds(facts.RetryableFailure, attempt=attempts, reason=st.just("")),
    st.builds(facts.CredentialRejected, attempt=attempts, version=versions, code=st.just("x")),
    st.builds(facts.NoCredential, attempt=attempts, version=versions),
    st.builds(facts.CredentialSeen, version=versions),
    st.just(Due()),
)
pauses = st.sampled_from([timedelta(0), timedelta(seconds=3), timedelta(hours=1), timedelta(days=1)])


def handed_over(
    attempt: int, revision: int, *, unresolved: bool, public: bool
) -> facts.HandedOver | facts.HandedOverUnresolved:
    kind = facts.HandedOverUnresolved if unresolved else facts.HandedOver
    level = PrivacyLevel.PUBLIC_TO_EVERYONE if public else PrivacyLevel.SELF_ONLY
    return kind(
        tenant="t1", publish_id=f"p{attempt}", attempt=attempt, revision=revision, at=START, privacy_level=level
    )


class History:
    """Stands in for the uploader: hands a post over, and hands its next attempt over when it is returned."""

    def __init__(self, *, unresolved: bool, public: bool) -> None:
        self.state: Post | None = None
        self.now = START
        self.events: list[PostEvent] = []
        self.handovers: list[facts.HandedOver | facts.HandedOverUnresolved] = []
        self.unresolved, self.public = unresolved, public
        self.hand_over(revision=2)

    def hand_over(self, revision: int) -> None:
        attempt = len(self.handovers) + 1
        self.handovers.append(handed_over(attempt, revision, unresolved=self.unresolved, public=self.public))
        self.newest = revision
        self.apply(self.handovers[-1])

    def apply(self, fact: facts.Fact | Due) -> None:
        decision = decide(KEY, self.state, fact, self.now)
        self.state = decision.state
        for event in posts(decision.events):
            assert event.revision == self.newest + 1, "revisions count without gaps"
            self.newest = event.revision
            self.events.append(event)
        if any(isinstance(event, PostReturned) for event in decision.events):
            # The uploader publishes an event of its own (a delay) before it hands over again.
            self.hand_over(revision=self.newest + 2)


def posts(events: Iterable[Body]) -> list[PostEvent]:
    return [event for event in events if isinstance(event, PostEvent)]


@settings(max_examples=400, deadline=None)
@given(
    steps=st.lists(st.tuples(pauses, st.one_of(results, st.integers(0, 3))), max_size=30),
    unresolved=st.booleans(),
    public=st.booleans(),
)
def test_any_history_publishes_once_and_counts_without_gaps(
    *, steps: list[tuple[timedelta, facts.Fact | Due | int]], unresolved: bool, public: bool
) -> None:
    history = History(unresolved=unresolved, public=public)
    for pause, step in steps:
        history.now += pause
        # A number offers an earlier hand-over again.
        history.apply(history.handovers[step % len(history.handovers)] if isinstance(step, int) else step)

    kinds = [type(event) for event in history.events]
    assert kinds.count(PostPublished) <= 1
    assert kinds.count(PostPublished) + kinds.count(PostFailed) <= 1
    assert kinds.count(PostUnresolved) <= len(history.handovers)
    if PostPublished in kinds:
        assert set(kinds[kinds.index(PostPublished) + 1 :]) <= {PostAvailable}
    named = [event.video_ids for event in history.events if isinstance(event, PostAvailable)]
    assert PostPublished in kinds or not named
    assert all(set(earlier) < set(later) for earlier, later in pairwise(named))


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.tuples(pauses, results), max_size=30))
def test_any_history_ends_in_a_poll_or_is_forgotten(steps: list[tuple[timedelta, facts.Fact | Due]]) -> None:
    history = History(unresolved=False, public=True)
    for pause, fact in steps:
        history.now += pause
        history.apply(fact)
        if history.state is None:
            break

    for _ in range(5):
        if history.state is None or isinstance(wanted := next_effect(KEY, history.state, history.now), Poll):
            return
        assert isinstance(wanted, Wait)
        history.now = max(history.now, wanted.until)
        history.apply(Due())
    raise AssertionError(history.state)
