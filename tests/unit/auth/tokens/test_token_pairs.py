"""Token pairs are sealed for one account and version, and access tokens for one service."""

import base64

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service.tokens.token_pairs import Recipients

UPLOADER = X25519PrivateKey.generate()


RECIPIENTS = Recipients({"uploader": UPLOADER.public_key()})


def test_recipients_tell_one_set_of_keys_from_another() -> None:
    other = Recipients({"uploader": X25519PrivateKey.generate().public_key()})
    again = Recipients({"uploader": UPLOADER.public_key()})
    assert RECIPIENTS.fingerprint == again.fingerprint != other.fingerprint
    raw = base64.b64encode(UPLOADER.public_key().public_bytes_raw()).decode()
    assert raw not in RECIPIENTS.fingerprint
