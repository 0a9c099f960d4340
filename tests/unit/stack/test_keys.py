"""The stack's secrets are generated once and kept; those that an older file lacks are added."""

import stat
from pathlib import Path

import msgspec

from stack import keys


def test_load_twice_keeps_secrets_that_only_the_owner_reads(tmp_path: Path) -> None:
    made = keys.load(tmp_path / "keys")
    again = keys.load(tmp_path / "keys")
    assert (again.private, again.vault, again.client_secret, again.bootstrap) == (
        made.private,
        made.vault,
        made.client_secret,
        made.bootstrap,
    )
    assert stat.S_IMODE((tmp_path / "keys" / "keys.json").stat().st_mode) == 0o600
    assert made.bootstrap not in repr(made)
    assert len(made.bootstrap) == 43


def test_load_older_file_adds_the_missing_secret_once(tmp_path: Path) -> None:
    first = keys.load(tmp_path)
    path = tmp_path / "keys.json"
    older = msgspec.json.decode(path.read_bytes())
    del older["bootstrap"]
    path.write_bytes(msgspec.json.encode(older))
    now = keys.load(tmp_path)
    assert (now.private, now.vault, now.client_secret) == (first.private, first.vault, first.client_secret)
    assert now.bootstrap != first.bootstrap
    assert keys.load(tmp_path).bootstrap == now.bootstrap
