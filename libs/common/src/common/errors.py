"""Errors of the plumbing. Each class builds its own message: what happened, and what to do.

Errors:
    CommonError
    ├── SettingsRefused        environment variables are missing or invalid; names each
    ├── KeyMaterialRefused     a configured key is invalid (a ValueError, so that validators may raise it)
    ├── AddressUnavailable     the HTTP edge cannot listen on its address
    ├── NotDurable             Kafka did not confirm a write in time: it may have been written or not
    └── CannotOpen             a sealed secret does not open
        ├── UnknownKeyId       sealed under a key that is not configured here; names the id
        └── SealBroken         altered, moved from its place, or sealed for another reader

Beside their adapters: `common.streams.log.topics.WrongTopics` (a CommonError),
`common.streams.log.membership.Displaced` and `RemovedFromGroup`.
Beside their ports: `common.contract.codec.EventError` (a record that cannot be read) and
`common.streams.log.port.LogError`.
"""

from collections.abc import Iterable


class CommonError(Exception):
    """Base of the errors that an operator can correct: a process reports them in one sentence."""


class SettingsRefused(CommonError):
    """Environment variables that the process needs are missing or invalid."""

    def __init__(self, faults: Iterable[str]) -> None:
        """`faults` has one line for each variable."""
        self.faults = tuple(faults)
        super().__init__("\n  ".join(("Settings are missing or invalid. Correct these variables:", *self.faults)))


class KeyMaterialRefused(CommonError, ValueError):
    """A configured key cannot be used. Never repeats the key."""

    def __init__(self, *, name: str, fault: str) -> None:
        """`name` is the key's name or number in the setting, never the key itself."""
        super().__init__(f"key `{name}`: {fault}")


class AddressUnavailable(CommonError):
    """The process cannot listen on its HTTP address."""

    def __init__(self, *, host: str, port: int, cause: OSError) -> None:
        super().__init__(
            f"Cannot listen on {host}:{port}: {cause.strerror or cause}. Choose another port or stop the other process."
        )


class NotDurable(CommonError):
    """Kafka did not confirm a write in time: it may have been written or not."""

    def __init__(self, *, about: str) -> None:
        """Name the post, account or tenant, so that the caller can send the same write again."""
        self.about = about
        super().__init__(
            f"Kafka did not confirm the write about `{about}`. It may exist or not. Writing again is safe."
        )


class CannotOpen(CommonError):
    """A sealed secret does not open."""


class UnknownKeyId(CannotOpen):
    """Sealed under a key-encryption key that is not configured here."""

    def __init__(self, *, key_id: str, known: Iterable[str]) -> None:
        """`known` are the ids that are configured."""
        self.key_id = key_id
        super().__init__(f"sealed under key id `{key_id}`, which is not configured; configured: {', '.join(known)}")


class SealBroken(CannotOpen):
    """A sealed secret was altered, moved, or is for another reader. Cryptography cannot show which."""

    def __init__(self, *, context: str, fault: str) -> None:
        """`context` names an account and a field, never a secret."""
        super().__init__(f"does not open as `{context}`: {fault}")
