"""Picks ports on this machine: the usual one where it is free, another one else."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections: a port taken from that range
# could be gone when a killed service comes back for it.
FREE_RANGE = range(12_000, 32_000)
HOST = "127.0.0.1"


def pick(preferred: int | None = None, *, avoid: set[int] | frozenset[int] = frozenset()) -> int:
    """Return the preferred port if nobody listens on it, else a free one picked at random."""
    if preferred is not None and preferred not in avoid and is_free(preferred):
        return preferred
    candidates = random.sample(FREE_RANGE, k=200)  # one in use out of 200 is likely, all of them is not
    return next(port for port in candidates if port not in avoid and is_free(port))


def is_free(port: int) -> bool:
    """Say whether the port can be listened on."""
    with socket.socket() as probe:
        # What servers set: a port whose old connections are still dying counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
