"""Pauses between attempts grow up to a limit, and their jitter depends on the text alone."""

from datetime import timedelta

import pytest

from common.backoff import exponential, stable_jitter

FIRST, LONGEST = timedelta(seconds=1), timedelta(minutes=5)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 2), (2, 4), (8, 256), (9, 300), (16, 300)])
def test_exponential_doubles_up_to_the_longest_pause(failures: int, seconds: int) -> None:
    assert exponential(FIRST, LONGEST, failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize("failures", [32, 1000, 1024, 10**6, 2**63])
def test_exponential_after_very_many_failures_is_the_longest(failures: int) -> None:
    assert exponential(FIRST, LONGEST, failures) == LONGEST
    assert exponential(0.05, 2.0, failures) == 2.0


def test_exponential_takes_seconds() -> None:
    assert [exponential(0.05, 2.0, n) for n in range(7)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0]


def test_exponential_grows_by_the_given_factor() -> None:
    assert exponential(FIRST, LONGEST, 3, growth=1.5) == timedelta(seconds=3.375)


def test_exponential_never_exceeds_the_longest_at_first() -> None:
    assert exponential(LONGEST, FIRST, 0) == FIRST


def test_stable_jitter_is_the_same_for_the_same_text() -> None:
    assert stable_jitter("acc_1|3") == stable_jitter("acc_1|3") == pytest.approx(0.9322, abs=1e-4)


def test_stable_jitter_spreads_texts_evenly() -> None:
    values = sorted(stable_jitter(f"acc_{number}") for number in range(1000))
    assert values[0] >= 0
    assert values[-1] < 1
    assert max(abs(value - number / 1000) for number, value in enumerate(values)) < 0.06
