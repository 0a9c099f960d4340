"""One process of a service: a task for each partition number it owns, a watchdog over them, and a clean end.

Errors:
    Stuck     a partition has not got on for 30 s in which the log answered: the process ends, to be started anew
    Gone      something that runs as long as the process does has ended by itself: the process ends too
    Lapsed    the process stood still for longer than its session, or the machine's clock was set forward by that much,
              as after a pause of the machine: its partitions may be others' by now, so it ends
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeVar

import structlog

from common.clock import Clock, system_clock
from common.contract.body import Body
from common.streams.api import Effects, Machine
from common.streams.engine.fair_limiter import Slots
from common.streams.engine.moments import Moments, seconds_between, system_moment
from common.streams.engine.task import Surroundings, Task
from common.streams.log.membership import Membership
from common.streams.log.port import Log

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
T = TypeVar("T")

COLLECTOR_THRESHOLDS = (50_000, 20, 50)
"""States live long and in great number: with Python's own thresholds a quarter of the CPU goes into visiting them."""
STUCK_SECONDS = 30.0
SUSPECT_SECONDS = 5.0
"""From this standstill on the log is asked again and again: only what it answered all the while counts."""
PROMPT_SECONDS = 5.0
"""An answer that took longer began while the log was away."""
LOOK_SECONDS = 1.0
FROZEN_SECONDS = 5.0
"""A watchdog that looks this much later than it meant to was frozen itself, and with it the whole process."""
_log = structlog.get_logger()


class Stuck(Exception):
    """A partition that this process owns does not get on."""

    def __init__(self, *, partition: int, seconds: float) -> None:
        """Name the partition and how long it has stood still."""
        super().__init__(f"partition {partition} has stood still for {seconds:.0f} s (limit {STUCK_SECONDS:.0f} s)")


class Gone(Exception):
    """Something that runs as long as the process does ended although nobody told it to."""

    def __init__(self, what: str) -> None:
        """Name it."""
        super().__init__(f"{what} ended as if it had been cancelled, which nobody did")


class Lapsed(Exception):
    """This process stood still for longer than the group waits for a member, or seems to have."""

    def __init__(self, *, seconds: float, limit: float) -> None:
        """Say for how long."""
        told = f"this process stood still for {seconds:.0f} s, or the machine's clock was set forward by that"
        super().__init__(f"{told}; the group waits {limit:.0f} s")


class Worker:
    """The tasks of this process, as far as the outside may look: ready when every owned partition is open."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.tasks: dict[int, Hosted] = {}

    @property
    def ready(self) -> bool:
        """Whether this process is a member and all its partitions are open."""
        owned = self._membership.numbers
        return bool(self.tasks) and all(
            number in self.tasks and self.tasks[number].task.pulse.opened for number in owned
        )

    def stop(self) -> None:
        """Have every task give its partition up."""
        for hosted in self.tasks.values():
            hosted.stop.set()


class Heart:
    """Beats once a second while this process runs."""

    def __init__(self, worker: Worker, session_seconds: float, moment: Moments) -> None:
        """Take whose heart it is, and how long the group waits for a silent member."""
        self.session_seconds = session_seconds
        self._worker = worker
        self._moment = moment
        self._at = moment()
        self._lapsed_for = 0.0

    def beat(self) -> None:
        """Note that the process runs."""
        self._at = self._moment()

    def stood_still(self) -> float:
        """Tell for how many seconds it has not; once it lapsed, that stays so, whatever clocks show then."""
        if self._lapsed_for:
            return self._lapsed_for
        return seconds_between(self._at, self._moment()) - LOOK_SECONDS

    def lapsed(self) -> bool:
        """Whether it stood still for its session. Whoever finds out first has every task give its partition up.

        At once: a task that finds itself fenced would take its partition back from who has it now.
        """
        seconds = self.stood_still()
        if seconds < self.session_seconds:
            return False
        self._lapsed_for = seconds
        self._worker.stop()
        return True


class Hosted:
    """A task that runs, and how to stop it."""

    def __init__(self, task: "Task[S, F, E]", before: "Hosted | None") -> None:
        """`before` ran the same partition and must have ended before this one begins."""
        self.task = task
        self.before = before
        self.stop = asyncio.Event()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """Run the task to its end."""
        try:
            if self.before is not None:
                await self.before.ended.wait()
                self.before = None
            await self.task.run(self.stop)
        finally:
            self.ended.set()


async def run_worker(
    *,
    machine: Machine[S, F, E],
    effects: Effects[E, F],
    log: Log,
    membership: Membership,
    salvage: Callable[[Body], Awaitable[None]],
    slots: int,
    stop: asyncio.Event,
    worker: Worker | None = None,
    clock: Clock = system_clock,
    moment: Moments = system_moment,
    random: Random | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Serve the owned partitions until `stop`, then drain them. `pause` lets seconds pass, for heart and watchdog.

    Raises (in an ExceptionGroup): `Unreadable`, `Displaced`, `Expelled`, `Stuck`, `Gone`; and `Lapsed`, once what was
    under way is settled or passed on. The process should end on each.
    """
    worker = worker or Worker(membership)
    heart = Heart(worker, membership.session_seconds, moment)
    surroundings = Surroundings(
        machine=machine,
        effects=effects,
        log=log,
        clock=clock,
        moment=moment,
        random=random or Random(),  # noqa: S311 -- jitter and event ids, not secrets
        slots=Slots(slots),
        salvage=salvage,
        lapsed=heart.lapsed,
    )
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    async with asyncio.TaskGroup() as group:
        living = group.create_task(_loudly("the heart", partial(_live, worker, heart, pause)))
        watching = group.create_task(_loudly("the watchdog", partial(_watch, worker, heart, log, pause)))
        hosting = group.create_task(_loudly("hosting", partial(_host, worker, membership, surroundings, group)))
        stopping = group.create_task(stop.wait())
        await asyncio.wait((living, stopping), return_when=asyncio.FIRST_COMPLETED)
        hosting.cancel()
        worker.stop()
        watching.cancel()
        living.cancel()
        stopping.cancel()
    if not living.cancelled():
        raise living.result()
    _log.info("worker_stopped", service=machine.service)


async def _host(
    worker: Worker, membership: Membership, surroundings: Surroundings[S, F, E], group: asyncio.TaskGroup
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
            worker.tasks[number] = Hosted(Task(surroundings, number), before=hosted)
            group.create_task(_loudly(f"partition {number}", partial(_run, worker.tasks[number], worker, number)))


async def _run(hosted: Hosted, worker: Worker, number: int) -> None:
    await hosted.run()
    if worker.tasks.get(number) is hosted:
        del worker.tasks[number]


async def _loudly(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do it. A group takes a task that ends as cancelled for one that was told to, and nobody would notice its end."""
    try:
        return await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Gone(what) from error


async def _live(worker: Worker, heart: Heart, pause: Callable[[float], Awaitable[None]]) -> Lapsed:
    """Beat until the process turns out to have stood still. Waits for nothing else: that would look like it."""
    while True:
        await pause(LOOK_SECONDS)
        if heart.lapsed():
            return Lapsed(seconds=heart.stood_still(), limit=heart.session_seconds)
        if heart.stood_still() > FROZEN_SECONDS:
            _forgive(worker)
        heart.beat()


async def _watch(worker: Worker, heart: Heart, log: Log, pause: Callable[[float], Awaitable[None]]) -> None:
    """End the process when a partition stands still, but never because the log is away, or the process stood still."""
    while not heart.lapsed():
        await pause(LOOK_SECONDS)
        longest = max(worker.tasks.values(), key=_stood_still, default=None)
        if longest is None or heart.lapsed() or _stood_still(longest) < SUSPECT_SECONDS:
            continue
        if not await _answers(log):
            _forgive(worker)
        elif _stood_still(longest) >= STUCK_SECONDS:
            raise Stuck(partition=longest.task.number, seconds=_stood_still(longest))


async def _answers(log: Log) -> bool:
    asked = asyncio.get_running_loop().time()
    return await log.reachable() and asyncio.get_running_loop().time() - asked < PROMPT_SECONDS


def _stood_still(hosted: Hosted) -> float:
    """Seconds; while the partition's former task is still ending, it is that one's."""
    return hosted.task.stuck_for() if hosted.before is None else _stood_still(hosted.before)


def _forgive(worker: Worker) -> None:
    """Count every partition's standstill from now."""
    for hosted in worker.tasks.values():
        counted: Hosted | None = hosted
        while counted is not None:
            counted.task.forgive()
            counted = counted.before
