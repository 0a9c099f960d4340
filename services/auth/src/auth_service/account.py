"""What an account can be here, what can happen to it, and what it may want done."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec

from common.clock import UtcDatetime
from common.contract.account import CredentialIssued, Risk


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Whose account it is, what the person granted and when, and who they are on TikTok.

    `client_key` names the app that was consented to; empty is the installation's. `seen_at` is when TikTok was last
    asked who they are; None: when they consented. `risk` is what the tenant was warned of and what still stands;
    `warned_of` the end of a refresh token that it was told of. `refresh_life` is the longest that TikTok gave one: what
    is left of one whose end refreshing does not put off says nothing about its whole life.
    """

    tenant: str
    open_id: str
    client_key: str = ""
    scopes: tuple[str, ...]
    display_name: str = ""
    username: str = ""
    avatar_url: str = ""
    consented_at: UtcDatetime
    seen_at: UtcDatetime | None = None
    risk: Risk | None = None
    warned_of: UtcDatetime | None = None
    refresh_life: timedelta = timedelta(0)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A token pair as TikTok granted it. `sealed` opens only as the pair of this account and `version`."""

    version: int
    sealed: str
    granted_at: UtcDatetime
    access_expires_at: UtcDatetime
    refresh_expires_at: UtcDatetime


OFFERED = 0
"""The version a pair is sealed as before the account's own count is known."""


class IssueReason(StrEnum):
    """Why a pair is to be issued to the services."""

    CONNECTED = "connected"
    SALVAGED = "salvaged"
    RESEALED = "resealed"


class Issuing(msgspec.Struct, frozen=True, kw_only=True, tag="issuing"):
    """A pair waits to be sealed to the services, as `version`. `removed`: as below, to be checked afterwards."""

    profile: Profile
    pair: Pair
    version: int
    reason: IssueReason
    attempt: int = 1
    retry_at: UtcDatetime | None = None
    removed: bool = False


class Connected(msgspec.Struct, frozen=True, kw_only=True, tag="connected"):
    """The pair is issued, to the public keys that `recipients` is the fingerprint of."""

    profile: Profile
    pair: Pair
    recipients: str
    refresh_at: UtcDatetime


class Refreshing(msgspec.Struct, frozen=True, kw_only=True, tag="refreshing"):
    """The refresh of the pair is starting, or under way.

    `rejected`: TikTok no longer takes its access token. `removed`: TikTok says that the person took the grant back,
    which its answer to the refresh will show; `too_early`: but not its success, which may be from before that.
    """

    profile: Profile
    pair: Pair
    attempt: int
    since: UtcDatetime
    rejected: bool = False
    removed: bool = False
    too_early: bool = False


class Ailing(msgspec.Struct, frozen=True, kw_only=True, tag="ailing"):
    """The refresh waits for `retry_at`: attempt `attempt` did not settle, or (0) the access token is rejected."""

    profile: Profile
    pair: Pair
    attempt: int
    since: UtcDatetime
    retry_at: UtcDatetime
    rejected: bool = False
    removed: bool = False


class Expiring(msgspec.Struct, frozen=True, kw_only=True, tag="expiring"):
    """TikTok refuses the refresh token; the access token is good until it ends.

    `check_at`: when to try whether it really is, since TikTok told that the person took the grant back.
    """

    profile: Profile
    pair: Pair
    code: str
    message: str
    check_at: UtcDatetime | None = None


class NeedsPerson(msgspec.Struct, frozen=True, kw_only=True, tag="needs_person"):
    """Only the person can help, by connecting again. `version` is that of the withdrawal."""

    profile: Profile
    version: int


class Disconnecting(msgspec.Struct, frozen=True, kw_only=True, tag="disconnecting"):
    """The tenant wants the account gone; TikTok is to hear of it. `version` is that of the withdrawal.

    `rejected`: TikTok no longer takes the access token, so that only a refresh can tell whether a grant is left.
    """

    profile: Profile
    pair: Pair
    version: int
    by: str
    since: UtcDatetime
    attempt: int = 1
    retry_at: UtcDatetime | None = None
    rejected: bool = False


class Disconnected(msgspec.Struct, frozen=True, kw_only=True, tag="disconnected"):
    """Forgotten, but for what keeps versions from restarting and an old consent from counting again."""

    version: int
    consented_at: UtcDatetime


Active = Issuing | Connected | Refreshing | Ailing | Expiring | NeedsPerson
Leaving = Disconnecting | Disconnected
Account = Active | Leaving


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A person consented; the pair is sealed as `OFFERED`. `by` is who asked them to."""

    profile: Profile
    pair: Pair
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The pair is sealed anew as `pair.version`, and its access token to each service."""

    pair: Pair
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
    pair: Pair


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Seal the pair as `version`, and its access token to each service. Safe to repeat."""

    pair: Pair
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOf:
    """Which TikTok app a pair belongs to: the tenant's own, or (no client key) the installation's."""

    tenant: str
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Have TikTok exchange the pair for a new one. It rotates: a lost answer may cost the pair."""

    app: AppOf
    pair: Pair
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Ask TikTok who the person is. Safe to repeat."""

    app: AppOf
    pair: Pair
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Have TikTok forget the grant. Safe to repeat."""

    app: AppOf
    pair: Pair
    attempt: int


Effect = Issue | Refresh | Look | Revoke


def app_of(profile: Profile) -> AppOf:
    """Name the app that the person consented to."""
    return AppOf(tenant=profile.tenant, client_key=profile.client_key)


def credential_of(account_id: str, profile: Profile, issued: Issued) -> CredentialIssued:
    """Describe an issued pair as the others see it: the access token alone, sealed."""
    return CredentialIssued(
        account_id=account_id,
        tenant=profile.tenant,
        version=issued.pair.version,
        scopes=profile.scopes,
        expires_at=issued.pair.access_expires_at,
        sealed=issued.sealed,
    )
