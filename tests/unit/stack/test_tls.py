"""The stack's certificate authority: made once, with a key that only its owner can read."""

import stat
from pathlib import Path

from stack.tls import certificates


def test_certificates_twice_are_the_same(tmp_path: Path) -> None:
    first = certificates(tmp_path / "tls")
    content = first.certificate.read_bytes()
    assert certificates(tmp_path / "tls") == first
    assert first.certificate.read_bytes() == content


def test_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert stat.S_IMODE(certificates(tmp_path / "tls").key.stat().st_mode) == 0o600


def test_client_context_trusts_only_the_stacks_authority(tmp_path: Path) -> None:
    assert len(certificates(tmp_path / "tls").client_context().get_ca_certs()) == 1
