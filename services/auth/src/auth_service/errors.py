"""What can go wrong in auth. Expected answers of TikTok are values; these are not expected.

Errors:
    AuthError
    ├── GrantUnreadable     a sealed pair opens to something that is not a token pair
    ├── VaultKeysMissing    no configured key opens anything of what is in the state (a CommonError)
    └── CallbackRefused     a browser came back in a way that proves nothing
        ├── StateBroken     the state (or ticket) is not one of ours, or not for this step
        ├── StateExpired    it is ours, and too old
        └── OtherBrowser    it is ours, and was given to another browser
"""

from collections.abc import Mapping

from common.errors import CommonError


class AuthError(Exception):
    """Auth cannot do what was asked."""


class GrantUnreadable(AuthError):
    """A sealed pair opens, and holds no token pair. Never repeats what it holds."""

    def __init__(self, *, account_id: str, version: int) -> None:
        """Name whose it is."""
        super().__init__(f"the pair of {account_id}, version {version}, is not a token pair")


class VaultKeysMissing(AuthError, CommonError):
    """No configured key opens anything of what is in the state: a worker would only put accounts at risk."""

    def __init__(self, *, missing: Mapping[str, int]) -> None:
        """Say how many records are sealed under which key ids."""
        found = ", ".join(f"{count} under key id `{key_id}`" for key_id, count in sorted(missing.items()))
        super().__init__(
            f"AUTH_VAULT_KEYS opens none of the sealed records of auth.state: {found}; put the missing keys there, "
            "or, where they are lost for good, name their ids in AUTH_LOST_VAULT_KEYS"
        )


class CallbackRefused(AuthError):
    """A browser came back in a way that proves nothing."""


class StateBroken(CallbackRefused):
    """The state or ticket is not one of ours, or not for this step."""

    def __init__(self, *, step: str) -> None:
        """Name the step it was offered for."""
        super().__init__(f"this is no valid {step}: it was altered, cut off, or issued elsewhere")


class StateExpired(CallbackRefused):
    """The state or ticket is ours, and too old."""

    def __init__(self, *, step: str, return_to: str) -> None:
        """Name the step it was offered for, and where its person was to go in the end."""
        super().__init__(f"this {step} has expired")
        self.return_to = return_to


class OtherBrowser(CallbackRefused):
    """The state was given to another browser, or this one has already used it."""

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__("the browser that came back is not the one that set out, or has come back before")
