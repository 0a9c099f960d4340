"""Identifiers in the shapes TikTok gives them, drawn from the randomness passed in."""

import base64
import hashlib
import string
from datetime import UTC, datetime
from random import Random

_TEXT = string.ascii_letters + string.digits


def open_id_of(client_key: str, username: str) -> str:
    """The same person gets the same open id in the same app, also after a restart; leading dash on purpose."""
    digest = hashlib.sha256(f"{client_key}|{username}".encode()).digest()
    return "-000" + base64.urlsafe_b64encode(digest).decode()[:32]


def union_id_of(username: str) -> str:
    """The same person gets the same union id in every app."""
    digest = hashlib.sha256(f"union|{username}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:36]


class Identifiers:
    """Draws every identifier and secret the stand-in hands out."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def text(self, length: int) -> str:
        """Letters and digits."""
        return "".join(self._random.choices(_TEXT, k=length))

    def _nineteen_digits(self) -> int:
        """Beyond 2**53 on purpose: a client that rounds JSON numbers shall fail here too."""
        return 7_600_000_000_000_000_000 + self._random.randrange(10**17)

    def authorization_code(self) -> str:
        """Its tail must be percent-encoded in the callback and decoded once by the client."""
        return f"{self.text(64)}*1!4608.va"

    def access_token(self) -> str:
        """A user access token."""
        return f"act.{self.text(48)}!4692.e1"

    def refresh_token(self) -> str:
        """A user refresh token."""
        return f"rft.{self.text(48)}!4701.e1"

    def client_token(self) -> str:
        """An app's own access token."""
        return f"clt.{self.text(48)}"

    def publish_id(self, medium: str, mode: str, source: str) -> str:
        """The id of a publication tells what it is of; both modes of photos look alike."""
        kind = "inbox" if medium == "VIDEO" and mode == "MEDIA_UPLOAD" else "pub"
        by_file = source == "FILE_UPLOAD"
        letter, way = medium[0].lower(), "file" if by_file else "url"
        version = "v2-1" if by_file and kind == "pub" else "v2"
        return f"{letter}_{kind}_{way}~{version}.{self._nineteen_digits()}"

    def upload_id(self) -> str:
        """The public half of an upload url."""
        return str(self._nineteen_digits())

    def post_id(self) -> int:
        """The id of a post on TikTok."""
        return self._nineteen_digits()

    def log_id(self, now: float) -> str:
        """A moment and 20 uppercase hex digits."""
        moment = datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d%H%M%S")
        return f"{moment}{self._random.getrandbits(80):020X}"
