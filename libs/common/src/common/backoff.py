"""Pauses between attempts: growing ones, and a jitter that a restart does not change."""

import hashlib
from datetime import timedelta
from typing import Final, TypeVar

Pause = TypeVar("Pause", timedelta, float)
"""A `timedelta`, or a number of seconds."""

DOUBLING: Final = 2.0


def exponential(first: Pause, longest: Pause, n: int, *, growth: float = DOUBLING) -> Pause:
    """Return the pause after `n` earlier failures: `first`, then longer by `growth` each time, up to `longest`.

    `first` and `longest` are both timedeltas or both seconds. Any `n` is safe, also that of an outage of weeks.
    """
    try:
        return min(first * growth**n, longest)
    except OverflowError:
        # A float overflows near `n` = 1024, a timedelta far earlier.
        return longest


def stable_jitter(text: str) -> float:
    """Return a number from 0 up to, but not including, 1 that depends on the text alone.

    Different texts are spread evenly, so that many accounts do not call at the same moment. Pure functions use it in
    place of a random number: a plan that is computed again after a restart comes to the same time.
    """
    # Not `hash()`: Python salts it in each process, so a restart would change the time.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
