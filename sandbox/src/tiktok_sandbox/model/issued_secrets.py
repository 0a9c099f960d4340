"""What went over the wire and must stay between two parties, for tests that look for it where it must not be."""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

MAX_SECRETS: Final = 10_000


class SecretKind(StrEnum):
    """What a secret opens."""

    AUTHORIZATION_CODE = "authorization_code"
    CODE_VERIFIER = "code_verifier"
    ACCESS_TOKEN = "access_token"  # noqa: S105 -- the name of a kind
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 -- the name of a kind
    CLIENT_TOKEN = "client_token"  # noqa: S105 -- the name of a kind
    UPLOAD_TOKEN = "upload_token"  # noqa: S105 -- the name of a kind
    UPLOAD_URL = "upload_url"


class IssuedSecret(Struct, frozen=True, kw_only=True):
    """One secret; `open_id` is whose it is, empty where it is the app's own."""

    number: int
    kind: SecretKind
    value: str
    open_id: str

    def __repr__(self) -> str:
        return f"Secret({self.kind})"


class IssuedSecrets:
    """The last secrets that were handed out or shown, oldest first; `seen` counts those forgotten too."""

    def __init__(self) -> None:
        self._recent: deque[IssuedSecret] = deque(maxlen=MAX_SECRETS)
        self.count = 0

    def record(self, kind: SecretKind, value: str, open_id: str = "") -> str:
        """Remember a secret, and return it."""
        self.count += 1
        self._recent.append(IssuedSecret(number=self.count, kind=kind, value=value, open_id=open_id))
        return value

    def after(self, number: int) -> Iterator[IssuedSecret]:
        """Those that came after that one."""
        return (each for each in self._recent if each.number > number)

    def __repr__(self) -> str:
        return f"Secrets({self.count})"
