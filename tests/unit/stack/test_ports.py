"""Ports: the preferred one if it is free, never one that is taken or to be avoided."""

import socket

from stack.ports import FREE_RANGE, HOST, is_free, pick_port


def test_pick_port_takes_the_preferred_one_if_free() -> None:
    free = pick_port()
    assert pick_port(free) == free


def test_pick_port_leaves_a_taken_one() -> None:
    with socket.create_server((HOST, 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        assert pick_port(taken) in FREE_RANGE


def test_pick_port_leaves_one_to_avoid() -> None:
    free = pick_port()
    assert pick_port(free, avoid={free}) != free
