"""A lost answer to an init: harmless ones begin the next attempt, publishing ones are never called again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.uploader_states import INITIALISING, INPUTS, KEY, NOW, PROGRESS, WORKING, results_of, single_event
from common.contract.post import FINISHED_POST_RETENTION, PostUnresolved
from common.streams import Decision, Due, Wait
from uploader_service import effects, facts, states
from uploader_service.decisions import decide
from uploader_service.decisions_effect_results import on_init_unanswered
from uploader_service.plans import next_effect, requested_effect


@dataclass(frozen=True, slots=True, kw_only=True)
class InitPhotos(effects.PublishingInit):
    """Stands for an init that publishes from the call alone. Production has none yet."""


INITS: dict[type[effects.AnyInit], effects.AnyInit] = {
    effects.InitVideoUpload: requested_effect(INITIALISING),
    InitPhotos: InitPhotos(attempt=1, request=PROGRESS.request),
}
MINUTES = (0, 0, 1, 10, 600)
PUBLISHING = [init for init in INITS.values() if isinstance(init, effects.PublishingInit)]
HARMLESS = [init for init in INITS.values() if isinstance(init, effects.HarmlessInit)]
OTHER_FACTS: tuple[facts.Fact | Due, ...] = (
    *INPUTS,
    *(facts.Returned(attempt=attempt, revision=9, code="internal", message="") for attempt in (1, 2)),
    *(result for state in WORKING for result in results_of(requested_effect(state))),
)


def lost(init: effects.AnyInit) -> Decision[states.Post]:
    return on_init_unanswered(PROGRESS, init, "reset", NOW)


def test_every_init_of_the_uploader_is_tested_here() -> None:
    production = {effect for effect in get_args(effects.Effect) if issubclass(effect, get_args(effects.AnyInit))}
    assert production <= set(INITS)


@pytest.mark.parametrize("init", HARMLESS, ids=lambda init: type(init).__name__)
def test_unanswered_harmless_init_begins_next_attempt(init: effects.AnyInit) -> None:
    state = lost(init).state
    assert isinstance(state, states.Probing)
    assert (state.progress.attempt, state.progress.unanswered_inits) == (2, 1)


@pytest.mark.parametrize("init", PUBLISHING, ids=lambda init: type(init).__name__)
def test_unanswered_publishing_init_is_unresolved(init: effects.AnyInit) -> None:
    decision = lost(init)
    unresolved = single_event(decision, PostUnresolved)
    assert (unresolved.attempt, unresolved.publish_id) == (PROGRESS.attempt, "")
    assert isinstance(decision.state, states.Finished)
    assert decision.state.ending is states.Ending.UNRESOLVED


def inits_after(data: st.DataObject, state: states.Post | None) -> Iterator[effects.AnyInit]:
    """Continue for up to 30 facts: results of the requested effect, mixed with all other facts and with time."""
    now = NOW
    for _ in range(data.draw(st.integers(0, 30))):
        # A post is kept for longer than this. Afterwards the same request would be refused by its age.
        now = min(now + timedelta(minutes=data.draw(st.sampled_from(MINUTES))), NOW + FINISHED_POST_RETENTION / 2)
        effect = None if state is None else next_effect(KEY, state, now)
        if effect is None or isinstance(effect, Wait):
            fact = data.draw(st.sampled_from((Due(), *OTHER_FACTS)))
        else:
            fact = data.draw(st.sampled_from((*results_of(effect) * 3, *OTHER_FACTS)))
        state = decide(KEY, state, fact, now).state
        requested = None if state is None else next_effect(KEY, state, now)
        if isinstance(requested, effects.HarmlessInit | effects.PublishingInit):
            yield requested


@pytest.mark.parametrize("init", PUBLISHING, ids=lambda init: type(init).__name__)
@given(data=st.data())
def test_no_facts_repeat_an_unanswered_publishing_init(data: st.DataObject, init: effects.AnyInit) -> None:
    assert list(inits_after(data, lost(init).state)) == []


@pytest.mark.parametrize("init", HARMLESS, ids=lambda init: type(init).__name__)
@given(data=st.data())
def test_only_harmless_inits_follow_a_lost_answer(data: st.DataObject, init: effects.AnyInit) -> None:
    for later in inits_after(data, lost(init).state):
        assert isinstance(later, effects.HarmlessInit)
        assert later.attempt > init.attempt


@pytest.mark.parametrize("result", results_of(requested_effect(INITIALISING)), ids=lambda fact: type(fact).__name__)
def test_init_that_may_have_arrived_is_not_repeated_as_is(result: facts.Fact) -> None:
    """Only a result that proves the init did not arrive leads back to the same init."""
    state = decide(KEY, INITIALISING, result, NOW).state
    assert state is not None
    resumed = state.then if isinstance(state, states.Paused) else state
    again = isinstance(resumed, states.Initialising) and resumed.progress.attempt == 1
    proves = isinstance(result, facts.RequestNotSent | facts.NoCredential | facts.CallRefused)
    assert again <= proves
