"""Deadlines of a whole response, over a connection that gives one byte at a time."""

from dataclasses import dataclass, field

import httpcore
import pytest

from uploader_service.sources.deadline import Deadline, TimedStream


@dataclass
class Dripping(httpcore.NetworkStream):
    """Gives a byte after as many seconds as it is delayed_once; remembers how long it was let wait."""

    seconds: float
    now: float = 100.0
    timeouts: list[float | None] = field(default_factory=list)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.timeouts.append(timeout)
        self.now += self.seconds
        return b"H"


def test_limit_holds_for_dripping_bytes() -> None:
    wire = Dripping(seconds=12)
    deadline = Deadline(lambda: wire.now)
    stream = TimedStream(wire, deadline)
    with deadline.within(30):
        while wire.now < 130:
            stream.read(1, timeout=20)
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1, timeout=20)
    assert wire.timeouts == [20, 18, 6]


def test_renew_moves_the_limit() -> None:
    wire = Dripping(seconds=12)
    deadline = Deadline(lambda: wire.now)
    with deadline.within(30):
        for _ in range(10):
            TimedStream(wire, deadline).read(1, timeout=20)
            deadline.renew(30)
    assert wire.timeouts == [20] * 10


def test_timeout_is_kept_without_a_limit() -> None:
    wire = Dripping(seconds=1000)
    deadline = Deadline(lambda: wire.now)
    with deadline.within(5):
        pass
    TimedStream(wire, deadline).read(1, timeout=20)
    assert wire.timeouts == [20]
