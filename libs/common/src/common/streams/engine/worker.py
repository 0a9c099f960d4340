"""One process of a service: a task for each partition that it owns, a watchdog over them, and a clean end.

Errors:
    TaskVanished  a part that must run as long as the process does has ended by itself
The process ends on it, as on the errors of `watchdog` and of its membership.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeVar

import structlog

from common.clock import Clock, ReadClocks, read_system_clocks, system_clock
from common.contract.body import Body
from common.streams.api import EffectHandler, Processor
from common.streams.engine.assignment import RunnableTask, TaskHandle, follow_assignment
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.engine.watchdog import Heartbeat, Watchdog
from common.streams.log.port import Log, Membership

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
T = TypeVar("T")

COLLECTOR_THRESHOLDS = (50_000, 20, 50)
"""States are many and live long. With Python's own thresholds the collector takes a quarter of the CPU."""
_log = structlog.get_logger()


class TaskVanished(Exception):
    """A part of the process that runs as long as the process does has ended without a reason."""

    def __init__(self, name: str) -> None:
        """Name the part."""
        super().__init__(
            f"A part of the process ended as if it had been cancelled, but nothing cancelled it: {name}. Restart the "
            "process and report this with the traceback."
        )


class Worker:
    """The tasks of this process. A service asks it whether the process is ready."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.tasks: dict[int, TaskHandle] = {}

    @property
    def ready(self) -> bool:
        """Whether this process is a member of its group and all its partitions are open."""
        owned = self._membership.numbers
        return bool(self.tasks) and all(number in self.tasks and self.tasks[number].task.opened for number in owned)

    def stop(self) -> None:
        """Make every task give its partition up."""
        for handle in self.tasks.values():
            handle.stop.set()


async def run_worker(
    *,
    processor: Processor[S, F, E],
    effects: EffectHandler[E, F],
    log: Log,
    membership: Membership,
    max_effects: int,
    stop: asyncio.Event,
    hand_off: Callable[[Body], Awaitable[None]] | None = None,
    worker: Worker | None = None,
    clock: Clock = system_clock,
    read_clocks: ReadClocks = read_system_clocks,
    random: Random | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Serve the owned partitions until `stop`, then let running effects end and commit their results.

    `max_effects` effects run at once in this process. `hand_off` publishes the events that the processor's `hand_off`
    returns; a service whose processor returns none needs none. Raises (in an ExceptionGroup) `UnreadableRecord`,
    `PartitionStalled`, `SessionExpired`, `TaskVanished` and the errors of `membership`.
    """
    worker = worker or Worker(membership)
    heartbeat = Heartbeat(session_seconds=membership.session_seconds, read_clocks=read_clocks, stop_tasks=worker.stop)
    watchdog = Watchdog(heartbeat=heartbeat, tasks=worker.tasks.values, log=log, pause=pause)
    dependencies = TaskDependencies(
        processor=processor,
        effects=effects,
        log=log,
        clock=clock,
        read_clocks=read_clocks,
        random=random or Random(),  # noqa: S311 -- jitter and event ids, not secrets
        limiter=FairLimiter(max_effects),
        hand_off=hand_off or _refuse_hand_off,
        session_expired=heartbeat.expired,
    )
    # See docs/decisions/0011-garbage-collector.md.
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    await _run_parts(worker, watchdog, membership, partial(Task, dependencies), stop)
    _log.info("worker_stopped", service=processor.service)


async def _run_parts(
    worker: Worker,
    watchdog: Watchdog,
    membership: Membership,
    make_task: Callable[[int], RunnableTask],
    stop: asyncio.Event,
) -> None:
    """Run the tasks and what watches them until `stop`, or until the session has expired."""
    async with asyncio.TaskGroup() as group:

        def start(name: str, work: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
            return group.create_task(_fail_if_cancelled_silently(name, work))

        beating = start("the heartbeat", watchdog.beat_until_expired)
        watching = start("the watchdog", watchdog.watch)
        assigning = start("the assignment", partial(follow_assignment, worker.tasks, membership, make_task, start))
        stopping = group.create_task(stop.wait())
        # If another part fails, the group cancels this wait and every part.
        await asyncio.wait((beating, stopping), return_when=asyncio.FIRST_COMPLETED)
        # In this order: no task may start any more once the others are stopped.
        assigning.cancel()
        worker.stop()
        watching.cancel()
        beating.cancel()
        stopping.cancel()
    # Only now that every task has ended and has handed off its results.
    if not beating.cancelled():
        raise beating.result()


async def _refuse_hand_off(body: Body) -> None:
    message = f"The processor hands off {type(body).__name__}, but `run_worker` was given no `hand_off` to publish it."
    raise TypeError(message)


async def _fail_if_cancelled_silently(name: str, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work`, and fail if it is cancelled from inside.

    A `TaskGroup` ignores a child that ends in `CancelledError`, so without this a task that cancels itself would
    disappear silently. Kafka's client does that now and then.
    """
    try:
        return await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise TaskVanished(name) from error
