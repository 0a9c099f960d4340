"""What went over the wire and must stay between two parties, for tests that look for it where it must not be."""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

REMEMBERED: Final = 10_000


class Kind(StrEnum):
    """What a secret opens."""

    AUTHORIZATION_CODE = "authorization_code"
    CODE_VERIFIER = "code_verifier"
    ACCESS_TOKEN = "access_token"  # noqa: S105 -- the name of a kind
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 -- the name of a kind
    CLIENT_TOKEN = "client_token"  # noqa: S105 -- the name of a kind
    UPLOAD_TOKEN = "upload_token"  # noqa: S105 -- the name of a kind
    UPLOAD_URL = "upload_url"


class Secret(Struct, frozen=True, kw_only=True):
    """One secret; `open_id` is whose it is, empty where it is the app's own."""

    number: int
    kind: Kind
    value: str
    open_id: str

    def __repr__(self) -> str:
        return f"Secret({self.kind})"


class Secrets:
    """The last secrets that were handed out or shown, oldest first; `seen` counts those forgotten too."""

    def __init__(self) -> None:
        self._known: deque[Secret] = deque(maxlen=REMEMBERED)
        self.seen = 0

    def note(self, kind: Kind, value: str, open_id: str = "") -> str:
        """Remember a secret, and return it."""
        self.seen += 1
        self._known.append(Secret(number=self.seen, kind=kind, value=value, open_id=open_id))
        return value

    def after(self, number: int) -> Iterator[Secret]:
        """Those that came after that one."""
        return (each for each in self._known if each.number > number)

    def __repr__(self) -> str:
        return f"Secrets({self.seen})"
