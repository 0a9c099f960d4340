"""Logs are one JSON object a line, without secrets, and an outage does not flood them."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from common.service import logs
from common.service.settings import LogSettings

PLANTED = "planted-secret-7f3a"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def written() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("example", LogSettings(), stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_event_is_one_json_line_with_its_fields(written: io.StringIO) -> None:
    structlog.get_logger("a.module").info("post_accepted", post_id="p1", at=datetime(2026, 1, 2, tzinfo=UTC))
    (line,) = lines(written)
    assert line["event"] == "post_accepted"
    assert (line["service"], line["level"], line["logger"]) == ("example", "info", "a.module")
    assert (line["post_id"], line["at"]) == ("p1", "2026-01-02T00:00:00+00:00")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_standard_library_logs_have_the_same_form(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("lost %s of %d", "x", 3)
    (line,) = lines(written)
    assert (line["event"], line["logger"], line["service"]) == ("lost x of 3", "some.library", "example")


def test_levels_are_kept(written: io.StringIO) -> None:
    structlog.get_logger("a.module").debug("too_quiet")
    logging.getLogger("some.library").debug("too quiet")
    for name in ("httpx", "httpcore", "httpcore.http11", "aiokafka.conn"):
        logging.getLogger(name).info("HTTP Request: PUT https://upload/?upload_token=%s", PLANTED)
    assert written.getvalue() == ""


def test_configure_again_replaces_the_first(written: io.StringIO) -> None:
    again = io.StringIO()
    logs.configure("example", LogSettings(), again)
    logging.getLogger("some.library").warning("once")
    assert len(lines(again)) == 1
    assert written.getvalue() == ""


@pytest.mark.parametrize(
    "name", ["token", "access_token", "upload_url", "code", "Authorization", "client-secret", "state_verifier"]
)
def test_secrets_are_redacted_by_name_at_any_depth(written: io.StringIO, name: str) -> None:
    log = structlog.get_logger("a.module")
    log.info("flat", **{name: PLANTED})
    log.info("nested", inside=[{"more": {name: PLANTED}}, ({name: [PLANTED]},)])
    assert len(lines(written)) == 2
    assert PLANTED not in written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"PUT https://host/video/?upload_id=1&upload_token={PLANTED} failed",
        f"redirected to http://127.0.0.1/callback?code={PLANTED}&state=1",
        f"Authorization: Bearer {PLANTED}",
        f'TikTok said "code={PLANTED}" here',
        f'it answered {{"access_token":"{PLANTED}"}}',
        f"it answered {{'refresh_token': '{PLANTED}', 'open_id': 'x'}}",
        f"the key pb_a2b3c4d5e6f7_{PLANTED} does not work",
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_redacted_inside_text_and_tracebacks(text: str, form: str) -> None:
    stream = io.StringIO()
    logs.configure("example", LogSettings.model_validate({"LOG_FORMAT": form}), stream)
    logging.getLogger("some.library").warning(text)
    structlog.get_logger("a.module").warning("call_failed", reason=text)
    try:
        int(text)
    except ValueError:
        structlog.get_logger("a.module").exception("call_failed")
    assert stream.getvalue().count("[redacted]") >= 3
    assert PLANTED not in stream.getvalue()


@dataclass
class Strange:
    said: str


def test_redacted_line_is_still_valid_json(written: io.StringIO) -> None:
    log = structlog.get_logger("a.module")
    log.warning("call_failed", reason=f'said "access_token={PLANTED}"\nand went on', of=Strange(f"Bearer {PLANTED} x"))
    (line,) = lines(written)
    assert line["reason"] == 'said "access_token=[redacted]"\nand went on'
    assert line["of"] == "Strange(said='Bearer [redacted] x')"


def test_traceback_has_no_local_variables(written: io.StringIO) -> None:
    def fail() -> None:
        planted = PLANTED
        raise ValueError(len(planted))

    try:
        fail()
    except ValueError:
        structlog.get_logger("a.module").exception("call_failed")
    (line,) = lines(written)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert PLANTED not in written.getvalue()


def test_error_code_is_no_secret(written: io.StringIO) -> None:
    structlog.get_logger("a.module").info("tiktok_refused", error_code="rate_limit_exceeded", status_code=429, key="p1")
    (line,) = lines(written)
    assert (line["error_code"], line["status_code"], line["key"]) == ("rate_limit_exceeded", 429, "p1")


def flood(filter_: logs.FloodFilter, template: str, *, name: str = "aiokafka.conn", arg: object = 1) -> int | None:
    """The number of hidden records that a passed record carries; None if it was hidden itself."""
    record = logging.LogRecord(name, logging.ERROR, "path", 1, template, (arg,), None)
    return getattr(record, "suppressed", 0) if filter_.filter(record) else None


def test_flood_filter_passes_one_per_interval_and_counts() -> None:
    now = 100.0
    filter_ = logs.FloodFilter("aiokafka", interval=5.0, clock=lambda: now)
    assert flood(filter_, "node %s down") == 0
    assert [flood(filter_, "node %s down", arg=number) for number in range(7)] == [None] * 7
    now += 4.9
    assert flood(filter_, "node %s down") is None
    now += 0.1
    assert flood(filter_, "node %s down") == 8
    assert flood(filter_, "node %s down") is None


def test_flood_filter_separates_templates_and_loggers() -> None:
    filter_ = logs.FloodFilter("aiokafka", interval=5.0, clock=lambda: 1.0)
    assert flood(filter_, "one") == 0
    assert flood(filter_, "two") == 0
    assert flood(filter_, "one", name="aiokafka.client") == 0
    assert [flood(filter_, "ours", name="common.streams") for _ in range(3)] == [0, 0, 0]
    assert [flood(filter_, "not below", name="aiokafkaesque") for _ in range(2)] == [0, 0]


@given(st.lists(st.sampled_from(["a", "b"]), max_size=50))
def test_flood_filter_counts_every_hidden_record(templates: list[str]) -> None:
    now = 0.0
    filter_ = logs.FloodFilter("aiokafka", interval=5.0, clock=lambda: now)
    seen = [flood(filter_, template) for template in templates]
    now = 10.0
    final = [flood(filter_, template) for template in ("a", "b")]
    assert seen.count(None) == sum(count or 0 for count in (*seen, *final))


def test_suppressed_count_is_written(written: io.StringIO) -> None:
    now = 0.0
    logging.getLogger().handlers[0].filters = [logs.FloodFilter("aiokafka", interval=5.0, clock=lambda: now)]
    for number in range(3):
        logging.getLogger("aiokafka.conn").error("node %s down", number)
    now = 6.0
    logging.getLogger("aiokafka.conn").error("node %s down", 4)
    first, second = lines(written)
    assert "suppressed" not in first
    assert (second["event"], second["suppressed"]) == ("node 4 down", 2)
