"""Points in time: aware datetimes in UTC, taken from a clock that is passed in."""

from collections.abc import Callable
from datetime import UTC, datetime

UtcDatetime = datetime
Clock = Callable[[], UtcDatetime]


def system_clock() -> UtcDatetime:
    """Read the machine's clock, as an aware datetime in UTC."""
    return datetime.now(UTC)
