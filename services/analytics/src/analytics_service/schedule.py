"""The schedule of collecting: the ages of a post at which its statistics are collected."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta

from analytics_service.errors import InvalidAges

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"(\d+)([smhd])")


def parse_ages(text: str) -> tuple[int, ...]:
    """Return the ages of a text such as `1m,5m,1h,1d` in seconds, rising.

    Raises:
        InvalidAges: the text is empty, a part is not a number with s, m, h or d, or the ages do not rise.
    """
    matches = [_AGE.fullmatch(part.strip()) for part in text.split(",")]
    ages = tuple(int(match[1]) * _UNITS[match[2]] for match in matches if match is not None)
    # Equal ages would be one age twice, and one that falls would never be reached.
    if len(ages) < len(matches) or list(ages) != sorted(set(ages)):
        raise InvalidAges(text)
    return ages


def age_after(ages: Sequence[int], elapsed: timedelta) -> int | None:
    """Return the first age that is still to come, or None after the last one.

    Ages that passed during an outage are skipped by this: statistics exist for the present only, so collecting each
    missed age would store the same numbers several times.
    """
    index = bisect_right(ages, elapsed.total_seconds())
    return ages[index] if index < len(ages) else None
