"""The states an account can have, and what each of them holds."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from auth_service.tenants import states as tenant_states
from common.clock import UtcDatetime
from common.contract.account import Risk


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

State = Account | tenant_states.Customer


def tenant_of(state: State) -> str:
    """Whose a state is; nobody's once an account is forgotten."""
    match state:
        case tenant_states.Tenant(tenant=tenant) | tenant_states.ApiKey(tenant=tenant):
            return tenant
        case Disconnected():
            return ""
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson() | Disconnecting():
            return state.profile.tenant
