"""The sandbox's clock: pace, steps, and waiting."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_sandbox.runtime.clock import Clock, pace_label

NOON = 1_795_000_000.0


class RealTime:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def real() -> RealTime:
    return RealTime()


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


IN_TIME = 10


def test_clock_shows_real_time_by_default(real: RealTime) -> None:
    clock = Clock(real)
    real.now += 5

    assert (clock.now(), clock.ahead) == (NOON + 5, 0)


def test_fast_clock_can_be_advanced(real: RealTime) -> None:
    clock = Clock(real)
    clock.change_pace(factor=60)
    real.now += 10
    clock.advance(5)
    real.now += 1

    assert clock.now() == NOON + 600 + 5 + 60
    assert clock.ahead == 600 + 5 + 60 - 11


def test_manual_clock_stops_until_it_is_advanced(real: RealTime) -> None:
    clock = Clock(real)
    clock.change_pace(factor=60, manual=True)
    real.now += 1_000
    stood = clock.now()
    clock.advance(7)
    clock.change_pace(manual=False)
    real.now += 1

    assert (stood, clock.now()) == (NOON, NOON + 7 + 60)


@given(steps=STEPS)
def test_clock_never_goes_back(steps: list[tuple[float, tuple[str, float | bool]]]) -> None:
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


def test_clock_ignores_a_real_clock_set_back(real: RealTime) -> None:
    clock = Clock(real)
    real.now -= 3_600

    assert clock.now() == NOON


@pytest.mark.parametrize("factor", [0, -1, float("inf"), float("nan")])
def test_invalid_factor_is_refused(real: RealTime, factor: float) -> None:
    with pytest.raises(ValueError, match="not positive"):
        Clock(real).change_pace(factor=factor)
    with pytest.raises(ValueError, match="only forward"):
        Clock(real).advance(-1)


@pytest.mark.parametrize("manual", [True, False])
async def test_wait_ends_when_the_clock_is_advanced(real: RealTime, *, manual: bool) -> None:
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


async def test_wait_ends_when_the_pace_changes() -> None:
    clock = Clock()
    clock.change_pace(manual=True)
    waiting = asyncio.create_task(clock.wait_until(clock.now() + 36_000))
    await asyncio.sleep(0)
    clock.change_pace(factor=1_000_000, manual=False)

    async with asyncio.timeout(IN_TIME):
        await waiting


def test_pace_label_describes_unusual_paces(real: RealTime) -> None:
    clock = Clock(real)
    words = [pace_label(clock.pace)]
    clock.change_pace(factor=60)
    words.append(pace_label(clock.pace))
    clock.change_pace(manual=True)
    words.append(pace_label(clock.pace))

    assert words == ["", "60 times faster", "stopped"]
