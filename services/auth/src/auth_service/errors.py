"""The errors of auth. A call to TikTok that fails is a value, not an exception.

Errors:
    AuthError
    ├── TokenPairUnreadable a sealed text opens, and its content is no token pair
    ├── VaultKeysMissing    no configured key opens any sealed record of the state (a CommonError)
    └── CallbackRefused     a browser brought something that proves nothing
        ├── StateBroken     the link or OAuth state is not one of ours, or not for this step
        ├── StateExpired    it is ours, and too old
        └── OtherBrowser    it is ours, and belongs to another browser
"""

from collections.abc import Mapping

from common.errors import CommonError


class AuthError(Exception):
    """The base of auth's own errors."""


class TokenPairUnreadable(AuthError):
    """A sealed text opens, and its content is no token pair. The message never repeats the content."""

    def __init__(self, *, account_id: str, version: int) -> None:
        """Name the account and the version of the pair."""
        super().__init__(f"The sealed content is no token pair: account {account_id}, version {version}.")


class VaultKeysMissing(AuthError, CommonError):
    """No configured key opens any sealed record of the state.

    A worker without the right keys could refresh nothing and would put every account at risk, so it does not start.
    """

    def __init__(self, *, missing: Mapping[str, int]) -> None:
        """Take the number of sealed records by key id."""
        found = ", ".join(f"{count} under key id `{key_id}`" for key_id, count in sorted(missing.items()))
        super().__init__(
            f"AUTH_VAULT_KEYS opens none of the sealed records of auth.state: {found}. Add the missing keys to "
            "AUTH_VAULT_KEYS. If they are lost for good, list their ids in AUTH_LOST_VAULT_KEYS."
        )


class CallbackRefused(AuthError):
    """A browser brought something that proves nothing."""


class StateBroken(CallbackRefused):
    """The link or OAuth state is not one of ours, or not for this step."""

    def __init__(self, *, step: str) -> None:
        """Name the step that it was presented for."""
        super().__init__(f"This {step} is not valid: it was changed, cut off, or issued elsewhere.")


class StateExpired(CallbackRefused):
    """The link or OAuth state is ours, and too old. `return_to` is the backend's page, if it may still be used."""

    def __init__(self, *, step: str, return_to: str) -> None:
        """Name the step that it was presented for, and the page that its person goes on to."""
        super().__init__(f"This {step} has expired.")
        self.return_to = return_to


class OtherBrowser(CallbackRefused):
    """The OAuth state belongs to another browser, or this browser has used it already."""

    def __init__(self) -> None:
        """Describe both cases: they look the same, because the cookie is missing in either."""
        super().__init__("This link was opened in a different browser, or was already used.")
