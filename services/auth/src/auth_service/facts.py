"""What can happen to an account: commands, effect results and TikTok's notifications."""

from dataclasses import dataclass
from enum import StrEnum

from auth_service import states
from common.clock import UtcDatetime
from common.contract.tenant import AppRequested, AppResealed, KeyRequested, KeyRevocationRequested, TenantRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A person consented; the pair is sealed as `OFFERED`. `by` is who asked them to."""

    profile: states.Profile
    pair: states.Pair
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The pair is sealed anew as `pair.version`, and its access token to each service."""

    pair: states.Pair
    recipients: str
    sealed: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFailed:
    """The pair that was to become `version` cannot be opened with the keys at hand."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshDone:
    """TikTok gave a new pair for the one of `version`."""

    version: int
    scopes: tuple[str, ...]
    issued: Issued


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRefused:
    """TikTok does not take the refresh token of `version` any more."""

    version: int
    code: str
    message: str


class Trouble(StrEnum):
    """Why a call to TikTok did not settle, as far as it decides when to try again."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshUnsettled:
    """No new pair this time: not sent, the answer lost, or refused for a reason that is not the account's."""

    version: int
    attempt: int
    reason: str
    trouble: Trouble = Trouble.TRANSIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """TikTok refused the access token of `version`, to a service or to us."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """A worker that lost the account passes on the pair it got for the one of `version`."""

    version: int
    scopes: tuple[str, ...]
    pair: states.Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSeen:
    """Who the person of the pair of `version` is on TikTok."""

    version: int
    display_name: str
    username: str
    avatar_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUnseen:
    """TikTok did not say who the person of the pair of `version` is."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """TikTok holds no grant for the pair of `version` any more."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeUnsettled:
    """TikTok did not take the revocation this time."""

    version: int
    attempt: int
    reason: str
    trouble: Trouble = Trouble.TRANSIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectAsked:
    """A tenant wants its account gone."""

    tenant: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalTold:
    """TikTok says that the person took the grant back, `at` that time. It may be late, or wrong."""

    at: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """The pair whose sealed text has the SHA-256 `replaces` (hex) is to be kept as `sealed`."""

    replaces: str
    sealed: str


RefreshEnd = RefreshDone | RefreshRefused | RefreshUnsettled

Outcome = Issued | IssueFailed | RefreshEnd | ProfileSeen | ProfileUnseen | Revoked | RevokeUnsettled | Rejected

Command = Granted | Salvaged | DisconnectAsked | RemovalTold | Resealed

Fact = Command | Outcome

CustomerFact = TenantRequested | AppRequested | AppResealed | KeyRequested | KeyRevocationRequested

AnyFact = Fact | CustomerFact
