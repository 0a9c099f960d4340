"""A small processor: it counts requests, and asks for one effect for each count."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.post import FailureReason, PostFailed, PostRequested
from common.contract.topics import POST_REQUESTS, Topic
from common.streams import Decision, Due, ForeignRecord, KeyedFact, Processor, StateKey, Views, Wait

CRASHES_TRANSLATE, CRASHES_DECIDE, CRASHES_NEXT_EFFECT = "translate.crashes", "decide.crashes", "next_effect.crashes"
"""Posts at which a function of the processor has a bug."""


class Counting(msgspec.Struct, frozen=True, kw_only=True, tag="counting"):
    asked: int
    done: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    post_id: str


@dataclass(frozen=True, slots=True)
class Done:
    number: int


@dataclass(frozen=True, slots=True)
class Spoiled:
    message: str


@dataclass(frozen=True, slots=True)
class Act:
    number: int


Fact = Asked | Done | Spoiled


def translate(envelope: Envelope[Body]) -> KeyedFact[Fact] | None:
    match envelope.body:
        case PostRequested(account_id=account_id, post_id=post_id):
            if post_id == CRASHES_TRANSLATE:
                raise ZeroDivisionError
            return KeyedFact(StateKey(account_id, post_id), Asked(post_id))
        case _:
            return None


def on_undecodable(record: ForeignRecord) -> KeyedFact[Fact] | None:
    try:
        body = msgspec.json.decode(record.value)
        return KeyedFact(StateKey(body["account_id"], body["post_id"]), Spoiled(str(record.error)))
    except (msgspec.DecodeError, KeyError, TypeError):
        return None


def decide(key: StateKey, state: Counting | None, fact: Fact | Due, now: datetime) -> Decision[Counting]:
    state = state or Counting(asked=0)
    match fact:
        case Asked(post_id) if post_id == CRASHES_DECIDE:
            raise OverflowError
        case Asked():
            return Decision(state=msgspec.structs.replace(state, asked=state.asked + 1))
        case Done(number=number) if number == state.done + 1:
            event = PostFailed(
                account_id=key.partition_key,
                post_id=key.entity_id,
                tenant="t",
                revision=number,
                at=now,
                reason=FailureReason.TOO_LATE,
                message=f"done {number}",
            )
            return Decision(state=msgspec.structs.replace(state, done=number), events=(event,))
        case Spoiled():
            return Decision(state=msgspec.structs.replace(state, asked=state.asked + 100))
        case Done() | Due():
            return Decision(state=state)


def next_effect(key: StateKey, state: Counting, now: datetime) -> Act | Wait | None:
    if key.entity_id == CRASHES_NEXT_EFFECT:
        raise OverflowError
    if state.not_before is not None and now < state.not_before:
        return Wait(state.not_before)
    return Act(state.done + 1) if state.done < state.asked else None


class CountingProcessor(Processor[Counting, Fact, Act]):
    """Counts the requests of a post, and wants one effect for each."""

    service = "uploader"
    inputs: tuple[Topic, ...] = (POST_REQUESTS,)
    state_type = Counting
    translate = staticmethod(translate)
    on_undecodable = staticmethod(on_undecodable)

    def decide(self, key: StateKey, state: Counting | None, fact: Fact | Due, now: datetime) -> Decision[Counting]:
        return decide(key, state, fact, now)

    def next_effect(self, key: StateKey, state: Counting, now: datetime) -> Act | Wait | None:
        return next_effect(key, state, now)

    def fairness_key(self, state: Counting) -> str:
        del state
        return "t"


PROCESSOR = CountingProcessor()


@dataclass
class RecordingEffects:
    """Carries effects out and remembers them: what the outside saw."""

    acts: list[tuple[str, int]] = field(default_factory=list)
    hook: Any = None

    async def perform(self, key: StateKey, effect: Act, views: Views) -> Fact:
        self.acts.append((key.entity_id, effect.number))
        if self.hook is not None:
            await self.hook(key, effect)
        return Done(effect.number)
