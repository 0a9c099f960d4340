"""Starts and stops tasks as the group gives partitions to this process and takes them away."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeAlias

from common.streams.engine.watchdog import Watched
from common.streams.log.port import Membership


class RunnableTask(Watched, Protocol):
    """A task of any processor."""

    @property
    def opened(self) -> bool:
        """Whether it serves."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`."""


Start: TypeAlias = Callable[[str, Callable[[], Awaitable[None]]], object]
"""Runs a function beside the others; the text names it in errors."""


class TaskHandle:
    """A task that runs, how to stop it, and the task of the same partition that must end before."""

    def __init__(self, task: RunnableTask, predecessor: "TaskHandle | None") -> None:
        self.task = task
        self.predecessor = predecessor
        self.stop = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def number(self) -> int:
        """The partition's number."""
        return self.task.number

    async def run(self) -> None:
        """Run the task to its end. Two tasks of one partition would fence each other."""
        try:
            if self.predecessor is not None:
                # It may still wait for an effect that must not be interrupted.
                await self.predecessor.ended.wait()
                self.predecessor = None
            await self.task.run(self.stop)
        finally:
            self.ended.set()

    def stalled_for(self) -> float:
        """Return the stall in seconds. While the predecessor is still ending, it is the predecessor's."""
        return self.task.stalled_for() if self.predecessor is None else self.predecessor.stalled_for()

    def reset(self) -> None:
        """Count the stall from now, the predecessor's too."""
        self.task.reset()
        if self.predecessor is not None:
            self.predecessor.reset()


async def follow_assignment(
    handles: dict[int, TaskHandle],
    membership: Membership,
    make_task: Callable[[int], RunnableTask],
    start: Start,
) -> None:
    """Keep a task running for each partition number that the group assigns to this process.

    A partition that is taken away and comes back gets a new task, which begins once the old one has ended.
    """
    while True:
        await membership.changed()
        owned = membership.numbers
        # Sorted, so that a simulation replays.
        for number in sorted(handles.keys() - owned):
            handles[number].stop.set()
        for number in sorted(owned):
            handle = handles.get(number)
            # It runs already: a rebalance that leaves a partition here does not touch its task.
            if handle is not None and not handle.stop.is_set():
                continue
            handles[number] = TaskHandle(make_task(number), predecessor=handle)
            start(f"partition {number}", partial(_run, handles, handles[number]))


async def _run(handles: dict[int, TaskHandle], handle: TaskHandle) -> None:
    await handle.run()
    # Not if a newer task of the partition has taken its place meanwhile.
    if handles.get(handle.number) is handle:
        del handles[handle.number]
