"""What `make compose` mounts: each container gets its own secrets, and a second call keeps them."""

import stat
from pathlib import Path

from stack import keys
from stack.compose import variables, write_files


def test_write_files_twice_keeps_the_secrets(tmp_path: Path) -> None:
    write_files(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_files(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert {"auth.env", "publisher.env", "sandbox.env", "server.pem", "ca.pem"} <= set(first)


def test_write_files_lets_only_the_owner_read_secrets(tmp_path: Path) -> None:
    write_files(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.env")}
    assert set(modes.values()) == {0o600}


def test_variables_go_only_where_they_are_needed(tmp_path: Path) -> None:
    made = keys.load(tmp_path)
    files = variables(made)
    assert {name for name, text in files.items() if made.client_secret in text} == {"auth", "publisher", "sandbox"}
    assert {name for name, text in files.items() if made.bootstrap in text} == {"auth"}
    assert {name for name, text in files.items() if made.private["uploader"] in text} == {"uploader"}
