"""States that an older version wrote under other names: they go on under today's, and are in the log but once."""

from dataclasses import replace
from datetime import UTC, datetime

from common.contract.body import Body
from common.streams.api import Addressed, Decision, Due, Key
from common.streams.engine.changelog import Entry, Journal
from common.streams.engine.inputs import Offered
from common.streams.engine.state_store import Book, Draft
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import Outgoing
from fakes.counting_processor import PROCESSOR, Act, Asked, Counting, Fact, RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = Key("acc", "a"), Key("acc", "t/a")
ONE, TWO = Counting(asked=1, done=1), Counting(asked=2, done=2)
RENAMED = replace(
    PROCESSOR,
    rename=lambda key, _state: key if "/" in key.item else Key(key.lane, f"t/{key.item}"),
    interpret=lambda envelope: Addressed(Key("acc", f"t/{envelope.body.subject}"), Asked(envelope.body.subject)),
)


def journal() -> Journal[Counting]:
    return Journal(service="uploader", partition=0, state_type=Counting)


def written(store: MemoryStore) -> dict[Key, Counting]:
    """What the log says, read from its beginning, as it was written."""
    states: dict[Key, Counting] = {}
    for record in store.records[journal().slice]:
        match journal().read(record):
            case Entry(key=key, state=None):
                states.pop(key, None)
            case Entry(key=key, state=Counting() as state):
                states[key] = state
            case _:
                pass  # how far the inputs are read
    return states


def test_a_state_of_before_is_gone_on_with_and_not_begun_anew() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert written(store) == {OLD: Counting(asked=1, done=1)}
        for number in (2, 3):
            append_requests(store, request_json("a"))
            await serve_for(task_over(MemoryLog(store), effects, machine=RENAMED), 1)
            assert written(store) == {NEW: Counting(asked=number, done=number)}
        assert [number for _, number in effects.acts] == [1, 2, 3]
        assert [revision for _, revision in events_in(store)] == [1, 2, 3]

    virtual_time.run(main())


def book_of(*states: tuple[Key, Counting]) -> Book[Counting]:
    book: Book[Counting] = Book()
    for key, state in states:
        book.put(key, state, "00-trace")
    for key, state in states:
        book.rename(key, RENAMED.rename(key, state))
    return book


def change(book: Book[Counting], key: Key, state: Counting | None) -> dict[bytes | None, bool]:
    """Let a state become this; return the names in the log that are written, and whether with a state."""
    machine = replace(RENAMED, decide=lambda *_: Decision(state=state))
    draft: Draft[Counting, Fact, Act] = Draft(machine, book, NOW)
    draft.take(Offered(key=key, fact=Due()))
    *states, _ = draft.records(journal(), {}, no_event)
    draft.settle()
    return {record.key: record.value is not None for record in states}


def no_event(body: Body, trace: str | None) -> Outgoing:
    raise AssertionError(body, trace)


def test_a_state_is_found_under_todays_name_with_its_trace() -> None:
    book = book_of((OLD, ONE))
    assert (list(book.all()), book.trace(NEW), book.trace(OLD)) == ([(NEW, ONE)], "00-trace", None)


def test_the_older_name_is_dropped_once_with_the_first_change() -> None:
    book = book_of((OLD, ONE))
    assert change(book, NEW, TWO) == {b"acc/t/a": True, b"acc/a": False}
    assert change(book, NEW, ONE) == {b"acc/t/a": True}


def test_what_is_forgotten_is_forgotten_under_both_names() -> None:
    book = book_of((OLD, ONE))
    assert change(book, NEW, None) == {b"acc/t/a": False, b"acc/a": False}
    assert change(book, NEW, ONE) == {b"acc/t/a": True}


def test_no_state_is_lost_where_todays_name_is_taken() -> None:
    book = book_of((NEW, TWO), (OLD, ONE))
    assert dict(book.all()) == {NEW: TWO, OLD: ONE}
    assert change(book, NEW, ONE) == {b"acc/t/a": True}
