"""Configures logging: one JSON object per line on stderr, for structlog and for the standard library."""

import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger

from common.service.redaction import REDACTED
from common.service.settings import LogSettings

FLOOD_INTERVAL_SECONDS: Final = 5.0
"""Seconds between two lines of one message template of aiokafka."""
_LIBRARY_LEVELS: Final = {
    "httpx": logging.WARNING,  # logs whole URLs at INFO, and an upload URL is a secret
    "httpcore": logging.WARNING,
    "uvicorn": logging.WARNING,
    "aiokafka": logging.WARNING,
}
_SECRET_NAMES: Final = frozenset(
    {
        *("api_key", "authorization", "code", "cookie", "grant", "password", "private_key"),
        *("secret", "set_cookie", "token", "upload_url", "verifier"),
    }
)
_SECRET_ENDINGS: Final = ("_token", "_secret", "_password", "_private_key", "_upload_url", "_verifier")
_SECRET_IN_TEXT: Final = re.compile(
    r"\b(?P<name>upload_token|access_token|refresh_token|client_secret|code|code_verifier)=[^&\s\"'\\]+"
    r"|(?P<member>\b(?:upload_token|access_token|refresh_token|client_secret|code_verifier)[\"']\s*:\s*[\"'])[^\"'\\]+"
    r"|\b(?P<scheme>[Bb]earer)\s+[^\s\"'\\]+"
    r"|\b(?P<api_key>pb_[a-z2-7]{12})_[\w-]+"
)
_MOST_TEMPLATES: Final = 1_000
"""Bounds the memory: a library that puts values into its templates never repeats one."""


class FloodFilter(logging.Filter):
    """Passes one record per interval for each logger and message template; the next one has the number hidden.

    In a broker outage aiokafka writes hundreds of lines per second that differ only in their arguments.
    """

    def __init__(self, prefix: str, *, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Filter the loggers below `prefix`; all others pass."""
        super().__init__(prefix)
        self._interval = interval
        self._clock = clock
        self._seen: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record. Sets `suppressed` on one that follows hidden ones."""
        if not super().filter(record):
            return True  # not below the prefix
        template, now = (record.name, record.msg), self._clock()
        last, hidden = self._seen.get(template, (float("-inf"), 0))
        if now - last < self._interval:
            self._seen[template] = (last, hidden + 1)
            return False
        if hidden:
            record.suppressed = hidden
        if len(self._seen) >= _MOST_TEMPLATES:
            # Forgetting them all costs some repeated lines, and no order has to be kept.
            self._seen.clear()
        self._seen[template] = (now, 0)
        return True


def configure(service: str, settings: LogSettings | None = None, stream: TextIO | None = None) -> None:
    """Send every log of the process to stderr, with `service` in each. A second call replaces the first."""
    settings = settings or LogSettings()
    before = _processors(service)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(FloodFilter("aiokafka", interval=FLOOD_INTERVAL_SECONDS))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_count_suppressed, *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(settings)],
        )
    )
    root = logging.getLogger()
    # Replaced, not added: two handlers would write each line twice.
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    # `max` with the root: a level of ERROR for all must not let their warnings pass.
    for name, level in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    logging.captureWarnings(capture=True)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide secrets. This is the second line of defence: the first is not to log them."""
    return cast("EventDict", _redacted(event))


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret. `code` is OAuth's; TikTok's codes are named `error_code`."""
    plain = name.lower().replace("-", "_")
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def _redacted(value: object) -> object:
    """Return a copy without secrets: by the names of its members, and by patterns in its texts."""
    if isinstance(value, Mapping):
        return {
            name: REDACTED if isinstance(name, str) and is_secret_name(name) else _redacted(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(_redacted(inner) for inner in value)
    if isinstance(value, str):
        return _SECRET_IN_TEXT.sub(_hide, value)
    return value


def _hide(found: re.Match[str]) -> str:
    """Hide the secret, but keep what stands before it: that shows what was hidden."""
    if found["member"]:
        return f"{found['member']}{REDACTED}"
    if found["api_key"]:
        return f"{found['api_key']}_{REDACTED}"
    return f"{found['scheme']} {REDACTED}" if found["scheme"] else f"{found['name']}={REDACTED}"


def _processors(service: str) -> list[Processor]:
    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderers(settings: LogSettings) -> list[Processor]:
    if settings.form == "console":
        return [redact, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback), _redact_line]
    return [
        # Without local variables, because they hold tokens and upload URLs.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        redact,
        structlog.processors.JSONRenderer(default=_plain),
    ]


def _redact_line(_logger: WrappedLogger, _method: str, line: Any) -> str:  # noqa: ANN401 - a renderer's output
    # The text of a traceback exists only after rendering.
    return _SECRET_IN_TEXT.sub(_hide, str(line))


def _count_suppressed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Copy the number of hidden records from the standard library's record into the event."""
    suppressed = getattr(event.get("_record"), "suppressed", None)
    if suppressed is not None:
        event["suppressed"] = suppressed
    return event


def _plain(value: Any) -> str:  # noqa: ANN401 - json passes any value that it cannot encode
    """Write what JSON cannot: a datetime as ISO 8601, the rest as its `repr` without secrets."""
    return value.isoformat() if isinstance(value, datetime) else _SECRET_IN_TEXT.sub(_hide, repr(value))
