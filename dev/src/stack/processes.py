"""Child processes that cannot outlive us: each has a log, a keeper thread, and maybe a right to be restarted."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack import guard

RESTART_AFTER = 0.2
STOP_WITHIN = 15.0


class Child:
    """One child process. Its keeper thread starts it, waits for its end and, if asked to, starts it again.

    The keeper lives exactly as long as the process is wanted: the kernel kills a child when the thread that started
    it ends, so no other thread may do the starting.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        restart: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self.deaths = 0
        self._command = list(command)
        self._environment = dict(os.environ if environment is None else environment)
        self._folder = folder
        self._restart = restart
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._refused: OSError | None = None

    def start(self) -> None:
        """Start the process; return once it exists. Does nothing while it is kept already."""
        if self._keeper and self._keeper.is_alive():
            return
        self._stopping.clear()
        self._process = None
        self._keeper = threading.Thread(target=self._keep, name=f"keeper of {self.name}", daemon=True)
        self._keeper.start()
        with self._changed:
            self._changed.wait_for(lambda: self._process is not None or self._refused is not None)
        if self._refused:
            raise self._refused

    @property
    def pid(self) -> int:
        """The id of the process that runs now, or ran last."""
        if self._process is None:
            msg = f"{self.name} was never started"
            raise RuntimeError(msg)
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def gone(self) -> bool:
        """Whether the process ended for good."""
        return self._keeper is None or not self._keeper.is_alive()

    def kill9(self) -> int:
        """Kill the process as a crash would and return the id it had; a restarting child comes back by itself."""
        with self._changed:
            deaths, victim = self.deaths, self.pid
            self._signal(signal.SIGKILL)
            self._changed.wait_for(lambda: self.deaths > deaths, timeout=STOP_WITHIN)
        return victim

    def pause(self) -> None:
        """Freeze the process (SIGSTOP), as a long stall would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)

    def wait_restarted(self, *, after: int, timeout: float = STOP_WITHIN) -> int:
        """Wait for a process with another id than `after`, and return its id.

        Raises:
            TimeoutError: there was none in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.alive and self.pid != after, timeout=timeout):
                msg = f"{self.name} did not come back within {timeout:.0f} s"
                raise TimeoutError(msg)
            return self.pid

    def begin_stop(self) -> None:
        """Ask the process to end (SIGTERM), and never restart it."""
        with self._changed:
            self._stopping.set()
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)

    def stop(self, *, within: float = STOP_WITHIN) -> None:
        """Ask the process to end; kill it and everything it started when it takes too long."""
        self.begin_stop()
        if self._keeper:
            self._keeper.join(within)
            self._kill_group()
            self._keeper.join()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _kill_group(self) -> None:
        # The group has the id of the child, which leads it; it may still hold what the child started.
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _keep(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with self._changed:
                process = self._spawn()
                self._changed.notify_all()
            if process is None:
                return
            process.wait()
            with self._changed:
                self.deaths += 1
                self._changed.notify_all()
            if not self._restart or self._stopping.wait(RESTART_AFTER):
                return

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        if self._stopping.is_set():
            return None
        command = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *self._command]
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    cwd=self._folder,
                    # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop things in order.
                    start_new_session=True,
                )
        except OSError as refused:
            self._refused = refused
            return None
        return self._process
