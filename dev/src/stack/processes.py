"""Child processes that cannot outlive this one, each with a log and a supervisor."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack import tied_process

RESTART_DELAY = 0.2
STOP_TIMEOUT = 15.0


class Child:
    """One child process, which its supervisor thread starts and may start again.

    The kernel kills a child when the *thread* that started it ends (see `tied_process`). So only the supervisor may
    start the process, and it lives as long as the process is needed.
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
        self._supervisor: threading.Thread | None = None
        self._start_error: OSError | None = None

    def start(self) -> None:
        """Start the process; return once it exists. Does nothing if it runs already."""
        if self._supervisor and self._supervisor.is_alive():
            return
        self._stopping.clear()
        self._process = None
        self._supervisor = threading.Thread(target=self._supervise, name=f"supervisor of {self.name}", daemon=True)
        self._supervisor.start()
        with self._changed:
            self._changed.wait_for(lambda: self._process is not None or self._start_error is not None)
        if self._start_error:
            raise self._start_error

    @property
    def pid(self) -> int:
        """The id of the current process, or of the last one."""
        if self._process is None:
            msg = f"{self.name} was never started"
            raise RuntimeError(msg)
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def ended(self) -> bool:
        """Whether the process has ended and will not be started again."""
        return self._supervisor is None or not self._supervisor.is_alive()

    def kill9(self) -> int:
        """Kill the process with SIGKILL, as a crash would, and return its id.

        A child with `restart` is then started again.
        """
        with self._changed:
            deaths, victim = self.deaths, self.pid
            self._signal(signal.SIGKILL)
            self._changed.wait_for(lambda: self.deaths > deaths, timeout=STOP_TIMEOUT)
        return victim

    def pause(self) -> None:
        """Freeze the process with SIGSTOP, as a suspended machine would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process run again."""
        self._signal(signal.SIGCONT)

    def wait_restarted(self, *, after: int, timeout: float = STOP_TIMEOUT) -> int:
        """Wait until a process with another id than `after` runs, and return its id.

        Raises:
            TimeoutError: none was started in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.alive and self.pid != after, timeout=timeout):
                msg = f"{self.name} was not started again within {timeout:.0f} s"
                raise TimeoutError(msg)
            return self.pid

    def request_stop(self) -> None:
        """Send SIGTERM, and do not restart the process any more."""
        with self._changed:
            self._stopping.set()
            self._signal(signal.SIGTERM)
            # A frozen process handles SIGTERM only once it runs again.
            self._signal(signal.SIGCONT)

    def stop(self, *, timeout: float = STOP_TIMEOUT) -> None:
        """Stop the process; after `timeout` seconds kill it and everything it started."""
        self.request_stop()
        if self._supervisor:
            self._supervisor.join(timeout)
            self._kill_group()
            self._supervisor.join()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _kill_group(self) -> None:
        # The child leads its process group. The group may outlive it: it also holds what the child started.
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _supervise(self) -> None:
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
            if not self._restart or self._stopping.wait(RESTART_DELAY):
                return

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        if self._stopping.is_set():
            return None
        command = [sys.executable, "-I", "-S", tied_process.__file__, str(os.getpid()), *self._command]
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    cwd=self._folder,
                    # A session of its own: Ctrl-C in the terminal reaches only this process, which stops the
                    # children in the right order.
                    start_new_session=True,
                )
        except OSError as error:
            self._start_error = error
            return None
        return self._process
