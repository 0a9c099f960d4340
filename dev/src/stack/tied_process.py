"""Becomes the command it is given, tied to the life of the parent process.

Run as a script, by path, so that it starts in a few milliseconds: it imports only what it needs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_HAS_ENDED = 75


def exec_tied_to_parent(parent: int, command: list[str]) -> None:
    """Have the kernel kill this process when its parent ends, then become the command.

    Linux only; elsewhere the command runs without the tie. The kernel takes the *thread* that started this process
    as its parent. That is why every child has a supervisor thread of its own.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before prctl took effect; then no signal would ever come.
        if os.getppid() != parent:
            sys.exit(PARENT_HAS_ENDED)
    os.execvp(command[0], command)  # noqa: S606  # without a shell, the command is this very process


if __name__ == "__main__":
    exec_tied_to_parent(int(sys.argv[1]), sys.argv[2:])
