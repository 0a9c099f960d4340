"""The cursor's text, and what is refused as one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from analytics_service.errors import NotACursor
from analytics_service.read_side.cursors import Cursor, parse_cursor

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("id_", ["", "acc_1/post-1/7/2026-05-01T12:00:00+00:00", "ä" * 50])
def test_cursor_written_and_read_is_equal(id_: str) -> None:
    cursor = Cursor(at=AT, id=id_)
    assert parse_cursor(cursor.text()) == cursor
    assert cursor.text().isascii()
    assert not set(cursor.text()) & set("=+/&?# ")


def test_cursor_beyond_the_calendar_is_limited() -> None:
    beyond = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    assert parse_cursor(Cursor(at=beyond, id="x").text()).at == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "x", "e30", "not a cursor", "\ud800", "A" * 900])
def test_parse_cursor_refuses_other_texts(text: str) -> None:
    with pytest.raises(NotACursor, match="unchanged `next`"):
        parse_cursor(text)
