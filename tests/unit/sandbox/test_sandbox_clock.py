"""The stand-in's time: its pace, its steps, who waits for it, and what of it survives a restart."""

import asyncio
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sandbox_client import Visitor
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock, pace_label
from tiktok_sandbox.server import Server

NOON = 1_795_000_000.0
IN_TIME = 10

STEPS = st.lists(
    st.tuples(
        st.floats(0, 1e5),
        st.one_of(
            st.floats(0, 1e6).map(lambda seconds: ("advance", seconds)),
            st.floats(0.01, 1e4).map(lambda factor: ("factor", factor)),
            st.booleans().map(lambda manual: ("manual", manual)),
        ),
    )
)


class RealTime:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def real() -> RealTime:
    return RealTime()


def test_time_is_real_by_default(real: RealTime) -> None:
    clock = Clock(real)
    real.now += 5

    assert (clock.now(), clock.ahead) == (NOON + 5, 0)


def test_time_may_pass_faster_and_be_moved_meanwhile(real: RealTime) -> None:
    clock = Clock(real)
    clock.change_pace(factor=60)
    real.now += 10
    clock.advance(5)
    real.now += 1

    assert clock.now() == NOON + 600 + 5 + 60
    assert clock.ahead == 600 + 5 + 60 - 11


def test_time_stands_still_until_it_is_moved(real: RealTime) -> None:
    clock = Clock(real)
    clock.change_pace(factor=60, manual=True)
    real.now += 1_000
    stood = clock.now()
    clock.advance(7)
    clock.change_pace(manual=False)
    real.now += 1

    assert (stood, clock.now()) == (NOON, NOON + 7 + 60)


@given(steps=STEPS)
def test_time_never_goes_back(steps: list[tuple[float, tuple[str, float | bool]]]) -> None:
    real = RealTime()
    clock = Clock(real)
    last = clock.now()
    for passed, (kind, value) in steps:
        real.now += passed
        if kind == "advance":
            clock.advance(value)
        elif kind == "factor":
            clock.change_pace(factor=value)
        else:
            clock.change_pace(manual=bool(value))
        assert clock.now() >= last
        last = clock.now()


def test_a_real_clock_set_back_does_not_take_time_back(real: RealTime) -> None:
    clock = Clock(real)
    real.now -= 3_600

    assert clock.now() == NOON


@pytest.mark.parametrize("factor", [0, -1, float("inf"), float("nan")])
def test_a_pace_that_is_none_is_refused(real: RealTime, factor: float) -> None:
    with pytest.raises(ValueError, match="not positive"):
        Clock(real).change_pace(factor=factor)
    with pytest.raises(ValueError, match="only forward"):
        Clock(real).advance(-1)


@pytest.mark.parametrize("manual", [True, False])
async def test_who_waits_is_woken_when_the_clock_is_moved(real: RealTime, *, manual: bool) -> None:
    clock = Clock(real)
    clock.change_pace(manual=manual)
    waiting = asyncio.create_task(clock.wait_until(NOON + 3_600))
    await asyncio.sleep(0)
    clock.advance(3_599)
    for _ in range(5):
        await asyncio.sleep(0)
    too_early = waiting.done()
    clock.advance(1)
    async with asyncio.timeout(IN_TIME):
        await waiting

    assert not too_early


async def test_who_waits_is_woken_when_the_pace_changes() -> None:
    clock = Clock()
    clock.change_pace(manual=True)
    waiting = asyncio.create_task(clock.wait_until(clock.now() + 36_000))
    await asyncio.sleep(0)
    clock.change_pace(factor=1_000_000, manual=False)

    async with asyncio.timeout(IN_TIME):
        await waiting


async def test_the_admin_api_changes_pace_and_moves(visitor: Visitor, clock: Clock) -> None:
    start = clock.now()
    faster = (await visitor.http.post("/_sandbox/clock", json={"factor": 60})).json()
    still = (await visitor.http.post("/_sandbox/clock", json={"manual": True, "seconds": 30})).json()
    seen = (await visitor.http.get("/_sandbox/clock")).json()
    on = (await visitor.http.post("/_sandbox/clock", json={"factor": 1})).json()

    assert faster == {"now": start, "ahead": 0, "factor": 60, "manual": False}
    assert still == seen == {"now": start + 30, "ahead": 30, "factor": 60, "manual": True}
    assert (on["factor"], on["manual"]) == (1, False)


@pytest.mark.parametrize("wish", [{"seconds": -1}, {"factor": 0}, {"factor": 1e9}, {"speed": 2}, []])
async def test_a_wish_no_clock_can_fulfil_is_refused(visitor: Visitor, wish: object) -> None:
    assert (await visitor.http.post("/_sandbox/clock", json=wish)).status_code == 422


async def test_a_clock_that_stood_still_does_so_after_a_restart(tmp_path: Path) -> None:
    seen = []
    for wish in ({"manual": True, "factor": 60}, {"seconds": 5}, {}):
        async with (
            Server(Settings(), state_folder=tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            seen.append((await http.post("/_sandbox/clock", json=wish)).json())

    assert [each["now"] - seen[0]["now"] for each in seen] == [0, 5, 5]
    assert {(each["factor"], each["manual"]) for each in seen} == {(60, True)}


def test_the_pace_in_words(real: RealTime) -> None:
    clock = Clock(real)
    words = [pace_label(clock.pace)]
    clock.change_pace(factor=60)
    words.append(pace_label(clock.pace))
    clock.change_pace(manual=True)
    words.append(pace_label(clock.pace))

    assert words == ["", "60 times faster", "stopped"]
