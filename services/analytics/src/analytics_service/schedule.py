"""The schedule of collecting: at which ages of a post its numbers are wanted."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta

from analytics_service.errors import InvalidAges

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"(\d+)([smhd])")


def parse_ages(text: str) -> tuple[int, ...]:
    """Read `1m,5m,1h,1d` as seconds, rising.

    Raises:
        InvalidAges: nothing there, a part that is not a number and one of s, m, h, d, or ages that do not rise.
    """
    matches = [_AGE.fullmatch(part.strip()) for part in text.split(",")]
    ages = tuple(int(match[1]) * _UNITS[match[2]] for match in matches if match is not None)
    if len(ages) < len(matches) or list(ages) != sorted(set(ages)):
        raise InvalidAges(text)
    return ages


def age_after(ages: Sequence[int], elapsed: timedelta) -> int | None:
    """Find the first age still to come, so that ages slept through are made up for once and not one by one."""
    index = bisect_right(ages, elapsed.total_seconds())
    return ages[index] if index < len(ages) else None
