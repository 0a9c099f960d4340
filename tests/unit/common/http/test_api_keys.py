"""The text of an API key: generated, parsed, and never shown."""

import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.http.api_keys import generate_key, parse_key


def test_generated_key_has_id_secret_and_hash() -> None:
    new = generate_key(lambda count: bytes(range(count)))
    assert new.text == "pb_aaaqeayeauda_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert new.key_id == "aaaqeayeauda"
    assert new.secret_hash == hashlib.sha256(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").hexdigest()


@given(seed=st.randoms(use_true_random=False))
def test_generated_key_is_parsed(seed: Any) -> None:
    new = generate_key(seed.randbytes)
    presented = parse_key(new.text)
    assert presented is not None
    assert (presented.key_id, presented.secret_hash) == (new.key_id, new.secret_hash)


def test_no_two_generated_keys_are_equal() -> None:
    keys = [generate_key(os.urandom) for _ in range(100)]
    assert len({key.key_id for key in keys}) == len({key.secret_hash for key in keys}) == 100


def test_repr_of_a_key_does_not_show_it() -> None:
    new = generate_key(os.urandom)
    secret = new.text[-43:]
    presented = parse_key(new.text)
    assert secret not in f"{new!r}{new}{presented!r}"
    assert new.secret_hash not in f"{new!r}{presented!r}"


@given(text=st.text(max_size=200))
def test_parse_key_of_any_text_does_not_fail(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: key.upper(),
        lambda key: key.replace("pb_", "pk_"),
        lambda key: key[:-1] + "B",  # no 32 bytes end so
        lambda key: key[:-2] + "=A",
        lambda key: key[:3] + "0" + key[4:],
        lambda key: key * 1_000,
        lambda key: key[:-3] + "é" + key[-2:],
    ],
)
def test_parse_key_of_almost_a_key_is_none(spoil: Callable[[str], str]) -> None:
    key = generate_key(bytes).text
    assert parse_key(key) is not None
    assert parse_key(spoil(key)) is None
