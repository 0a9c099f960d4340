"""What is sealed opens where it belongs, under a key that is configured, and nowhere else."""

import base64
from typing import TypedDict

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from common.errors import CannotOpen, KeyMaterialRefused, SealBroken, UnknownKeyId
from common.security.sealing import Vault, key_id_of, open_sealed, private_key_of, public_keys_of, seal_for

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


class Place(TypedDict):
    owner: str
    field: str
    version: int


PLACE = Place(owner="acc_a", field="access_token", version=7)
SERVICE_KEY = X25519PrivateKey.generate()


def base64_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(st.binary(max_size=4096), st.text(max_size=40), st.text(max_size=40), st.integers(0, 2**62))
def test_vault_opens_what_it_sealed(secret: bytes, account: str, field: str, version: int) -> None:
    vault = Vault({"k1": OLD})
    sealed = vault.seal(secret, owner=account, field=field, version=version)
    assert vault.open(sealed, owner=account, field=field, version=version) == secret


@given(st.tuples(st.text(max_size=3), st.text(max_size=3), st.integers(0, 3)), st.data())
def test_vault_does_not_open_a_moved_text(place: tuple[str, str, int], data: st.DataObject) -> None:
    other = data.draw(
        st.tuples(st.text(max_size=3), st.text(max_size=3), st.integers(0, 3)).filter(lambda drawn: drawn != place)
    )
    vault = Vault({"k1": OLD})
    sealed = vault.seal(b"secret", owner=place[0], field=place[1], version=place[2])
    with pytest.raises(SealBroken):
        vault.open(sealed, owner=other[0], field=other[1], version=other[2])


def test_parts_of_a_place_are_separate() -> None:
    vault = Vault({"k1": OLD})
    sealed = vault.seal(b"secret", owner="ab", field="c", version=1)
    with pytest.raises(SealBroken):
        vault.open(sealed, owner="a", field="bc", version=1)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_vault_does_not_open_an_altered_text(where: int, flip: int) -> None:
    vault = Vault({"k1": OLD})
    head, text = vault.seal(b"a secret", **PLACE).rsplit(".", 1)
    blob = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    blob[where % len(blob)] ^= flip
    with pytest.raises(CannotOpen):
        vault.open(f"{head}.{base64.urlsafe_b64encode(blob).rstrip(b'=').decode()}", **PLACE)


@given(st.text(max_size=120))
def test_vault_refuses_any_other_text(text: str) -> None:
    with pytest.raises(CannotOpen):
        Vault({"k1": OLD}).open(text, **PLACE)


def test_old_key_id_still_opens_and_the_first_one_seals() -> None:
    sealed = Vault({"k1": OLD}).seal(b"secret", **PLACE)
    rotated = Vault({"k2": NEW, "k1": OLD})
    assert rotated.open(sealed, **PLACE) == b"secret"
    assert key_id_of(rotated.seal(b"secret", **PLACE)) == "k2"


@pytest.mark.parametrize(("text", "key_id"), [("v1.k-1_a.xyz", "k-1_a"), ("v1.k1", "k1"), ("h1.k1.xyz", ""), ("", "")])
def test_key_id_of_a_sealed_text_is_readable(text: str, key_id: str) -> None:
    assert key_id_of(text) == key_id


def test_unknown_key_id_is_named() -> None:
    sealed = Vault({"k1": OLD}).seal(b"secret", **PLACE)
    with pytest.raises(CannotOpen, match="key id `k1`, which is not configured; configured: k2") as caught:
        Vault({"k2": NEW}).open(sealed, **PLACE)
    assert isinstance(caught.value, UnknownKeyId)


def test_another_key_under_the_same_id_does_not_open() -> None:
    sealed = Vault({"k1": OLD}).seal(b"secret", **PLACE)
    with pytest.raises(SealBroken):
        Vault({"k1": NEW}).open(sealed, **PLACE)


def test_each_write_has_a_new_data_key() -> None:
    vault = Vault({"k1": OLD})
    assert vault.seal(b"secret", **PLACE) != vault.seal(b"secret", **PLACE)


def test_repr_of_a_vault_shows_only_ids() -> None:
    assert repr(Vault.parse(f"k2:{base64_of(NEW)}, k1:{base64_of(OLD)}")) == "Vault(seals='k2', opens=('k2', 'k1'))"


@given(st.binary(max_size=4096), st.text(max_size=60))
def test_sealed_for_a_service_opens_with_its_key(secret: bytes, context: str) -> None:
    assert open_sealed(SERVICE_KEY, seal_for(SERVICE_KEY.public_key(), secret, context), context) == secret


@given(st.text(max_size=20), st.text(max_size=20))
def test_sealed_for_a_service_opens_only_with_its_context(context: str, other: str) -> None:
    sealed = seal_for(SERVICE_KEY.public_key(), b"secret", context)
    if context != other:
        with pytest.raises(SealBroken):
            open_sealed(SERVICE_KEY, sealed, other)


def test_sealed_for_one_service_does_not_open_for_another() -> None:
    sealed = seal_for(SERVICE_KEY.public_key(), b"secret", "acc|access_token|1")
    with pytest.raises(CannotOpen, match=r"does not open as `acc\|access_token\|1`"):
        open_sealed(X25519PrivateKey.generate(), sealed, "acc|access_token|1")


@given(st.text(max_size=120).map(lambda text: f"h1.{text}") | st.text(max_size=20))
def test_open_sealed_refuses_any_other_text(text: str) -> None:
    with pytest.raises(CannotOpen):
        open_sealed(SERVICE_KEY, text, "acc|access_token|1")


def test_configured_keys_work_together() -> None:
    private = private_key_of(base64_of(SERVICE_KEY.private_bytes_raw()))
    publics = public_keys_of(f"uploader:{base64_of(SERVICE_KEY.public_key().public_bytes_raw())},")
    assert list(publics) == ["uploader"]
    assert open_sealed(private, seal_for(publics["uploader"], b"secret", "c"), "c") == b"secret"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one"),
        ("k1", "is not base64|has 0 bytes, not 32"),
        (f"k1:{base64_of(OLD)},k1:{base64_of(NEW)}", "`k1`: is given twice"),
        (f"k1:{base64_of(OLD[:16])}", "`k1`: has 16 bytes, not 32"),
        ("k1:no base64!", "`k1`: is not base64"),
        (f"a b:{base64_of(OLD)}", "`number 1`: has to read"),
    ],
)
def test_invalid_key_is_named_and_not_shown(text: str, message: str) -> None:
    with pytest.raises(KeyMaterialRefused, match=message) as caught:
        Vault.parse(text)
    for entry in text.split(","):
        assert (entry.partition(":")[2] or "\0") not in str(caught.value)
    assert caught.value.__cause__ is None
