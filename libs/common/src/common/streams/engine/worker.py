"""One process of a service: a task for each partition number it owns, a watchdog over them, and a clean end.

Errors:
    PartitionStalled  a partition made no progress for 30 s in which the log answered
    TaskVanished      a task that must run as long as the process does has ended by itself
    SessionExpired    the process was paused for longer than its group session, or the machine's clock jumped forward by
                      that much: another process may own its partitions now
The process ends on each of them.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeVar

import structlog

from common.clock import Clock, ReadClocks, elapsed_seconds, read_system_clocks, system_clock
from common.contract.body import Body
from common.streams.api import EffectHandler, Processor
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.log.port import Log, Membership

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
T = TypeVar("T")

COLLECTOR_THRESHOLDS = (50_000, 20, 50)
"""States live long and in great number: with Python's own thresholds a quarter of the CPU goes into visiting them."""
STALL_LIMIT_SECONDS = 30.0
SUSPECT_SECONDS = 5.0
"""From this standstill on the log is asked again and again: only what it answered all the while counts."""
PROMPT_SECONDS = 5.0
"""An answer that took longer began while the log was away."""
LOOK_SECONDS = 1.0
FROZEN_SECONDS = 5.0
"""A watchdog that looks this much later than it meant to was frozen itself, and with it the whole process."""
_log = structlog.get_logger()


class PartitionStalled(Exception):
    """A partition that this process owns does not get on."""

    def __init__(self, *, partition: int, seconds: float) -> None:
        """Name the partition and how long it has stood still."""
        super().__init__(
            f"partition {partition} has stood still for {seconds:.0f} s (limit {STALL_LIMIT_SECONDS:.0f} s)"
        )


class TaskVanished(Exception):
    """Something that runs as long as the process does ended although nobody told it to."""

    def __init__(self, what: str) -> None:
        """Name it."""
        super().__init__(f"{what} ended as if it had been cancelled, which nobody did")


class SessionExpired(Exception):
    """This process stood still for longer than the group waits for a member, or seems to have."""

    def __init__(self, *, seconds: float, limit: float) -> None:
        """Say for how long."""
        told = f"this process stood still for {seconds:.0f} s, or the machine's clock was set forward by that"
        super().__init__(f"{told}; the group waits {limit:.0f} s")


class Worker:
    """The tasks of this process, as far as the outside may look: ready when every owned partition is open."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.tasks: dict[int, TaskHandle] = {}

    @property
    def ready(self) -> bool:
        """Whether this process is a member and all its partitions are open."""
        owned = self._membership.numbers
        return bool(self.tasks) and all(
            number in self.tasks and self.tasks[number].task.progress.opened for number in owned
        )

    def stop(self) -> None:
        """Have every task give its partition up."""
        for hosted in self.tasks.values():
            hosted.stop.set()


class Heartbeat:
    """Beats once a second while this process runs."""

    def __init__(self, worker: Worker, session_seconds: float, moment: ReadClocks) -> None:
        """Take whose heart it is, and how long the group waits for a silent member."""
        self.session_seconds = session_seconds
        self._worker = worker
        self._moment = moment
        self._at = moment()
        self._lapsed_for = 0.0

    def beat(self) -> None:
        """Note that the process runs."""
        self._at = self._moment()

    def stalled_for(self) -> float:
        """Tell for how many seconds it has not; once it lapsed, that stays so, whatever clocks show then."""
        if self._lapsed_for:
            return self._lapsed_for
        return elapsed_seconds(self._at, self._moment()) - LOOK_SECONDS

    def expired(self) -> bool:
        """Whether it stood still for its session. Whoever finds out first has every task give its partition up.

        At once: a task that finds itself fenced would take its partition back from who has it now.
        """
        seconds = self.stalled_for()
        if seconds < self.session_seconds:
            return False
        self._lapsed_for = seconds
        self._worker.stop()
        return True


class TaskHandle:
    """A task that runs, and how to stop it."""

    def __init__(self, task: "Task[S, F, E]", before: "TaskHandle | None") -> None:
        """`before` ran the same partition and must have ended before this one begins."""
        self.task = task
        self.predecessor = before
        self.stop = asyncio.Event()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """Run the task to its end."""
        try:
            if self.predecessor is not None:
                await self.predecessor.ended.wait()
                self.predecessor = None
            await self.task.run(self.stop)
        finally:
            self.ended.set()


async def run_worker(
    *,
    processor: Processor[S, F, E],
    effects: EffectHandler[E, F],
    log: Log,
    membership: Membership,
    hand_off: Callable[[Body], Awaitable[None]],
    max_effects: int,
    stop: asyncio.Event,
    worker: Worker | None = None,
    clock: Clock = system_clock,
    read_clocks: ReadClocks = read_system_clocks,
    random: Random | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Serve the owned partitions until `stop`, then drain them.

    Raises (in an ExceptionGroup) `UnreadableRecord`, and the errors of this module and of `membership`.
    """
    worker = worker or Worker(membership)
    heart = Heartbeat(worker, membership.session_seconds, read_clocks)
    surroundings = TaskDependencies(
        processor=processor,
        effects=effects,
        log=log,
        clock=clock,
        read_clocks=read_clocks,
        random=random or Random(),  # noqa: S311 -- jitter and event ids, not secrets
        limiter=FairLimiter(max_effects),
        hand_off=hand_off,
        session_expired=heart.expired,
    )
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    async with asyncio.TaskGroup() as group:
        living = group.create_task(_supervise("the heart", partial(_live, worker, heart, pause)))
        watching = group.create_task(_supervise("the watchdog", partial(_watch, worker, heart, log, pause)))
        hosting = group.create_task(_supervise("hosting", partial(_host, worker, membership, surroundings, group)))
        stopping = group.create_task(stop.wait())
        await asyncio.wait((living, stopping), return_when=asyncio.FIRST_COMPLETED)
        hosting.cancel()
        worker.stop()
        watching.cancel()
        living.cancel()
        stopping.cancel()
    if not living.cancelled():
        raise living.result()
    _log.info("worker_stopped", service=processor.service)


async def _host(
    worker: Worker, membership: Membership, surroundings: TaskDependencies[S, F, E], group: asyncio.TaskGroup
) -> None:
    """Start and stop tasks as partitions come and go. One that left is closed before it may come back."""
    while True:
        await membership.changed()
        owned = membership.numbers
        for number in sorted(worker.tasks.keys() - owned):
            worker.tasks[number].stop.set()
        for number in sorted(owned):
            hosted = worker.tasks.get(number)
            if hosted is not None and not hosted.stop.is_set():
                continue
            worker.tasks[number] = TaskHandle(Task(surroundings, number), before=hosted)
            group.create_task(_supervise(f"partition {number}", partial(_run, worker.tasks[number], worker, number)))


async def _run(hosted: TaskHandle, worker: Worker, number: int) -> None:
    await hosted.run()
    if worker.tasks.get(number) is hosted:
        del worker.tasks[number]


async def _supervise(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do it. A group takes a task that ends as cancelled for one that was told to, and nobody would notice its end."""
    try:
        return await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise TaskVanished(what) from error


async def _live(worker: Worker, heart: Heartbeat, pause: Callable[[float], Awaitable[None]]) -> SessionExpired:
    """Beat until the process turns out to have stood still. Waits for nothing else: that would look like it."""
    while True:
        await pause(LOOK_SECONDS)
        if heart.expired():
            return SessionExpired(seconds=heart.stalled_for(), limit=heart.session_seconds)
        if heart.stalled_for() > FROZEN_SECONDS:
            _forgive(worker)
        heart.beat()


async def _watch(worker: Worker, heart: Heartbeat, log: Log, pause: Callable[[float], Awaitable[None]]) -> None:
    """End the process when a partition stands still, but never because the log is away, or the process stood still."""
    while not heart.expired():
        await pause(LOOK_SECONDS)
        longest = max(worker.tasks.values(), key=_stood_still, default=None)
        if longest is None or heart.expired() or _stood_still(longest) < SUSPECT_SECONDS:
            continue
        if not await _answers(log):
            _forgive(worker)
        elif _stood_still(longest) >= STALL_LIMIT_SECONDS:
            raise PartitionStalled(partition=longest.task.number, seconds=_stood_still(longest))


async def _answers(log: Log) -> bool:
    asked = asyncio.get_running_loop().time()
    return await log.reachable() and asyncio.get_running_loop().time() - asked < PROMPT_SECONDS


def _stood_still(hosted: TaskHandle) -> float:
    """Seconds; while the partition's former task is still ending, it is that one's."""
    return hosted.task.stalled_for() if hosted.predecessor is None else _stood_still(hosted.predecessor)


def _forgive(worker: Worker) -> None:
    """Count every partition's standstill from now."""
    for hosted in worker.tasks.values():
        counted: TaskHandle | None = hosted
        while counted is not None:
            counted.task.reset_progress()
            counted = counted.predecessor
