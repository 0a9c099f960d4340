"""Every secret that was issued or received.

Tests search logs, topics and answers for them.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

MAX_SECRETS: Final = 10_000


class SecretKind(StrEnum):
    """What a secret gives access to."""

    AUTHORIZATION_CODE = "authorization_code"
    CODE_VERIFIER = "code_verifier"
    ACCESS_TOKEN = "access_token"  # noqa: S105 -- the name of a kind
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 -- the name of a kind
    CLIENT_TOKEN = "client_token"  # noqa: S105 -- the name of a kind
    UPLOAD_TOKEN = "upload_token"  # noqa: S105 -- the name of a kind
    UPLOAD_URL = "upload_url"


class IssuedSecret(Struct, frozen=True, kw_only=True):
    """One secret. `open_id` is its owner, empty for a secret of an app."""

    number: int
    kind: SecretKind
    value: str
    open_id: str

    def __repr__(self) -> str:
        """Leave the value out."""
        return f"Secret({self.kind})"


class IssuedSecrets:
    """The latest secrets, oldest first. `count` includes those that were dropped."""

    def __init__(self) -> None:
        # Bounded: a soak test issues tokens for hours.
        self._recent: deque[IssuedSecret] = deque(maxlen=MAX_SECRETS)
        self.count = 0

    def record(self, kind: SecretKind, value: str, open_id: str = "") -> str:
        """Store a secret and return it."""
        self.count += 1
        self._recent.append(IssuedSecret(number=self.count, kind=kind, value=value, open_id=open_id))
        return value

    def after(self, number: int) -> Iterator[IssuedSecret]:
        """Yield the secrets with a higher number."""
        return (each for each in self._recent if each.number > number)

    def __repr__(self) -> str:
        """Show the count only."""
        return f"Secrets({self.count})"
