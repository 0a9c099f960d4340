"""Transitions that several decisions share: the next state and the events that are published with it.

Events go out in the transaction that writes the state, so no service sees a credential or a warning without it.
"""

from typing import Final, TypeAlias, TypeVar

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

OTHER_TENANT: Final = "other_tenant"
"""The code of a refused connection: the account belongs to another tenant."""

DISCONNECTED: Final = "disconnected"
"""The reason of a withdrawn credential whose account is being disconnected."""

S = TypeVar("S", bound=states.State | None)


def unchanged(state: S) -> Decision[S]:
    """Keep the state and publish nothing. The runtime then writes nothing but the input's position."""
    return Decision(state=state)


def start_connection(key: StateKey, fact: facts.Consented, *, version: int) -> Decision[states.Account]:
    """Begin a connection from a consent. The services get nothing until the pair is issued."""
    profile = fact.profile
    issuing = states.Issuing(profile=profile, pair=fact.pair, version=version, reason=states.IssueReason.CONNECTED)
    noted = audit(key, profile.tenant, Action.ACCOUNT_CONNECTED, by=fact.by, at=profile.consented_at)
    return Decision(state=issuing, events=(noted,))


def refuse_other_tenant(key: StateKey, state: states.Account, fact: facts.Consented) -> Decision[states.Account]:
    """Leave the account with its tenant, and publish the refusal for the tenant that asked."""
    profile = fact.profile
    refused = AccountConnectRefused(
        account_id=key.partition_key, tenant=profile.tenant, code=OTHER_TENANT, at=profile.consented_at
    )
    noted = audit(key, profile.tenant, Action.ACCOUNT_CONNECT_REFUSED, by=fact.by, at=profile.consented_at)
    return Decision(state=state, events=(refused, noted))


def adopt_pair(
    state: states.Active,
    scopes: tuple[str, ...],
    pair: states.SealedTokenPair,
    *,
    reason: states.IssueReason,
    removal: states.RemovalCheck | None = None,
) -> Decision[states.Account]:
    """Continue with a pair that another worker received, or that came too late. It has to be issued first."""
    # A new version even for a known pair: services must not confuse it with the one before.
    profile, version = with_scopes(state.profile, scopes), version_of(state) + 1
    return Decision(state=states.Issuing(profile=profile, pair=pair, version=version, reason=reason, removal=removal))


def with_scopes(profile: states.Profile, scopes: tuple[str, ...]) -> states.Profile:
    """Take the scopes from TikTok's answer. It may leave them out if they did not change."""
    return msgspec.structs.replace(profile, scopes=scopes) if scopes else profile


def connect(
    key: StateKey, profile: states.Profile, issued: facts.Issued, *, published: states.Profile | None, new: bool = False
) -> Decision[states.Account]:
    """Go to `Connected` and publish the credential.

    `published` is the profile as other services know it, or None if that is uncertain. The account is described again
    only if it differs. A `new` connection is announced.
    """
    cleared = msgspec.structs.replace(
        _with_risk_cleared(profile, issued.pair), refresh_life=refresh_life(profile, issued.pair)
    )
    announced: tuple[Body, ...] = ()
    if new:
        announced = announce(key, cleared, issued.pair)
    elif published is None or describe(key, cleared) != describe(key, published):
        announced = (describe(key, cleared),)
    # The time is planned now and stored, so a restart does not move it.
    connected = states.Connected(
        profile=cleared,
        pair=issued.pair,
        recipients=issued.recipients,
        refresh_at=refresh_time(key.partition_key, issued.pair),
    )
    return Decision(state=connected, events=(*announced, credential_of(key.partition_key, cleared, issued)))


def _with_risk_cleared(profile: states.Profile, pair: states.SealedTokenPair) -> states.Profile:
    """Clear the warning, since a new pair ends every risk but one: a refresh token that still ends at the same time."""
    same_end = profile.risk is Risk.REFRESH_TOKEN_ENDING and warning_time(profile, pair) is None
    return profile if same_end else msgspec.structs.replace(profile, risk=None)


def require_reauthorization(
    key: StateKey, profile: states.Profile, pair: states.SealedTokenPair, *, code: str, message: str, now: UtcDatetime
) -> Decision[states.Account]:
    """Withdraw the credential and publish that the person has to connect again."""
    # The withdrawal is a record like a credential, so it needs the next version.
    version = pair.version + 1
    return Decision(
        state=states.ReauthorizationRequired(profile=msgspec.structs.replace(profile, risk=None), version=version),
        events=(
            AccountReauthorizationRequired(
                account_id=key.partition_key, tenant=profile.tenant, code=code, message=message, at=now
            ),
            CredentialWithdrawn(account_id=key.partition_key, version=version, reason=code),
        ),
    )


def forget(
    key: StateKey,
    profile: states.Profile,
    *,
    version: int,
    cause: DisconnectCause,
    revoked: bool,
    by: str,
    now: UtcDatetime,
) -> Decision[states.Account]:
    """Delete the account's tokens and profile, and publish it.

    The credential is withdrawn as `version`, also if it was withdrawn before: a compacted topic needs a last record.
    """
    return Decision(
        state=states.Disconnected(version=version, consented_at=profile.consented_at),
        events=(
            CredentialWithdrawn(account_id=key.partition_key, version=version, reason=DISCONNECTED),
            AccountForgotten(account_id=key.partition_key),
            AccountDisconnected(
                account_id=key.partition_key, tenant=profile.tenant, cause=cause, revoked=revoked, at=now
            ),
            audit(key, profile.tenant, Action.ACCOUNT_DISCONNECTED, by=by, at=now, details={"cause": cause.value}),
        ),
    )


def announce(
    key: StateKey, profile: states.Profile, pair: states.SealedTokenPair
) -> tuple[AccountConnected, AccountDescribed]:
    """Return the events of a new connection."""
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
    """Return the account's record on the `auth.accounts` view."""
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


AtRisk: TypeAlias = states.Connected | states.RefreshBackoff | states.RefreshTokenRefused | states.CheckingRemoval
"""The states in which the tenant may be warned that the connection will end."""


def warn(key: StateKey, state: AtRisk, reason: str, now: UtcDatetime, *, risk: Risk) -> Decision[states.Account]:
    """Go to `state` and publish a warning to the tenant. The view of accounts shows the risk too."""
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
    """Return the audit log's record of an action on the account."""
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
    """Return the newest version that was issued or withdrawn, or is about to be."""
    match state:
        case states.Issuing(version=version) | states.ReauthorizationRequired(version=version):
            return version
        case states.Disconnecting(version=version) | states.Disconnected(version=version):
            return version
        case states.PairState(pair=pair):
            return pair.version


def credential_of(account_id: str, profile: states.Profile, issued: facts.Issued) -> CredentialIssued:
    """Return the credential that services read: the access token alone, sealed to each of them."""
    return CredentialIssued(
        account_id=account_id,
        tenant=profile.tenant,
        version=issued.pair.version,
        scopes=profile.scopes,
        expires_at=issued.pair.access_expires_at,
        sealed=issued.sealed,
    )
