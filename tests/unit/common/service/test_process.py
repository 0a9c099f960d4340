"""A process's last words: a sentence where a person can mend it, where it happened for everything else."""

import asyncio
import json
import sys
from collections.abc import Collection
from enum import StrEnum

import pytest

from common.errors import AddressUnavailable, SettingsRefused
from common.service.process import run_process


class Role(StrEnum):
    EDGE = "edge"


TAKEN = AddressUnavailable(host="127.0.0.1", port=8101, cause=OSError("in use"))
REFUSED = SettingsRefused("POSTBUS_X is missing")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TAKEN, "cannot_start"),
        (ExceptionGroup("both", [ExceptionGroup("one", [TAKEN]), REFUSED]), "cannot_start"),
        (ZeroDivisionError("a bug"), "process_failed"),
        (ExceptionGroup("both", [TAKEN, ZeroDivisionError("a bug")]), "process_failed"),
    ],
    ids=["refused", "refused in groups", "a bug", "a bug among refusals"],
)
def test_exit_reason_names_what_an_operator_can_correct(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(_roles: Collection[Role], _stop: asyncio.Event) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["example"])
    assert run_process(service="example", description="x", roles=Role, run=run) == 1
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert last["event"] == said
    assert ("127.0.0.1:8101" in last.get("fault", "")) == (said == "cannot_start")


async def nothing(_roles: Collection[Role], _stop: asyncio.Event) -> None:
    raise AssertionError


def test_command_runs_instead_of_a_role_and_returns_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    async def errand(stop: asyncio.Event) -> int:
        done.append(stop.is_set())
        return 7

    monkeypatch.setattr(sys, "argv", ["example", "count-once"])
    assert (
        run_process(service="example", description="x", roles=Role, run=nothing, commands={"count-once": errand}) == 7
    )
    assert done == [False]


def test_only_roles_and_commands_are_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def errand(_stop: asyncio.Event) -> int:
        raise AssertionError

    monkeypatch.setattr(sys, "argv", ["example", "dance"])
    with pytest.raises(SystemExit):
        run_process(service="example", description="x", roles=Role, run=nothing, commands={"count-once": errand})
    assert "choose from edge, count-once" in capsys.readouterr().err.replace("'", "")
