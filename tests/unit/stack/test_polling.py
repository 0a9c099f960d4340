"""Waiting with a time limit, and asking servers whether they are there."""

import asyncio
import socket

import pytest

from stack.errors import NotReady
from stack.polling import accepts_connections, answers_ok, run_in_own_loop, wait_until
from stack.ports import HOST, pick_port


def test_wait_until_returns_the_first_truthy_value() -> None:
    values = iter([0, "", "there"])
    assert wait_until(lambda: next(values), name="a value") == "there"


def test_wait_until_past_its_limit_names_the_condition() -> None:
    with pytest.raises(NotReady, match="a value was not ready after 0 s"):
        wait_until(lambda: False, name="a value", timeout=0)


def test_accepts_connections_follows_the_listener() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert accepts_connections(port)
    assert not accepts_connections(port)


def test_answers_ok_without_a_server_is_false() -> None:
    assert not answers_ok(f"http://{HOST}:{pick_port()}/readyz")


async def test_run_in_own_loop_works_inside_a_loop() -> None:
    async def work() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert run_in_own_loop(work) is not asyncio.get_running_loop()
