"""Simulated processes: they run real tasks in one event loop, and may crash or freeze at any step."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from random import Random
from typing import Any, Self

from common.streams import LogUnavailable
from common.streams.log.port import TransactionInDoubt

_current: ContextVar["ProcessLifetime | None"] = ContextVar("process", default=None)


class Crashed(BaseException):
    """This process is dead: nothing that it still tries has an effect."""


class Faults:
    """Rates of faults per step. After `end_after` seconds there are none."""

    def __init__(self, random: Random, *, calm_after: float) -> None:
        self.random = random
        self.end_after = calm_after
        self.crash = random.choice((0.0, 0.01, 0.03, 0.08))
        self.doubt = random.choice((0.0, 0.02, 0.1))
        self.freeze = random.choice((0.0, 0.0, 0.02))
        self.lose = random.choice((0.0, 0.1, 0.3))
        begin = random.uniform(1, 60)
        self._outage = (begin, begin + random.choice((0, 0, 0, 0, 0, 0, 600, 4_000, 9_000)))

    @property
    def ended(self) -> bool:
        """Whether the faulty phase is over."""
        return asyncio.get_running_loop().time() > self.end_after

    @property
    def tiktok_is_down(self) -> bool:
        """Whether TikTok is in its outage."""
        begin, end = self._outage
        return begin < asyncio.get_running_loop().time() < end

    def happens(self, rate: float) -> bool:
        """Whether a fault of this rate happens now."""
        return not self.ended and self.random.random() < rate

    async def delay(self) -> None:
        """Sleep for a random, mostly short time."""
        await asyncio.sleep(self.random.choice((0.0, 0.001, 0.01, 0.2)) * self.random.random())


class ProcessLifetime:
    """A process from start to end: its tasks, and how they all end at once."""

    def __init__(self, name: str, main: Callable[[Self], Coroutine[Any, Any, None]]) -> None:
        self.name = name
        self.dead = False
        self.stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        context_token = _current.set(self)
        self.main = asyncio.get_running_loop().create_task(main(self))
        _current.reset(context_token)

    def adopt(self, task: "asyncio.Task[Any]") -> None:
        """Remember a task that this process created."""
        self._tasks.append(task)

    def crash(self) -> None:
        """End at once, as after kill -9."""
        self.dead = True
        for task in self._tasks:
            task.cancel()

    async def ended(self) -> None:
        """Wait for the end. The error of a process that did not crash is raised."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self.dead and not self.main.cancelled() and (error := self.main.exception()) is not None:
            raise error

    def check_alive(self) -> None:
        """Raise `Crashed` if this process is dead, so that its tasks can do nothing more."""
        if self.dead:
            raise Crashed


class SimulatedProcess(ProcessLifetime):
    """A process with faults. It injects them into the log, too. A freeze is a SIGSTOP seen from inside: a long step."""

    def __init__(self, name: str, faults: Faults, main: Callable[[Self], Coroutine[Any, Any, None]]) -> None:
        self._faults = faults
        super().__init__(name, main)

    async def step(self, name: str) -> None:
        """Pass a point at which this process may crash, freeze, or be slow."""
        del name
        self.check_alive()
        if self._faults.happens(self._faults.crash):
            self.crash()
            raise Crashed
        if self._faults.happens(self._faults.freeze):
            await asyncio.sleep(self._faults.random.uniform(5, 20))
        await self._faults.delay()
        self.check_alive()

    async def before(self, step: str) -> None:
        """Maybe fail before a log call takes effect."""
        await self.step(step)
        if self._faults.happens(self._faults.doubt):
            raise log_error(step)

    async def after(self, step: str) -> None:
        """Maybe fail after it took effect: the answer is lost."""
        await self.step(step)
        if self._faults.happens(self._faults.doubt):
            raise log_error(step)


def log_error(step: str) -> TransactionInDoubt | LogUnavailable:
    """Make the error of a log call without an answer: in doubt for a commit, else unavailable."""
    cause = f"simulated at {step}"
    return TransactionInDoubt(cause) if step == "commit" else LogUnavailable(cause)


def owner_of(context: Context) -> ProcessLifetime | None:
    """Return the process that a context runs in."""
    return context.get(_current)


def adopt_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let every task belong to the process that created it."""

    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(coro, loop=loop, **options)
        if (process := _current.get()) is not None:
            process.adopt(task)
        return task

    loop.set_task_factory(factory)  # type: ignore[arg-type]  # typeshed wants a protocol with a context parameter
