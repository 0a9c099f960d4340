"""One process of a service: a task for each partition number it owns, a watchdog over them, and a clean end.

Errors:
    Stuck    a partition has not got on for 30 s although the log answers: the process ends, to be started anew
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import structlog

from common.events.body import Body
from common.instants import Clock, system_clock
from common.streams.log import Log
from common.streams.machine import Effects, Machine
from common.streams.membership import Membership
from common.streams.slots import Slots
from common.streams.task import Surroundings, Task

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

COLLECTOR_THRESHOLDS = (50_000, 20, 50)
"""States live long and in great number: with Python's own thresholds a quarter of the CPU goes into visiting them."""
STUCK_SECONDS = 30.0
LOOK_SECONDS = 1.0
FROZEN_SECONDS = 5.0
"""A watchdog that looks this much later than it meant to was frozen itself, and with it the whole process."""
_log = structlog.get_logger()


class Stuck(Exception):
    """A partition that this process owns does not get on."""

    def __init__(self, *, partition: int, seconds: float) -> None:
        """Name the partition and how long it has stood still."""
        super().__init__(f"partition {partition} has stood still for {seconds:.0f} s (limit {STUCK_SECONDS:.0f} s)")


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
    random: Random | None = None,
) -> None:
    """Serve the owned partitions until `stop`, then drain them.

    Raises (in an ExceptionGroup): `Unreadable`, `Displaced`, `Expelled`, `Stuck`; the process should end on each.
    """
    surroundings = Surroundings(
        machine=machine,
        effects=effects,
        log=log,
        clock=clock,
        random=random or Random(),  # noqa: S311 -- jitter and event ids, not secrets
        slots=Slots(slots),
        salvage=salvage,
    )
    worker = worker or Worker(membership)
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(worker, log))
        hosting = group.create_task(_host(worker, membership, surroundings, group))
        await stop.wait()
        hosting.cancel()
        watching.cancel()
        for hosted in worker.tasks.values():
            hosted.stop.set()
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
            group.create_task(_run(worker.tasks[number], worker, number))


async def _run(hosted: Hosted, worker: Worker, number: int) -> None:
    await hosted.run()
    if worker.tasks.get(number) is hosted:
        del worker.tasks[number]


async def _watch(worker: Worker, log: Log) -> None:
    """End the process when a partition stands still, but never because the log is away or the process was frozen."""
    loop = asyncio.get_running_loop()
    while True:
        looked_at = loop.time()
        await asyncio.sleep(LOOK_SECONDS)
        frozen = loop.time() - looked_at > LOOK_SECONDS + FROZEN_SECONDS
        longest = max(worker.tasks.values(), key=_stood_still, default=None)
        if longest is None or not (frozen or _stood_still(longest) >= STUCK_SECONDS):
            continue
        if not frozen and await log.reachable():
            raise Stuck(partition=longest.task.number, seconds=_stood_still(longest))
        for hosted in worker.tasks.values():
            _forgive(hosted)


def _stood_still(hosted: Hosted) -> float:
    """Seconds; while the partition's former task is still ending, it is that one's."""
    return hosted.task.stuck_for() if hosted.before is None else _stood_still(hosted.before)


def _forgive(hosted: Hosted) -> None:
    hosted.task.forgive()
    if hosted.before is not None:
        _forgive(hosted.before)
