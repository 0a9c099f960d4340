"""What a service hands to the runtime: its pure functions and its effects. No Kafka word appears here."""

from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from common.clock import UtcDatetime
from common.contract.body import Body
from common.contract.codec import Envelope, EventError
from common.contract.topics import Topic

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
S_co = TypeVar("S_co", covariant=True)
F_co = TypeVar("F_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)
E_contra = TypeVar("E_contra", contravariant=True)


class StateKey(NamedTuple):
    """Names one state: the account whose lane it is in, and the item there ("" is the account's own state)."""

    partition_key: str
    entity_id: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """The fact that a time which `todo` waited for has come."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`."""

    until: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Background(Generic[E_co]):
    """An effect for the time before `until`, in the background: no other effect ever waits for one of these."""

    effect: E_co
    until: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Generic[S_co]):
    """What a fact changes: the state from now on (`None` forgets it) and the events to emit with it."""

    state: S_co | None
    events: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyedFact(Generic[F_co]):
    """A fact and the state it is about."""

    key: StateKey
    fact: F_co


@dataclass(frozen=True, slots=True)
class EffectRequest(Generic[E_co]):
    """An effect that a committed state wants started. Those in the `background` have places of their own."""

    key: StateKey
    effect: E_co
    background: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityGroup(Generic[S_co]):
    """One account's committed states, and which of them have an effect running."""

    partition_key: str
    states: Mapping[str, S_co]
    running: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Which wishes may start now, and when to look at the others again."""

    start: tuple[StateKey, ...]
    retry_at: UtcDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRecord:
    """A record from outside that could not be read: enough of it to say why and to find it again."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    error: EventError


class Views(Protocol):
    """The compacted topics a task reads beside its state, as they stand now."""

    def get(self, topic: Topic, account_id: str) -> Body | None:
        """Return the newest record of the account on that view, if there is one."""


class Effects(Protocol[E_contra, F_co]):
    """Carries effects out. Every outcome is a fact; an exception is a bug and is retried with back-off."""

    async def perform(self, key: StateKey, effect: E_contra, views: Views) -> F_co:
        """Do it and say what came of it. May be cancelled where the effect is safe to repeat."""


def start_all(lane: EntityGroup[S], wishes: Sequence[EffectRequest[E]], now: UtcDatetime) -> Admission:
    """Admit every wish: for machines whose effects know no limit per account."""
    del lane, now
    return Admission(start=tuple(wish.key for wish in wishes))


def ignore_view_change(key: StateKey, state: object, record: Body) -> None:
    """Notice nothing: for machines whose states never wait for a view."""
    del key, state, record


def hand_off_nothing(key: StateKey, fact: object) -> None:
    """Salvage nothing: for machines whose lost outcomes cost nothing but another call."""
    del key, fact


async def ignore_restored(partition: int, states: AsyncIterable[tuple[StateKey, object]]) -> None:
    """Look at nothing: for machines that can work with every state they can read."""
    del partition, states


def ignore_undecodable(outsider: ForeignRecord) -> None:
    """Leave it at the dead letter."""
    del outsider


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor(Generic[S, F, E]):
    """A worker as three pure functions and its translations.

    interpret: which fact an input event is, and for which state; `None` where it is not for this service.
    decide: what a fact changes. Facts may come twice or late. `Due` is offered when a `Wait` or `Background` is over.
    todo: the one thing a committed state wants: an effect, to wait, an effect while it waits, or nothing.
    admit: which of an account's wishes may start now. Wishes it names start; it is asked again on every change.
    notice: a fact that a view's record means for a waiting state, or `None`. Asked whenever either changes.
    salvage: an event that carries an outcome which must not be lost when the partition is; already sealed.
    tenant: whose state it is, so that process-wide slots go round tenants.
    illegible: a fact for outside input that is dead-lettered, where it can be told which state it was about.
    inspect: is shown the states of a partition when it was read back, to tell people what it cannot work with. Has
        time: others get their turns between two states.
    uninterruptible: effects whose call must be let finish, since repeating it is not free (init, refresh).
    """

    service: str
    inputs: tuple[Topic, ...]
    views: tuple[Topic, ...] = ()
    state_type: object
    translate: Callable[[Envelope[Body]], KeyedFact[F] | None]
    decide: Callable[[StateKey, S | None, F | Due, UtcDatetime], Decision[S]]
    next_effect: Callable[[StateKey, S, UtcDatetime], E | Background[E] | Wait | None]
    admit: Callable[[EntityGroup[S], Sequence[EffectRequest[E]], UtcDatetime], Admission] = start_all
    on_view_change: Callable[[StateKey, S, Body], F | None] = ignore_view_change
    hand_off: Callable[[StateKey, F], Body | None] = hand_off_nothing
    fairness_key: Callable[[S], str]
    on_undecodable: Callable[[ForeignRecord], KeyedFact[F] | None] = ignore_undecodable
    on_restored: Callable[[int, AsyncIterable[tuple[StateKey, S]]], Awaitable[None]] = ignore_restored
    uninterruptible: tuple[type, ...] = ()
