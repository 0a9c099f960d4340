"""The steps that several decisions take: the new state, and what the others are told with it."""

from typing import TypeVar

import msgspec

from auth_service import facts, states
from auth_service.plans import refresh_life, refresh_time, warning_time
from common.clock import UtcDatetime
from common.contract.account import (
    AccountAtRisk,
    AccountConnected,
    AccountConnectRefused,
    AccountDescribed,
    AccountDisconnected,
    AccountForgotten,
    AccountReauthorizationRequired,
    CredentialIssued,
    CredentialWithdrawn,
    DisconnectCause,
    Risk,
)
from common.contract.audit import Action, AuditRecorded
from common.contract.body import Body
from common.streams import Decision, StateKey

OTHER_TENANT = "other_tenant"
"""Why an account is not connected: it is another tenant's."""

WITHDRAWN = "disconnected"
"""The reason of a credential that was withdrawn because its account is to go."""


def connect_anew(key: StateKey, fact: facts.Granted, *, version: int) -> Decision[states.Account]:
    """Take a person's consent."""
    profile = fact.profile
    issuing = states.Issuing(profile=profile, pair=fact.pair, version=version, reason=states.IssueReason.CONNECTED)
    noted = audit(key, profile.tenant, Action.ACCOUNT_CONNECTED, by=fact.by, at=profile.consented_at)
    return Decision(state=issuing, events=(noted,))


def refuse(key: StateKey, state: states.Account, fact: facts.Granted) -> Decision[states.Account]:
    """Leave the account with the tenant it belongs to, and tell the one that asked."""
    profile = fact.profile
    refused = AccountConnectRefused(
        account_id=key.partition_key, tenant=profile.tenant, code=OTHER_TENANT, at=profile.consented_at
    )
    noted = audit(key, profile.tenant, Action.ACCOUNT_CONNECT_REFUSED, by=fact.by, at=profile.consented_at)
    return Decision(state=state, events=(refused, noted))


def take_over(
    state: states.Active,
    scopes: tuple[str, ...],
    pair: states.Pair,
    *,
    reason: states.IssueReason,
    removed: bool = False,
) -> Decision[states.Account]:
    """Go on with a pair that another worker got."""
    profile, version = with_scopes(state.profile, scopes), version_of(state) + 1
    return Decision(state=states.Issuing(profile=profile, pair=pair, version=version, reason=reason, removed=removed))


def with_scopes(profile: states.Profile, scopes: tuple[str, ...]) -> states.Profile:
    """Take over what TikTok says is granted; it may leave that out where nothing changed."""
    return msgspec.structs.replace(profile, scopes=scopes) if scopes else profile


def connect(
    key: StateKey, profile: states.Profile, issued: facts.Issued, *, told: states.Profile | None, new: bool = False
) -> Decision[states.Account]:
    """Hand the issued pair to the services. `told` is what the others know of the account so far, if it is known here.

    A `new` connection is announced.
    """
    calm = msgspec.structs.replace(_calmed(profile, issued.pair), refresh_life=refresh_life(profile, issued.pair))
    announced: tuple[Body, ...] = ()
    if new:
        announced = announce(key, calm, issued.pair)
    elif told is None or describe(key, calm) != describe(key, told):
        announced = (describe(key, calm),)
    connected = states.Connected(
        profile=calm,
        pair=issued.pair,
        recipients=issued.recipients,
        refresh_at=refresh_time(key.partition_key, issued.pair),
    )
    return Decision(state=connected, events=(*announced, credential_of(key.partition_key, calm, issued)))


def _calmed(profile: states.Profile, pair: states.Pair) -> states.Profile:
    """A new pair ends every risk, but not that of a refresh token whose end it did not put off."""
    same_end = profile.risk is Risk.REFRESH_TOKEN_ENDING and warning_time(profile, pair) is None
    return profile if same_end else msgspec.structs.replace(profile, risk=None)


def needs_person(
    key: StateKey, profile: states.Profile, pair: states.Pair, *, code: str, message: str, now: UtcDatetime
) -> Decision[states.Account]:
    """Tell everybody that only the person can help."""
    version = pair.version + 1
    return Decision(
        state=states.NeedsPerson(profile=msgspec.structs.replace(profile, risk=None), version=version),
        events=(
            AccountReauthorizationRequired(
                account_id=key.partition_key, tenant=profile.tenant, code=code, message=message, at=now
            ),
            CredentialWithdrawn(account_id=key.partition_key, version=version, reason=code),
        ),
    )


def gone(
    key: StateKey,
    profile: states.Profile,
    *,
    version: int,
    cause: DisconnectCause,
    revoked: bool,
    by: str,
    now: UtcDatetime,
) -> Decision[states.Account]:
    """Forget the account's tokens and profile. `version` is the withdrawal's, which this writes too."""
    return Decision(
        state=states.Disconnected(version=version, consented_at=profile.consented_at),
        events=(
            CredentialWithdrawn(account_id=key.partition_key, version=version, reason=WITHDRAWN),
            AccountForgotten(account_id=key.partition_key),
            AccountDisconnected(
                account_id=key.partition_key, tenant=profile.tenant, cause=cause, revoked=revoked, at=now
            ),
            audit(key, profile.tenant, Action.ACCOUNT_DISCONNECTED, by=by, at=now, details={"cause": cause.value}),
        ),
    )


def announce(key: StateKey, profile: states.Profile, pair: states.Pair) -> tuple[AccountConnected, AccountDescribed]:
    """Tell of a new connection."""
    connected = AccountConnected(
        account_id=key.partition_key,
        tenant=profile.tenant,
        open_id=profile.open_id,
        scopes=profile.scopes,
        display_name=profile.display_name,
        username=profile.username,
        avatar_url=profile.avatar_url,
        at=pair.granted_at,
    )
    return (connected, describe(key, profile))


def describe(key: StateKey, profile: states.Profile) -> AccountDescribed:
    """Say which tenant and which TikTok user the account is."""
    return AccountDescribed(
        account_id=key.partition_key,
        tenant=profile.tenant,
        open_id=profile.open_id,
        client_key=profile.client_key,
        display_name=profile.display_name,
        username=profile.username,
        avatar_url=profile.avatar_url,
        scopes=profile.scopes,
        consented_at=profile.consented_at,
        risk=profile.risk,
    )


AtRisk = TypeVar("AtRisk", states.Connected, states.Ailing, states.Expiring)


def at_risk(key: StateKey, state: AtRisk, reason: str, now: UtcDatetime, *, risk: Risk) -> Decision[states.Account]:
    """Go to this state and warn the tenant of it."""
    profile = msgspec.structs.replace(state.profile, risk=risk)
    warning = AccountAtRisk(
        account_id=key.partition_key,
        tenant=profile.tenant,
        reason=reason,
        risk=risk,
        access_expires_at=state.pair.access_expires_at,
        refresh_expires_at=state.pair.refresh_expires_at,
        at=now,
    )
    return Decision(state=msgspec.structs.replace(state, profile=profile), events=(warning, describe(key, profile)))


def audit(
    key: StateKey, tenant: str, action: Action, *, by: str, at: UtcDatetime, details: dict[str, str] | None = None
) -> AuditRecorded:
    """Note who did what to the account."""
    return AuditRecorded(
        about=key.partition_key,
        tenant=tenant,
        action=action,
        target=key.partition_key,
        by=by,
        at=at,
        details=details or {},
    )


def version_of(state: states.Account) -> int:
    """Count the account's credentials: the newest version that was issued or withdrawn, or is about to be."""
    match state:
        case states.Issuing(version=version) | states.NeedsPerson(version=version):
            return version
        case states.Disconnecting(version=version) | states.Disconnected(version=version):
            return version
        case (
            states.Connected(pair=pair)
            | states.Refreshing(pair=pair)
            | states.Ailing(pair=pair)
            | states.Expiring(pair=pair)
        ):
            return pair.version


def credential_of(account_id: str, profile: states.Profile, issued: facts.Issued) -> CredentialIssued:
    """Describe an issued pair as the others see it: the access token alone, sealed."""
    return CredentialIssued(
        account_id=account_id,
        tenant=profile.tenant,
        version=issued.pair.version,
        scopes=profile.scopes,
        expires_at=issued.pair.access_expires_at,
        sealed=issued.sealed,
    )
