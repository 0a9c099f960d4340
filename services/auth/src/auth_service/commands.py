"""Commands of the edge to the worker, and what a caller hears when Kafka does not confirm one."""

from collections.abc import Callable, Iterable
from typing import Protocol

from common.contract.body import Body
from common.errors import NotDurable
from common.http.errors import Problem
from common.http.problems import Code


class Commands(Protocol):
    """Writes commands for the worker."""

    async def write(self, command: Body) -> None:
        """Return when the command is durable. Raises `NotDurable`."""


class EdgeView(Protocol):
    """A whole compacted topic, in memory."""

    @property
    def ready(self) -> bool:
        """Whether it has been read to its end and is not far behind."""

    def get(self, key: str) -> Body | None:
        """Return the newest record of a key."""

    def all(self) -> Iterable[tuple[str, Body]]:
        """Go through every key's newest record."""

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something about the view holds; say whether it did in time."""


async def write(commands: Commands, command: Body) -> None:
    """Return once a command is durable. Raises a `Problem` where that is not certain."""
    try:
        await commands.write(command)
    except NotDurable as error:
        raise not_certain() from error


def not_certain() -> Problem:
    """Say that something may happen or not, and that asking again does no harm."""
    detail = "This may be written down or not. Look whether it took effect, or ask again: it is done once."
    return Problem(Code.NOT_DURABLE, detail)


def demand_ready(*views: EdgeView) -> None:
    """Raise a `Problem` while a view cannot be answered from."""
    if not all(view.ready for view in views):
        raise Problem(Code.NOT_READY)
