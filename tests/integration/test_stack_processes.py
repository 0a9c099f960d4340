"""Children of the stack: logged, restarted, frozen, stopped, and never left behind."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stack.errors import NotReady, ProcessExited
from stack.polling import wait_until
from stack.processes import Child

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN_PROGRAM = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True); time.sleep(600)"
)
STUBBORN = [sys.executable, "-c", STUBBORN_PROGRAM]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(command: list[str], *, restart: bool = False) -> Child:
        made.append(Child("sleeper", command, log=tmp_path / "sleeper.log", restart=restart))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


def text_of(child: Child) -> str:
    return child.log.read_text()


def status(pid: int) -> str:
    return psutil.Process(pid).status()


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or status(pid) == psutil.STATUS_ZOMBIE


def test_killed_child_is_restarted_with_another_pid(child: Callable[..., Child]) -> None:
    sleeper = child(SLEEPER, restart=True)
    victim = sleeper.kill9()
    assert sleeper.wait_restarted(after=victim) != victim
    assert sleeper.alive
    assert sleeper.deaths == 1


def test_killed_child_without_restart_stays_dead(child: Callable[..., Child]) -> None:
    sleeper = child(SLEEPER)
    sleeper.kill9()
    wait_until(lambda: sleeper.ended, name="its end")
    assert not sleeper.alive


def test_stopped_child_stays_stopped_until_started(child: Callable[..., Child]) -> None:
    sleeper = child(SLEEPER, restart=True)
    first = sleeper.pid
    sleeper.stop()
    assert sleeper.ended
    assert ended(first)
    sleeper.start()
    assert sleeper.alive
    assert sleeper.pid != first


def test_paused_child_continues_when_resumed(child: Callable[..., Child]) -> None:
    sleeper = child(SLEEPER)
    sleeper.pause()
    wait_until(lambda: status(sleeper.pid) == psutil.STATUS_STOPPED, name="the freeze")
    sleeper.resume()
    wait_until(lambda: status(sleeper.pid) != psutil.STATUS_STOPPED, name="the thaw")


def test_child_that_ignores_stop_is_killed_with_its_children(child: Callable[..., Child]) -> None:
    stubborn = child(STUBBORN)
    grandchild = int(wait_until(lambda: text_of(stubborn), name="its first line", child=stubborn))
    stubborn.stop(timeout=0.2)
    assert ended(stubborn.pid)
    wait_until(lambda: ended(grandchild), name="the grandchild's end")


def test_waiting_for_a_crashing_child_shows_its_log(child: Callable[..., Child]) -> None:
    failing = child([sys.executable, "-c", "raise SystemExit('no such thing')"], restart=True)
    with pytest.raises(ProcessExited, match="no such thing"):
        wait_until(lambda: False, name="a failing part", child=failing)


def test_waiting_ends_at_the_deadline() -> None:
    with pytest.raises(NotReady, match="a thing was not ready"):
        wait_until(lambda: False, name="a thing", timeout=0.01)


def test_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from stack.processes import Child\n"
        f"children = [Child(f'c{{i}}', {SLEEPER!r}, log=Path({str(tmp_path)!r}) / f'{{i}}.log', restart=True)"
        " for i in range(3)]\n"
        "[child.start() for child in children]\n"
        "print(*[child.pid for child in children], flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(text) for text in parent.stdout.readline().split()]
        assert len(pids) == 3
        assert all(psutil.pid_exists(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: all(ended(pid) for pid in pids), name="the children's end", timeout=10)
