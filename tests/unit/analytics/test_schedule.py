"""How the schedule of ages is read and followed."""

from datetime import timedelta

import pytest

from analytics_service.errors import InvalidAges
from analytics_service.schedule import age_after, parse_ages


def test_parse_ages_returns_seconds() -> None:
    assert parse_ages("30s, 5m,1h,2d") == (30, 300, 3600, 172800)


@pytest.mark.parametrize("text", ["", "5", "5m,", "5m,1m", "5m,5m", "1w", "-5m", "1.5h"])
def test_parse_ages_refuses_what_is_no_schedule(text: str) -> None:
    with pytest.raises(InvalidAges, match="have to rise and look like"):
        parse_ages(text)


def test_age_after_is_always_in_the_future() -> None:
    assert age_after((60, 300), timedelta(seconds=59.9)) == 60
    assert age_after((60, 300), timedelta(seconds=60)) == 300
    assert age_after((60, 300), timedelta(seconds=300)) is None
