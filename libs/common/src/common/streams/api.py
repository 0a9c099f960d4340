"""What a service hands to the runtime: its pure functions and its effects. Kafka does not appear here.

record → translate → fact → decide → state and events, committed → next_effect → admit → effect → result, a fact again
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Mapping, Sequence
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
    """Names one state.

    `partition_key` decides the partition; it is the account's id, or the tenant's for states that belong to no account.
    `entity_id` is the post's id within it; the account's own state has "".
    """

    partition_key: str
    entity_id: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """The fact that the time of a `Wait` or `Background` has come."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The state wants nothing before `until`. Then `decide` gets a `Due`."""

    until: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Background(Generic[E_co]):
    """An effect that may be carried out while the state waits. Then, at `until`, `decide` gets a `Due`.

    It has permits of its own, so that no other effect ever waits for one of these.
    """

    effect: E_co
    until: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Generic[S_co]):
    """The state after a fact (`None` deletes it), and the events to publish in the same transaction."""

    state: S_co | None
    events: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyedFact(Generic[F_co]):
    """A fact, and the key of the state that it is for."""

    key: StateKey
    fact: F_co


@dataclass(frozen=True, slots=True)
class EffectRequest(Generic[E_co]):
    """An effect that a committed state wants started."""

    key: StateKey
    effect: E_co
    background: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityGroup(Generic[S_co]):
    """The committed states with one partition key, by entity id, and which of them have an effect running."""

    partition_key: str
    states: Mapping[str, S_co]
    running: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Which requested effects may start now, and when to ask again for the others without another reason to."""

    start: tuple[StateKey, ...]
    retry_at: UtcDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRecord:
    """A record from outside that cannot be decoded: where it is, its bytes, and why."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    error: EventError


class Views(Protocol):
    """The views that an effect may look things up in: compacted topics, as far as this task has read them."""

    def get(self, topic: Topic, account_id: str) -> Body | None:
        """Return the newest record of the account on that view, or None."""


class ReadOnlyView(Protocol):
    """A whole compacted topic in memory, as an edge may use it: `WholeView` without its reading."""

    @property
    def ready(self) -> bool:
        """Whether it was read to its end within the last 10 s. An edge must not answer from it otherwise."""

    def get(self, key: str, /) -> Body | None:
        """Return the newest record of a key."""

    def all(self) -> Iterable[tuple[str, Body]]:
        """Return every key with its newest record."""

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds()`, which is asked after each new record. Return whether it held within the time."""


class EffectHandler(Protocol[E_contra, F_co]):
    """Carries effects out: the only part of a worker that calls other systems."""

    async def perform(self, key: StateKey, effect: E_contra, views: Views) -> F_co:
        """Carry the effect out and return its result as a fact.

        Called only for effects that a committed state wants. Whatever the other system answers is a result, also that
        it did not answer. An exception is a bug: it is logged, and the effect is tried again with a growing pause. It
        may be cancelled at any await, unless its class is `uninterruptible`. It may be called again for an effect that
        was carried out, if its result was not committed.
        """


class Processor(ABC, Generic[S, F, E]):
    """What a service hands to the runtime: its inputs, its states, and pure functions over them.

    A service writes one subclass for each of its workers and passes an instance to `run_worker`. Most of the functions
    stand in modules of their own and are taken over by name (`decide = staticmethod(decide)`).

    Apart from `on_restored`, no method may await, read a clock, log or keep a memory of its own. The simulation repeats
    them, a reopened partition calls them again, and both must come to the same end. Arguments are passed by position.
    """

    service: str
    """The service's name. It names the state topic, the transactional ids and the dead letters."""
    inputs: tuple[Topic, ...]
    """Topics whose records become facts. All have the same partition count."""
    views: tuple[Topic, ...] = ()
    """Compacted topics that are only looked things up in. They are read to their end before the partition serves."""
    state_type: object
    """The union of the state classes, as msgspec decodes it from the state topic."""
    uninterruptible: tuple[type, ...] = ()
    """Effect classes whose call is never cancelled, because repeating it is not free."""

    @abstractmethod
    def translate(self, envelope: Envelope[Body], /) -> KeyedFact[F] | None:
        """Turn an input event into a fact, and name the state that it is for.

        Called once for each record of `inputs` that could be decoded. Return `None` if the event is not for this
        service: then only the input position advances. An exception stops the partition, unless the topic is written
        from outside: its record goes to the dead letters instead.
        """

    @abstractmethod
    def decide(self, key: StateKey, state: S | None, fact: F | Due, now: UtcDatetime, /) -> Decision[S]:
        """Return the state after a fact, and the events that are published in the same transaction.

        Called for every fact: from `translate`, from `on_view_change`, an effect's result, and `Due` when a `Wait` or
        `Background` is over. `state` is `None` if there is none yet. A fact may come twice or late: then return the
        same state object without events, which writes nothing. It may be called again for the same fact after a
        transaction in doubt, so it must depend on its arguments alone. An exception stops the partition.
        """

    @abstractmethod
    def next_effect(self, key: StateKey, state: S, now: UtcDatetime, /) -> E | Background[E] | Wait | None:
        """Return the one thing that a committed state wants next.

        An effect to carry out, a `Wait`, an effect to carry out in the `Background` while it waits, or `None`. Called
        after each commit that touched the state, and again right before an effect starts. It is the only memory of
        what is to be done: after a restart the runtime asks again and starts what it answers. An exception stops the
        partition, and each later owner of it.
        """

    @abstractmethod
    def fairness_key(self, state: S, /) -> str:
        """Return the tenant that the state belongs to.

        Permits for effects are shared by the whole process and given out round-robin over these keys. One tenant with
        many posts therefore cannot delay the others.
        """

    def admit(self, group: EntityGroup[S], requests: Sequence[EffectRequest[E]], now: UtcDatetime, /) -> Admission:
        """Choose which of one account's requested effects may start now.

        Called whenever a state of the account changes, an effect of it ends, or `retry_at` has come. Requests that are
        not admitted stay and are offered again. Each key in the answer must be one of the requests. By default all
        may start, for services whose effects have no limit per account.
        """
        del group, now
        return Admission(start=tuple(request.key for request in requests))

    def on_view_change(self, key: StateKey, state: S, record: Body, /) -> F | None:
        """Return the fact that a view's record means for a state, or `None`.

        Called when the state changes and when the newest record of its account on a view does, with each view's record
        in turn. A state that waits for a credential learns in this way that there is one. It must return `None` once
        the state no longer waits for it, since it is called again. By default views change no state.
        """
        del key, state, record
        return None

    def hand_off(self, key: StateKey, fact: F, /) -> Body | None:
        """Return an event that carries an effect's result to the partition's next owner, or `None`.

        Called for each result that could not be committed before the partition was given up. The event is published
        outside a transaction, so it may come twice, and secrets in it must be sealed already. By default results are
        dropped: the next owner carries the effect out again.
        """
        del key, fact
        return None

    async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, S]], /) -> None:
        """Look at the states of a partition that was just restored, before it serves.

        Called each time a partition opens. Meant to warn operators about states that this configuration cannot work
        with. It must not change anything; an exception stops the partition. By default it looks at nothing.
        """
        del partition, states

    def on_undecodable(self, record: ForeignRecord, /) -> KeyedFact[F] | None:
        """Return a fact for a record from outside that cannot be decoded, or `None`.

        Called only for topics that are written from outside, after the record's dead letter was made. Meant for
        records that still show which state they are about, so that their sender gets an answer. By default the dead
        letter is all.
        """
        del record
        return None
