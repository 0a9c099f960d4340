"""Timers come in order."""

from hypothesis import given
from hypothesis import strategies as st

from tiktok_sandbox.runtime.timer_queue import TimerQueue

WISHES = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 20).map(float))))


@given(wishes=WISHES, now=st.integers(0, 20))
def test_queue_agrees_with_a_plain_list(wishes: list[tuple[int, float | None]], now: int) -> None:
    agenda, plain = TimerQueue(), dict[int, float]()
    for number, moment in wishes:
        if moment is None:
            agenda.remove(number)
            plain.pop(number, None)
        else:
            agenda.schedule(number, moment)
            plain[number] = moment
    due = sorted((moment, number) for number, moment in plain.items() if moment <= now)

    assert agenda.next_due() == min(plain.values(), default=None)
    assert agenda.pop_due(now) == [number for _, number in due]
    assert agenda.pop_due(now) == []
    assert agenda.next_due() == min((each for each in plain.values() if each > now), default=None)
