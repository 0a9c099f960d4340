"""Becomes the command it is given, tied to the life of the process that asked for it.

Run as a script, by path, so that it starts in a few milliseconds: it imports nothing but what it needs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_IS_GONE = 75


def become(parent: int, command: list[str]) -> None:
    """Ask the kernel to kill this process when its parent ends, then turn into the command.

    Linux only; elsewhere the command runs without the tie. The kernel counts the *thread* that started this process
    as its parent, which is why every child has a keeper thread of its own.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before the kernel was asked.
        if os.getppid() != parent:
            sys.exit(PARENT_IS_GONE)
    os.execvp(command[0], command)  # noqa: S606  # no shell is the point: the command must be this very process


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
