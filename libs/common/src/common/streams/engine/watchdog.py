"""Ends the process when it was paused for longer than its group session, or when a partition makes no progress.

Errors:
    SessionExpired    the process was paused for longer than its group session, or the machine's clock jumped forward by
                      that much: another process may own its partitions now
    PartitionStalled  a partition made no progress for 30 s in which the log answered

`docs/safety-nets.md` shows these beside the other safety nets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from common.clock import ReadClocks, elapsed_seconds
from common.streams.log.port import Log

STALL_LIMIT_SECONDS = 30.0
SUSPECT_SECONDS = 5.0
"""From this stall on the log is probed every second: only time in which it answered each probe counts."""
PROBE_LIMIT_SECONDS = 5.0
"""A probe that took longer was sent while the log was away."""
CHECK_SECONDS = 1.0
FROZEN_SECONDS = 5.0
"""If a check runs this much too late, the whole process was frozen, and no partition is to blame."""


class PartitionStalled(Exception):
    """A partition that this process owns makes no progress."""

    def __init__(self, *, partition: int, seconds: float) -> None:
        """Name the partition and for how long."""
        super().__init__(
            f"Partition {partition} made no progress for {seconds:.0f} s; the limit is {STALL_LIMIT_SECONDS:.0f} s. "
            "Restart the process. If it repeats, look at the partition's newest input."
        )


class SessionExpired(Exception):
    """This process was paused for longer than the group waits for a member, or seems to have been."""

    def __init__(self, *, seconds: float, limit: float) -> None:
        """Name both times."""
        super().__init__(
            f"The process was paused for {seconds:.0f} s, or the machine's clock jumped forward by that; the group's "
            f"session lasts {limit:.0f} s. Restart the process. If it repeats, check the host's load and its clock."
        )


class Watched(Protocol):
    """A partition's task, as the watchdog sees it."""

    @property
    def number(self) -> int:
        """The partition's number."""

    def stalled_for(self) -> float:
        """Return the seconds without progress, 0 if there is nothing to do."""

    def reset(self) -> None:
        """Count the stall from now: this task did not cause it."""


class Heartbeat:
    """Detects that the whole process was paused: nothing in it can run, this included, so it notices afterwards.

    Kafka's own heartbeats do not tell: after a pause they go on, and the client learns of its removal seconds later.
    """

    def __init__(self, *, session_seconds: float, read_clocks: ReadClocks, stop_tasks: Callable[[], None]) -> None:
        """Take how long the group waits for a silent member, and what makes every task give its partition up."""
        self.session_seconds = session_seconds
        self._read_clocks = read_clocks
        self._stop_tasks = stop_tasks
        self._last_beat = read_clocks()
        self._expired_after = 0.0

    def beat(self) -> None:
        """Note that the process runs."""
        self._last_beat = self._read_clocks()

    def paused_for(self) -> float:
        """Return for how many seconds it did not run. Once the session has expired, the answer stays the same."""
        if self._expired_after:
            return self._expired_after
        return elapsed_seconds(self._last_beat, self._read_clocks()) - CHECK_SECONDS

    def expired(self) -> bool:
        """Whether the process was paused for its session. The first caller who finds out stops all tasks.

        At once, not at the next check: a task that finds itself fenced would reopen and take its partition back from
        its new owner.
        """
        seconds = self.paused_for()
        if seconds < self.session_seconds:
            return False
        # Kept: a wall clock that is set back would otherwise hide that the partitions may have other owners.
        self._expired_after = seconds
        self._stop_tasks()
        return True


class Watchdog:
    """Two loops that run beside the tasks: one beats, one looks for a partition without progress."""

    def __init__(
        self,
        *,
        heartbeat: Heartbeat,
        tasks: Callable[[], Collection[Watched]],
        log: Log,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._heartbeat = heartbeat
        self._tasks = tasks
        self._log = log
        self._pause = pause

    async def beat_until_expired(self) -> SessionExpired:
        """Beat once a second until the process was paused for longer than its session.

        Awaits nothing but the timer: any other wait would look like a pause.
        """
        while True:
            await self._pause(CHECK_SECONDS)
            if self._heartbeat.expired():
                return SessionExpired(seconds=self._heartbeat.paused_for(), limit=self._heartbeat.session_seconds)
            # Shorter than the session, so the partitions are still ours. But no task could make progress.
            if self._heartbeat.paused_for() > FROZEN_SECONDS:
                self._reset_all()
            self._heartbeat.beat()

    async def watch(self) -> None:
        """Raise `PartitionStalled` when a partition makes no progress.

        Never because the log is away or the process was paused: a restart would not help, and all processes would
        restart at once.
        """
        while not self._heartbeat.expired():
            await self._pause(CHECK_SECONDS)
            longest = max(self._tasks(), key=lambda task: task.stalled_for(), default=None)
            # Asked again after the pause: time in which the whole process stood is no partition's fault.
            if longest is None or self._heartbeat.expired() or longest.stalled_for() < SUSPECT_SECONDS:
                continue
            # A task that waits for the log is not stalled. Its time counts from when the log is back.
            if not await self._log_answers():
                self._reset_all()
            elif (seconds := longest.stalled_for()) >= STALL_LIMIT_SECONDS:
                raise PartitionStalled(partition=longest.number, seconds=seconds)

    async def _log_answers(self) -> bool:
        # An answer that took long was not given all the while, so it proves nothing about that time.
        began = asyncio.get_running_loop().time()
        return await self._log.reachable() and asyncio.get_running_loop().time() - began < PROBE_LIMIT_SECONDS

    def _reset_all(self) -> None:
        for task in self._tasks():
            task.reset()
