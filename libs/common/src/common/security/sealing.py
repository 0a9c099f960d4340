"""Encrypts secrets: at rest under our own keys (`Vault`), and between services to a public key (`seal_for`).

Both bind a ciphertext to its place. A copy in another account, field or version does not open.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from common.errors import CannotOpen, KeyMaterialRefused, SealBroken, UnknownKeyId

__all__ = ["CannotOpen", "Vault", "key_id_of", "open_sealed", "private_key_of", "public_keys_of", "seal_for"]

KEY_BYTES = 32
"""Length of an AES-256 key and of a raw X25519 key."""

_NONCE_BYTES = 12
"""The length that GCM is made for."""
_WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + 16
"""The nonce, the data key and the 16 bytes of GCM's tag: they stand before the content."""
_VAULT_FORM = "v1"
_SEAL_FORM = "h1"
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Vault:
    """AES-256-GCM envelope encryption: each write has a new data key, wrapped by a key-encryption key with an id.

    The first key seals and all keys open. To rotate keys, put a new one in front.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys` are key-encryption keys by id; the first one seals. Raises `KeyMaterialRefused`."""
        if not keys:
            raise KeyMaterialRefused(name="", fault="at least one `<key id>:<base64 of 32 bytes>` is needed")
        for key_id, key in keys.items():
            _check_key(key_id, key)
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.sealing_key_id = next(iter(self._keys))

    @classmethod
    def parse(cls, text: str) -> "Vault":
        """Parse `<key id>:<base64 of 32 bytes>,…`. Raises `KeyMaterialRefused`, which never repeats a key."""
        return cls(_pairs(text))

    def __repr__(self) -> str:
        return f"Vault(seals={self.sealing_key_id!r}, opens={tuple(self._keys)!r})"

    def seal(self, plaintext: bytes, *, owner: str, field: str, version: int) -> str:
        """Seal one version of one field of a secret. `owner` is the account or tenant that it belongs to."""
        key_id = self.sealing_key_id
        bound = _bound(owner, field, key_id, version)
        data_key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
        # The prefixes keep a wrapped key from opening as content, and content from opening as a key.
        wrapped = _encrypt(self._keys[key_id], data_key, b"key" + bound)
        content = _encrypt(AESGCM(data_key), plaintext, b"content" + bound)
        return f"{_VAULT_FORM}.{key_id}.{_to_text(wrapped + content)}"

    def open(self, sealed: str, *, owner: str, field: str, version: int) -> bytes:
        """Open a text that was sealed for the same place. Raises `UnknownKeyId` or `SealBroken`."""
        context = f"{owner}|{field}|{version}"
        form, _, rest = sealed.partition(".")
        key_id, _, text = rest.partition(".")
        if form != _VAULT_FORM:
            raise SealBroken(context=context, fault=f"form `{form[:8]}` is not `{_VAULT_FORM}`")
        if key_id not in self._keys:
            raise UnknownKeyId(key_id=key_id, known=self._keys)
        blob = _from_text(text, context)
        bound = _bound(owner, field, key_id, version)
        try:
            data_key = _decrypt(self._keys[key_id], blob[:_WRAPPED_BYTES], b"key" + bound)
            return _decrypt(AESGCM(data_key), blob[_WRAPPED_BYTES:], b"content" + bound)
        except (InvalidTag, ValueError) as error:
            raise SealBroken(context=context, fault="altered, or sealed for another place") from error


def key_id_of(sealed: str) -> str:
    """Return the id of the key that a text was sealed under, empty if it is no vault's text. It proves nothing."""
    form, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if form == _VAULT_FORM else ""


def seal_for(public_key: X25519PublicKey, plaintext: bytes, context: str) -> str:
    """Seal to the owner of a public key (HPKE, RFC 9180). `context` is `account|field|version`."""
    return f"{_SEAL_FORM}.{_to_text(_SUITE.encrypt(plaintext, public_key, info=context.encode()))}"


def open_sealed(private_key: X25519PrivateKey, sealed: str, context: str) -> bytes:
    """Open a text that was sealed to our public key with the same context. Raises `SealBroken`."""
    form, _, text = sealed.partition(".")
    if form != _SEAL_FORM:
        raise SealBroken(context=context, fault=f"form `{form[:8]}` is not `{_SEAL_FORM}`")
    blob = _from_text(text, context)
    try:
        return _SUITE.decrypt(blob, private_key, info=context.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken(context=context, fault="altered, for another context, or for another key") from error


def private_key_of(text: str) -> X25519PrivateKey:
    """Parse a raw X25519 private key in base64. Raises `KeyMaterialRefused`."""
    return X25519PrivateKey.from_private_bytes(_key_bytes("private key", text))


def public_keys_of(text: str) -> Mapping[str, X25519PublicKey]:
    """Parse `<service>:<base64 of a raw X25519 public key>,…`. Raises `KeyMaterialRefused`."""
    return {name: X25519PublicKey.from_public_bytes(raw) for name, raw in _pairs(text).items()}


def _pairs(text: str) -> dict[str, bytes]:
    pairs: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, key = entry.partition(":")
        if not _KEY_ID.fullmatch(name):
            raise KeyMaterialRefused(name=f"number {len(pairs) + 1}", fault="has to read `<name>:<base64 of 32 bytes>`")
        if name in pairs:
            raise KeyMaterialRefused(name=name, fault="is given twice")
        pairs[name] = _key_bytes(name, key)
    return pairs


def _key_bytes(name: str, text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # Without the cause, because its message and traceback may show the key.
        raise KeyMaterialRefused(name=name, fault="is not base64") from None
    _check_key(name, raw)
    return raw


def _check_key(name: str, raw: bytes) -> None:
    if not _KEY_ID.fullmatch(name.replace(" ", "_")):
        raise KeyMaterialRefused(name=name, fault="an id is 1 to 64 letters, digits, `_` or `-`")
    if len(raw) != KEY_BYTES:
        raise KeyMaterialRefused(name=name, fault=f"has {len(raw)} bytes, not {KEY_BYTES}")


def _bound(account_id: str, field: str, key_id: str, version: int) -> bytes:
    # JSON separates the parts. Joined as text, "a" + "bc" would equal "ab" + "c".
    return msgspec.json.encode((account_id, field, key_id, version))


def _encrypt(key: AESGCM, plaintext: bytes, bound: bytes) -> bytes:
    # GCM breaks if a nonce repeats under one key. Random ones are safe for about 2^32 writes per key.
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, plaintext, bound)


def _decrypt(key: AESGCM, blob: bytes, bound: bytes) -> bytes:
    return key.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], bound)


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(text: str, context: str) -> bytes:
    try:
        # `_to_text` drops the padding, and the decoder demands it.
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealBroken(context=context, fault="is not base64") from error
