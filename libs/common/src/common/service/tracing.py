"""W3C Trace Context: parses, starts and continues `traceparent`. Randomness is passed in, so that runs replay."""

import re
from collections.abc import Callable
from dataclasses import dataclass

RandomBytes = Callable[[int], bytes]
"""Returns that many random bytes: `os.urandom`, or a seeded `random.Random().randbytes`."""

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
)
_LENGTH_OF_VERSION_00 = 55
"""Characters of `00-<trace>-<span>-<flags>`."""
_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_SAMPLED = 0x01
"""The only flag of version 00: the caller records this trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A span of a trace. `str()` returns the header's value."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"


def parse(traceparent: str | None) -> Trace | None:
    """Parse a `traceparent`. Returns None if it is absent or invalid: the standard then demands a new trace."""
    found = _TRACEPARENT.match(traceparent or "")
    if found is None or traceparent is None or not _is_whole(found["version"], traceparent):
        return None
    # The standard reserves zeros for "no trace" and "no span".
    if int(found["trace"], 16) == 0 or int(found["span"], 16) == 0:
        return None
    return Trace(trace_id=found["trace"], span_id=found["span"], sampled=bool(int(found["flags"], 16) & _SAMPLED))


def new(random_bytes: RandomBytes) -> Trace:
    """Start a trace."""
    return Trace(trace_id=_nonzero(random_bytes, _TRACE_ID_BYTES), span_id=_nonzero(random_bytes, _SPAN_ID_BYTES))


def child_of(traceparent: str | None, random_bytes: RandomBytes) -> Trace:
    """Return the next span in the trace of `traceparent`, or start a trace if there is none."""
    parent = parse(traceparent)
    if parent is None:
        return new(random_bytes)
    # The decision to sample is kept, so that a trace is recorded whole or not at all.
    return Trace(trace_id=parent.trace_id, span_id=_nonzero(random_bytes, _SPAN_ID_BYTES), sampled=parent.sampled)


def _is_whole(version: str, traceparent: str) -> bool:
    # Later versions may append fields after a dash. Version ff is forbidden, and version 00 ends after the flags.
    rest = traceparent[_LENGTH_OF_VERSION_00:]
    return version != "ff" and (not rest if version == "00" else rest[:1] in {"", "-"})


def _nonzero(random_bytes: RandomBytes, size: int) -> str:
    """Draw an id of `size` bytes that is not all zeros, and return it in hex."""
    while not any(drawn := random_bytes(size)):
        pass  # all zeros means "none" in the standard
    return drawn.hex()
