"""What the edge exchanges with the worker: commands that it writes, and views that it answers from."""

from typing import Protocol

from common.contract.body import Body
from common.errors import NotDurable
from common.http.errors import Problem
from common.http.problems import Code
from common.streams import ReadOnlyView


class Commands(Protocol):
    """Writes commands for the worker."""

    async def write(self, command: Body) -> None:
        """Return when the command is durable. Raises `NotDurable`."""


async def write(commands: Commands, command: Body) -> None:
    """Return when a command is durable. Raises a `Problem` if that is uncertain."""
    try:
        await commands.write(command)
    except NotDurable as error:
        raise not_certain() from error


def not_certain() -> Problem:
    """Make the problem for a change that may or may not have been made."""
    detail = (
        "Kafka did not confirm the write in time, so the change may or may not have been made. "
        "Retry the request: retrying is safe."
    )
    return Problem(Code.NOT_DURABLE, detail)


def demand_ready(*views: ReadOnlyView) -> None:
    """Raise a `Problem` if a view is not read to its end: an answer from it could be wrong."""
    if not all(view.ready for view in views):
        raise Problem(Code.NOT_READY)
