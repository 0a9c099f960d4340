"""Identifiers and secrets in TikTok's shapes, drawn from given randomness."""

import base64
import hashlib
import string
from datetime import UTC, datetime
from random import Random

_TEXT = string.ascii_letters + string.digits


def open_id_of(client_key: str, username: str) -> str:
    """Return a person's open id in an app: always the same, also after a restart.

    It starts with a dash on purpose: clients that pass it on a command line or in a path must cope with one.
    """
    digest = hashlib.sha256(f"{client_key}|{username}".encode()).digest()
    return "-000" + base64.urlsafe_b64encode(digest).decode()[:32]


def union_id_of(username: str) -> str:
    """Return a person's union id: the same in every app."""
    digest = hashlib.sha256(f"union|{username}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:36]


class Identifiers:
    """Draws every identifier and secret that the sandbox issues."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def text(self, length: int) -> str:
        """Return random letters and digits."""
        return "".join(self._random.choices(_TEXT, k=length))

    def _nineteen_digits(self) -> int:
        """Return a number above 2**53.

        A client that reads JSON numbers as doubles rounds it, and should fail here as it would at TikTok.
        """
        return 7_600_000_000_000_000_000 + self._random.randrange(10**17)

    def authorization_code(self) -> str:
        """Return a code with characters that need percent-encoding.

        Clients must decode it once, and encode it again when they exchange it.
        """
        return f"{self.text(64)}*1!4608.va"

    def access_token(self) -> str:
        """Return a user access token."""
        return f"act.{self.text(48)}!4692.e1"

    def refresh_token(self) -> str:
        """Return a user refresh token."""
        return f"rft.{self.text(48)}!4701.e1"

    def client_token(self) -> str:
        """Return an app's own access token."""
        return f"clt.{self.text(48)}"

    def publish_id(self, medium: str, mode: str, source: str) -> str:
        """Return a publish id, whose prefix names medium, mode and source as TikTok's do."""
        kind = "inbox" if medium == "VIDEO" and mode == "MEDIA_UPLOAD" else "pub"
        # Both modes of photos have the same prefix; only uploaded direct posts have `v2-1`.
        by_file = source == "FILE_UPLOAD"
        letter, transfer = medium[0].lower(), "file" if by_file else "url"
        version = "v2-1" if by_file and kind == "pub" else "v2"
        return f"{letter}_{kind}_{transfer}~{version}.{self._nineteen_digits()}"

    def upload_id(self) -> str:
        """Return the public half of an upload URL."""
        return str(self._nineteen_digits())

    def post_id(self) -> int:
        """Return the id of a post."""
        return self._nineteen_digits()

    def log_id(self, now: float) -> str:
        """Return a log id: the time and 20 uppercase hex digits."""
        timestamp = datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d%H%M%S")
        return f"{timestamp}{self._random.getrandbits(80):020X}"
