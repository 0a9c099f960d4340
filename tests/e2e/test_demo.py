"""The demo as a person starts it: it ends with what it promises, and Ctrl-C leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from stack.polling import wait_until

INTERRUPTED = 130
ENDS_WITHIN = 120


@contextmanager
def demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    # Without what the person at this terminal has chosen: the demo then has everything of its own.
    chosen = ("KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URL", "POSTBUS_STACK")
    environment = {name: value for name, value in os.environ.items() if name not in chosen}
    command = [sys.executable, "-m", "stack.demo", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as one:
        try:
            yield one
        finally:
            one.kill()


def wait_until_gone(children: list[psutil.Process]) -> None:
    def gone(child: psutil.Process) -> bool:
        return not child.is_running() or child.status() == psutil.STATUS_ZOMBIE

    wait_until(lambda: all(map(gone, children)), name="the children's end", timeout=10)


def test_it_ends_with_what_it_promises(tmp_path: Path) -> None:
    with demo(tmp_path / "demo") as running:
        out, _ = running.communicate(timeout=ENDS_WITHIN)
    last = out.splitlines()[-1]
    assert last.startswith("RESULT {"), out
    result = json.loads(last.removeprefix("RESULT "))
    assert running.returncode == 0, out
    assert (result["posts_at_tiktok"], result["sha256_equal"], result["kills"]) == (1, True, 2)
    assert result["post_published_events"] == 1
    assert result["ages_collected"] >= 2
    assert result["bytes"] >= 150_000_000
    for event in ("post.accepted", "post.uploaded", "post.published", "post.available"):
        assert event in out


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(tmp_path / "demo") as running:
        assert running.stdout is not None
        assert any("post.accepted" in line for line in running.stdout)
        children = psutil.Process(running.pid).children(recursive=True)
        assert len(children) == 8
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=ENDS_WITHIN)
        assert running.returncode == INTERRUPTED, out
    wait_until_gone(children)
