"""Commands of the edge to the worker, and what a caller hears when Kafka does not confirm one."""

from auth_service.consent import Commands
from common.contract.body import Body
from common.errors import NotDurable
from common.http.errors import Problem
from common.http.problems import Code


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
