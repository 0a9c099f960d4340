"""What can go wrong in the plumbing. Each class builds its own message: what is wrong, and what would be right.

Errors:
    CommonError
    ├── SettingsRefused        environment variables that are missing or out of bounds; names each
    ├── KeyMaterialRefused     a configured key is not what it should be (a ValueError: validators may raise it)
    ├── AddressUnavailable     the HTTP edge cannot listen on its address
    ├── NotDurable             Kafka did not confirm a write in time: it may have been written or not
    └── CannotOpen             something sealed does not open
        ├── UnknownKeyId       sealed under a key that is not configured here; names the id
        └── SealBroken         altered, moved from where it was sealed for, or sealed for someone else

Beside their adapters: `common.streams.log.topics.WrongTopics` (a CommonError),
`common.streams.log.membership.Displaced` and `RemovedFromGroup`.
Beside their ports: `common.contract.codec.EventError` (a record that cannot be read) and
`common.streams.log.port.LogError`.
"""

from collections.abc import Iterable


class CommonError(Exception):
    """Something in the plumbing refuses."""


class SettingsRefused(CommonError):
    """The environment does not hold what the process needs to start."""

    def __init__(self, faults: Iterable[str]) -> None:
        """List one line for each variable."""
        self.faults = tuple(faults)
        super().__init__("\n  ".join(("the environment needs attention:", *self.faults)))


class KeyMaterialRefused(CommonError, ValueError):
    """A configured key cannot be used. Never repeats the key."""

    def __init__(self, *, name: str, fault: str) -> None:
        """Say which key and what it has to be."""
        super().__init__(f"key `{name}`: {fault}")


class AddressUnavailable(CommonError):
    """The address to listen on is taken or not ours."""

    def __init__(self, *, host: str, port: int, cause: OSError) -> None:
        """Name the address and the system's reason."""
        super().__init__(f"cannot listen on {host}:{port}: {cause.strerror or cause}")


class NotDurable(CommonError):
    """Kafka did not confirm a write in time: it may have been written or not."""

    def __init__(self, *, about: str) -> None:
        """Name the post, account or tenant, so that the caller can send the same write again."""
        self.about = about
        super().__init__(
            f"Kafka did not confirm the write about `{about}`. It may exist or not. Writing again is safe."
        )


class CannotOpen(CommonError):
    """Something sealed does not open."""


class UnknownKeyId(CannotOpen):
    """Sealed under a key-encryption key that is not configured here."""

    def __init__(self, *, key_id: str, known: Iterable[str]) -> None:
        """Name the id that is asked for and those that are there."""
        self.key_id = key_id
        super().__init__(f"sealed under key id `{key_id}`, which is not configured; known: {', '.join(known)}")


class SealBroken(CannotOpen):
    """What is sealed was altered, moved, or is for another reader. It cannot be told which."""

    def __init__(self, *, context: str, fault: str) -> None:
        """Say what it was opened as; the context names an account and a field, never a secret."""
        super().__init__(f"does not open as `{context}`: {fault}")
