"""A whole stack without services: found again, never twice in one folder, secrets readable by its owner alone."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient

from stack import state
from stack.errors import AlreadyRunning
from stack.local import Stack
from stack.options import SERVICES, Options
from stack.polling import wait_until
from stack.ports import is_free
from stack.services import ServiceEnvironment

BARE = Options(services=())


def test_second_start_keeps_ports_keys_and_data(tmp_path: Path) -> None:
    with Stack(tmp_path, BARE) as first:
        written = state.read(tmp_path)
        assert written is not None
        assert written.ready
        assert written.addresses["kafka"] == first.bootstrap_servers
        with MongoClient[dict[str, object]](first.mongodb_url) as client:
            client.test.things.insert_one({"_id": "kept"})
    secrets = (tmp_path / "keys" / "keys.json").read_bytes()
    with Stack(tmp_path, BARE) as second:
        assert second.ports == first.ports
        assert (tmp_path / "keys" / "keys.json").read_bytes() == secrets
        with MongoClient[dict[str, object]](second.mongodb_url) as client:
            assert client.test.things.find_one() == {"_id": "kept"}
    assert all(is_free(port) for port in second.ports.values())
    assert not state.is_locked(tmp_path)


def test_second_stack_in_one_folder_is_refused(tmp_path: Path) -> None:
    with state.locked(tmp_path), pytest.raises(AlreadyRunning), Stack(tmp_path, BARE):
        pass


def test_secret_files_are_private(tmp_path: Path) -> None:
    stack = Stack(tmp_path, BARE)
    stack._build()
    for path in (tmp_path / "keys" / "keys.json", tmp_path / "tls" / "server.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_killed_stack_leaves_nothing_and_starts_again(tmp_path: Path) -> None:
    program = (
        "import sys, threading; from pathlib import Path\n"
        "from stack.local import Stack; from stack.options import Options\n"
        "stack = Stack(Path(sys.argv[1]), Options(services=())); stack.start(); print('ready', flush=True)\n"
        "threading.Event().wait()"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) == 4
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(alive(child) for child in children), name="the children's end", timeout=10)
    with Stack(tmp_path, BARE):
        pass


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_services_get_the_variables_they_need_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_OF_THE_TERMINAL", "hunter2")
    stack = Stack(tmp_path, Options(environment={"LOG_LEVEL": "DEBUG"}))
    stack._build()
    environment: ServiceEnvironment = stack._service_environment()
    variables = {name: environment.variables_for(name, instance=f"{name}-0", port=1) for name in SERVICES}
    secret = stack._keys.client_secret
    assert [name for name in SERVICES if secret in variables[name].values()] == ["auth", "publisher"]
    assert [name for name in SERVICES if stack._keys.bootstrap in variables[name].values()] == ["auth"]
    assert [name for name in SERVICES if "MONGODB_URL" in variables[name]] == ["analytics"]
    assert variables["uploader"]["UPLOADER_PRIVATE_KEY"] != variables["publisher"]["PUBLISHER_PRIVATE_KEY"]
    assert all("PASSWORD_OF_THE_TERMINAL" not in own for own in variables.values())
    assert all(own["LOG_LEVEL"] == "DEBUG" for own in variables.values())
    assert os.environ["PATH"] == variables["auth"]["PATH"]
