"""The states an account can have, and what each of them holds."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from auth_service.tenants import states as tenant_states
from common.clock import UtcDatetime
from common.contract.account import Risk


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Which tenant and TikTok user an account belongs to, and what the person granted.

    `client_key` names the tenant's own app that the person consented to. None is the installation's app.

    `fetched_at` plans the next fetch of the name and picture. None: they are as old as the consent.

    `risk` is the warning that still stands. `warned_end` is the end of the refresh token that the tenant was warned of.

    `refresh_life` is the longest refresh-token lifetime seen for this account. The current token's remaining time
    cannot be used for it: TikTok may keep the original expiry when it rotates the token.
    """

    tenant: str
    open_id: str
    client_key: str | None = None
    scopes: tuple[str, ...]
    display_name: str = ""
    username: str = ""
    avatar_url: str = ""
    consented_at: UtcDatetime
    fetched_at: UtcDatetime | None = None
    risk: Risk | None = None
    warned_end: UtcDatetime | None = None
    refresh_life: timedelta = timedelta(0)


class SealedTokenPair(msgspec.Struct, frozen=True, kw_only=True):
    """A token pair, sealed by the vault, with its dates.

    `sealed` opens only for this account and `version`, so a record that was moved or exchanged cannot be used.
    """

    version: int
    sealed: str
    granted_at: UtcDatetime
    access_expires_at: UtcDatetime
    refresh_expires_at: UtcDatetime


UNNUMBERED = 0
"""The version that the edge seals a pair under: only the worker counts an account's versions, and they begin at 1."""


class IssueReason(StrEnum):
    """Why a pair is to be issued to the services."""

    CONNECTED = "connected"
    HANDED_OFF = "handed_off"
    RESEALED = "resealed"


class RemovalCheck(msgspec.Struct, frozen=True, kw_only=True):
    """TikTok reported that the person removed the app. A refresh has to confirm it.

    `first_attempt` is the first attempt of the refresh that starts after the report. The success of an earlier one may
    be older than the removal and proves nothing. A refusal confirms the removal, whichever attempt it is.
    """

    first_attempt: int = 1


class RefreshProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh over all its attempts, carried whole from attempt to pause and back.

    `access_rejected`: TikTok no longer accepts the access token either, so a refused refresh leaves nothing to use.
    """

    since: UtcDatetime
    failed_attempts: int = 0
    access_rejected: bool = False
    removal: RemovalCheck | None = None

    @property
    def attempt(self) -> int:
        """The number of the attempt that is under way or comes next."""
        return self.failed_attempts + 1


class ActiveState(msgspec.Struct, frozen=True, kw_only=True):
    """The base of the states of a connected account. Match it last, for all that were not named."""

    profile: Profile


class PairState(ActiveState, frozen=True, kw_only=True):
    """The base of the active states that hold a token pair."""

    pair: SealedTokenPair


class Issuing(PairState, frozen=True, kw_only=True, tag="issuing"):
    """The pair waits to be sealed to the services, as `version`.

    `removal`: a refresh checks it as soon as the pair is issued.
    """

    version: int
    reason: IssueReason
    attempt: int = 1
    retry_at: UtcDatetime | None = None
    removal: RemovalCheck | None = None


class Connected(PairState, frozen=True, kw_only=True, tag="connected"):
    """The pair is issued. `recipients` is the fingerprint of the public keys that it was sealed to."""

    recipients: str
    refresh_at: UtcDatetime


class Refreshing(PairState, frozen=True, kw_only=True, tag="refreshing"):
    """An attempt to refresh the pair is about to start, or under way."""

    refresh: RefreshProgress


class RefreshBackoff(PairState, frozen=True, kw_only=True, tag="refresh_backoff"):
    """The refresh waits until `retry_at`.

    Usually the last attempt did not settle. There was no attempt yet if TikTok rejected a pair that is too young to be
    refreshed.
    """

    refresh: RefreshProgress
    retry_at: UtcDatetime


class RefreshTokenRefused(PairState, frozen=True, kw_only=True, tag="refresh_token_refused"):
    """TikTok refuses the refresh token. The access token is used until it ends."""

    code: str
    message: str


class CheckingRemoval(PairState, frozen=True, kw_only=True, tag="checking_removal"):
    """TikTok refuses the refresh token and reported a removal.

    Only the access token can disprove it: at `check_at` it is tried by fetching the profile.
    """

    code: str
    message: str
    check_at: UtcDatetime


class ReauthorizationRequired(ActiveState, frozen=True, kw_only=True, tag="reauthorization_required"):
    """No token works. The person has to connect again. `version` is that of the withdrawal."""

    version: int


class Disconnecting(msgspec.Struct, frozen=True, kw_only=True, tag="disconnecting"):
    """The tenant disconnects the account, and TikTok still has to revoke the grant.

    `version` is that of the withdrawal. `access_rejected`: TikTok no longer accepts the access token. Revoking needs
    one, so a refresh comes first; it also shows whether a grant is left.
    """

    profile: Profile
    pair: SealedTokenPair
    version: int
    by: str
    since: UtcDatetime
    attempt: int = 1
    retry_at: UtcDatetime | None = None
    access_rejected: bool = False


class Disconnected(msgspec.Struct, frozen=True, kw_only=True, tag="disconnected"):
    """Everything about the person is deleted.

    `version` stays so that versions never restart. `consented_at` stays so that an old consent, read again, does not
    connect the account.
    """

    version: int
    consented_at: UtcDatetime


Active = (
    Issuing | Connected | Refreshing | RefreshBackoff | RefreshTokenRefused | CheckingRemoval | ReauthorizationRequired
)
Leaving = Disconnecting | Disconnected
Account = Active | Leaving
State = Account | tenant_states.TenantRecord


def tenant_of(state: State) -> str:
    """Return the tenant that a state belongs to; empty once an account is disconnected."""
    match state:
        case tenant_states.Tenant(tenant=tenant) | tenant_states.ApiKey(tenant=tenant):
            return tenant
        case Disconnected():
            return ""
        case ActiveState(profile=profile) | Disconnecting(profile=profile):
            return profile.tenant
