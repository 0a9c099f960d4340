"""Picks ports on this machine: the usual one if it is free, else another one."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections. A port from that range could be in use
# by the time a killed service is started again.
FREE_RANGE = range(12_000, 32_000)
HOST = "127.0.0.1"


def pick_port(preferred: int | None = None, *, avoid: set[int] | frozenset[int] = frozenset()) -> int:
    """Return the preferred port if it is free, else a free one picked at random."""
    if preferred is not None and preferred not in avoid and is_free(preferred):
        return preferred
    candidates = random.sample(FREE_RANGE, k=200)  # that all 200 are taken is practically impossible
    return next(port for port in candidates if port not in avoid and is_free(port))


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port."""
    with socket.socket() as probe:
        # As servers do: connections in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
