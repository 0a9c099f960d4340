"""The stack's secrets: made once, kept, and those that an older stack did not have are added."""

import stat
from pathlib import Path

import msgspec

from stack import keys


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
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


def test_what_an_older_stack_did_not_have_is_added_and_kept(tmp_path: Path) -> None:
    first = keys.load(tmp_path)
    path = tmp_path / "keys.json"
    older = msgspec.json.decode(path.read_bytes())
    del older["bootstrap"]
    path.write_bytes(msgspec.json.encode(older))
    now = keys.load(tmp_path)
    assert (now.private, now.vault, now.client_secret) == (first.private, first.vault, first.client_secret)
    assert now.bootstrap != first.bootstrap
    assert keys.load(tmp_path).bootstrap == now.bootstrap
