"""What can happen to an account: commands, effect results and TikTok's notifications."""

from dataclasses import dataclass
from enum import StrEnum

from auth_service import states
from common.clock import UtcDatetime
from common.contract.tenant import AppRequested, AppResealed, KeyRequested, KeyRevocationRequested, TenantRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Consented:
    """A person consented, and TikTok exchanged the code for a pair.

    The pair is sealed as version `UNNUMBERED`. `by` is the API key that asked for the link.
    """

    profile: states.Profile
    pair: states.SealedTokenPair
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The pair is sealed again as `pair.version`, and its access token to each service.

    `sealed` is the access token by service. `recipients` is the fingerprint of the public keys.
    """

    pair: states.SealedTokenPair
    recipients: str
    sealed: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFailed:
    """The pair for `version` does not open with the configured vault keys."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshDone:
    """TikTok gave a new pair in exchange for the one of `version`."""

    version: int
    scopes: tuple[str, ...]
    issued: Issued


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRefused:
    """TikTok no longer accepts the refresh token of `version`."""

    version: int
    code: str
    message: str


class FailureClass(StrEnum):
    """Why a call to TikTok did not settle. It decides how long the pause before the next attempt is."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshUnsettled:
    """An attempt brought no new pair and does not show that the refresh token is refused.

    It was not sent, its answer was lost, or TikTok refused it for a reason that is not the account's.
    """

    version: int
    attempt: int
    reason: str
    failure: FailureClass = FailureClass.TRANSIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenRejected:
    """TikTok rejected the access token of `version`, in a call of any service or of auth."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOff:
    """A worker that lost the account's partition passes on its pair for the one of `version`.

    TikTok rotated the refresh token, so without this the pair would be lost with the worker.
    """

    version: int
    scopes: tuple[str, ...]
    pair: states.SealedTokenPair


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFetched:
    """The name and picture that TikTok returned, asked with the pair of `version`."""

    version: int
    display_name: str
    username: str
    avatar_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFetchFailed:
    """TikTok returned no profile, for a reason other than a rejected access token."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """TikTok no longer holds a grant for the pair of `version`."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeUnsettled:
    """An attempt to revoke did not settle."""

    version: int
    attempt: int
    reason: str
    failure: FailureClass = FailureClass.TRANSIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectRequested:
    """A tenant disconnects its account. `by` is the API key that asked."""

    tenant: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalReported:
    """TikTok's webhook reports that the person removed the app at this time. It may be late, doubled or wrong."""

    at: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """Key rotation sealed a pair again, as `sealed`.

    `replaces` is the SHA-256 (hex) of the text that it takes the place of.
    """

    replaces: str
    sealed: str


RefreshResult = RefreshDone | RefreshRefused | RefreshUnsettled

Result = (
    Issued
    | IssueFailed
    | RefreshResult
    | ProfileFetched
    | ProfileFetchFailed
    | Revoked
    | RevokeUnsettled
    | AccessTokenRejected
)

Command = Consented | HandedOff | DisconnectRequested | RemovalReported | Resealed

Fact = Command | Result

TenantFact = TenantRequested | AppRequested | AppResealed | KeyRequested | KeyRevocationRequested

AnyFact = Fact | TenantFact
