"""The runtime's parts on their own: timers, places, journals."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.streams import Record, StateKey
from common.streams.engine.changelog import Changelog, Position, StateRecord
from common.streams.engine.decoding import UnreadableRecord
from common.streams.engine.fair_limiter import FairLimiter, Waiter
from common.streams.engine.timers import TimerQueue
from fakes.counting_processor import Counting

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_alarms_come_in_order_and_once() -> None:
    alarms: TimerQueue[str] = TimerQueue()
    alarms.set("late", at(9))
    alarms.set("early", at(1))
    assert alarms.next() == at(1)
    assert alarms.due(at(10)) == ["early", "late"]
    assert alarms.due(at(10)) == []


def test_setting_an_alarm_again_replaces_it() -> None:
    alarms: TimerQueue[str] = TimerQueue()
    alarms.set("a", at(1))
    alarms.set("a", at(5))
    assert alarms.due(at(4)) == []
    assert alarms.due(at(5)) == ["a"]


def test_a_cancelled_alarm_is_silent() -> None:
    alarms: TimerQueue[str] = TimerQueue()
    alarms.set("a", at(1))
    alarms.cancel("a")
    assert alarms.next() is None


FOREGROUND = Waiter(tenant="", account="", begin=bool)


def tickets(order: list[str], *wanted: tuple[str, str]) -> list[Waiter]:
    def begin(name: str) -> Waiter:
        tenant, lane = name.split("/")

        def take() -> bool:
            order.append(name)
            return not name.startswith("gone")

        return Waiter(tenant=tenant, account=lane, begin=take)

    return [begin(f"{tenant}/{lane}") for tenant, lane in wanted]


def test_free_places_go_round_tenants_then_accounts() -> None:
    order: list[str] = []
    slots = FairLimiter(0)
    for ticket in tickets(order, ("big", "a"), ("big", "a"), ("big", "b"), ("big", "a"), ("small", "z")):
        slots.acquire(ticket)
    for _ in range(5):
        slots.release(FOREGROUND)
    assert order == ["big/a", "small/z", "big/b", "big/a", "big/a"]


def test_who_no_longer_wants_a_place_leaves_it_to_the_next() -> None:
    order: list[str] = []
    slots = FairLimiter(0)
    for ticket in tickets(order, ("gone", "a"), ("gone", "b"), ("t", "c")):
        slots.acquire(ticket)
    slots.release(FOREGROUND)
    assert order == ["gone/a", "t/c"]
    slots.release(FOREGROUND)
    assert order == ["gone/a", "t/c", "gone/b"]
    for ticket in tickets(order, ("t", "d")):
        slots.acquire(ticket)
    assert order[3:] == ["t/d"]


def test_who_withdraws_is_passed_over() -> None:
    order: list[str] = []
    slots = FairLimiter(0)
    first, second = tickets(order, ("t", "a"), ("t", "b"))
    slots.acquire(first)
    slots.acquire(second)
    slots.cancel(first)
    slots.release(FOREGROUND)
    slots.release(FOREGROUND)
    assert order == ["t/b"]


@pytest.mark.parametrize(("places", "begin"), [(1, 1), (4, 1), (8, 2), (16, 4)])
def test_the_background_has_a_few_places_of_its_own(places: int, begin: int) -> None:
    order: list[str] = []
    slots = FairLimiter(places)
    queue = [replace(ticket, background=True) for ticket in tickets(order, *[("t", "look")] * 5)]
    for ticket in queue:
        slots.acquire(ticket)
    assert order == ["t/look"] * begin
    for ticket in tickets(order, *[("t", "refresh")] * (places + 1)):
        slots.acquire(ticket)
    assert order == ["t/look"] * begin + ["t/refresh"] * places
    slots.release(queue[0])
    assert order[-1] == "t/look"
    slots.release(FOREGROUND)
    assert order[-1] == "t/refresh"


def test_no_more_begin_than_there_are_places() -> None:
    order: list[str] = []
    slots = FairLimiter(2)
    for ticket in tickets(order, ("t", "a"), ("t", "b"), ("t", "c")):
        slots.acquire(ticket)
    assert order == ["t/a", "t/b"]


def journal() -> Changelog[Counting]:
    return Changelog(service="uploader", partition=3, state_type=Counting)


def record(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = ()) -> Record:
    return Record(topic_partition=journal().topic_partition, offset=7, key=key, value=value, headers=headers)


def test_a_state_is_read_back_with_its_trace() -> None:
    written = journal().put(StateKey("acc", "post"), Counting(asked=2, not_before=T0), "00-trace")
    entry = journal().read(record(written.key, written.value, tuple(written.headers)))
    assert isinstance(entry, StateRecord)
    assert (entry.key, entry.state, entry.trace) == (
        StateKey("acc", "post"),
        Counting(asked=2, not_before=T0),
        "00-trace",
    )


@pytest.mark.parametrize(("raw", "trace"), [(None, None), (b"\xff", "\ufffd")])
def test_a_trace_that_is_none_is_no_reason_to_stop(raw: bytes | None, trace: str | None) -> None:
    written = journal().put(StateKey("acc", "post"), Counting(asked=2), None)
    entry = journal().read(record(written.key, written.value, (("traceparent", raw),)))
    assert isinstance(entry, StateRecord)
    assert entry.trace == trace


def test_a_forgotten_state_is_a_tombstone() -> None:
    written = journal().put(StateKey("acc", ""), None, None)
    entry = journal().read(record(written.key, written.value))
    assert isinstance(entry, StateRecord)
    assert (entry.key, entry.state) == (StateKey("acc", ""), None)


def test_the_position_is_read_back() -> None:
    written = journal().put_position({"post.requests": 12}, T0)
    assert journal().read(record(written.key, written.value)) == Position(offsets={"post.requests": 12}, at=T0)


@pytest.mark.parametrize("value", [b"not json", b'{"type":"of_a_newer_version"}', b'{"type":"counting"}'])
def test_a_state_that_cannot_be_read_stops_the_partition(value: bytes) -> None:
    with pytest.raises(UnreadableRecord, match=r"uploader\.state/3 at offset 7"):
        journal().read(record(b"acc/post", value))
