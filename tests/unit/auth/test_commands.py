"""The edge's exchange with the worker: a write that is uncertain is answered as such."""

from datetime import UTC, datetime

import pytest

from auth_service.commands import write
from common.contract.account import DisconnectRequested
from common.contract.body import Body
from common.errors import NotDurable
from common.http.errors import Problem
from common.http.problems import Code

COMMAND = DisconnectRequested(account_id="acc_1", tenant="acme", by="key:a", at=datetime(2026, 11, 20, tzinfo=UTC))


class Written:
    def __init__(self, *, confirms: bool) -> None:
        self.bodies: list[Body] = []
        self._confirms = confirms

    async def write(self, command: Body) -> None:
        self.bodies.append(command)
        if not self._confirms:
            raise NotDurable(about=command.key)


async def test_confirmed_write_returns() -> None:
    commands = Written(confirms=True)
    await write(commands, COMMAND)
    assert commands.bodies == [COMMAND]


async def test_unconfirmed_write_is_a_problem_that_may_be_retried() -> None:
    with pytest.raises(Problem) as raised:
        await write(Written(confirms=False), COMMAND)
    assert raised.value.code is Code.NOT_DURABLE
    assert "retrying is safe" in str(raised.value.detail)
