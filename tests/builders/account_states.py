"""An account in each of its states, and each fact that it may receive."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from auth_service import facts, states
from auth_service.decisions import decide
from common.contract.body import Body
from common.streams import Decision, Due, StateKey

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = StateKey("acc_1")
LIFE = timedelta(hours=2)
REFRESH_LIFE = timedelta(days=180)
CONSENTED_AT = NOW - LIFE
PROFILE = states.Profile(
    tenant="acme", open_id="-000open", scopes=("video.publish",), display_name="Demo", consented_at=CONSENTED_AT
)


def pair_of_life(
    version: int, granted_at: datetime, life: timedelta, refresh_life: timedelta = REFRESH_LIFE
) -> states.SealedTokenPair:
    return states.SealedTokenPair(
        version=version,
        sealed=f"sealed-{version}",
        granted_at=granted_at,
        access_expires_at=granted_at + life,
        refresh_expires_at=granted_at + refresh_life,
    )


def pair(version: int, granted_at: datetime = NOW - timedelta(hours=1)) -> states.SealedTokenPair:
    return pair_of_life(version, granted_at, LIFE)


def issued(version: int, granted_at: datetime = NOW) -> facts.Issued:
    return facts.Issued(
        pair=pair(version, granted_at), recipients="keys", sealed={"uploader": f"for-uploader-{version}"}
    )


def refreshing(*, failed_attempts: int = 0, access_rejected: bool = False) -> states.Refreshing:
    refresh = states.RefreshProgress(since=NOW, failed_attempts=failed_attempts, access_rejected=access_rejected)
    return states.Refreshing(profile=PROFILE, pair=OLD, refresh=refresh)


OLD = pair(3)
ISSUING = states.Issuing(profile=PROFILE, pair=pair(0), version=4, reason=states.IssueReason.CONNECTED)
CONNECTED = states.Connected(profile=PROFILE, pair=OLD, recipients="keys", refresh_at=NOW)
REFRESHING = refreshing()
REFRESH_BACKOFF = states.RefreshBackoff(
    profile=PROFILE, pair=OLD, refresh=states.RefreshProgress(since=NOW, failed_attempts=1), retry_at=NOW
)
REFRESH_TOKEN_REFUSED = states.RefreshTokenRefused(profile=PROFILE, pair=OLD, code="invalid_grant", message="gone")
CHECKING_REMOVAL = states.CheckingRemoval(profile=PROFILE, pair=OLD, code="invalid_grant", message="gone", check_at=NOW)
REAUTHORIZATION_REQUIRED = states.ReauthorizationRequired(profile=PROFILE, version=4)
DISCONNECTING = states.Disconnecting(profile=PROFILE, pair=OLD, version=4, by="key:a", since=NOW)
DISCONNECTED = states.Disconnected(version=5, consented_at=CONSENTED_AT)
ACTIVE: tuple[states.Active, ...] = (
    ISSUING,
    CONNECTED,
    REFRESHING,
    REFRESH_BACKOFF,
    REFRESH_TOKEN_REFUSED,
    CHECKING_REMOVAL,
    REAUTHORIZATION_REQUIRED,
)
STATES: tuple[states.Account, ...] = (*ACTIVE, DISCONNECTING, DISCONNECTED)

CONSENT = facts.Consented(profile=msgspec.structs.replace(PROFILE, consented_at=NOW), pair=pair(0, NOW), by="key:b")
FOREIGN = facts.Consented(profile=msgspec.structs.replace(CONSENT.profile, tenant="globex"), pair=CONSENT.pair)
REPLAYED = facts.Consented(profile=PROFILE, pair=pair(0))
RESEALED = issued(4, OLD.granted_at)
DONE = facts.RefreshDone(version=3, scopes=("video.publish", "video.list"), issued=issued(4))
REFUSED = facts.RefreshRefused(version=3, code="invalid_grant", message="Refresh token is invalid or expired.")
UNSETTLED = facts.RefreshUnsettled(version=3, attempt=1, reason="the answer was lost")
HANDED_OFF = facts.HandedOff(version=3, scopes=("video.publish",), pair=pair(4, NOW))
ASKED = facts.DisconnectRequested(tenant="acme", by="key:a")
ASKED_BY_ANOTHER = facts.DisconnectRequested(tenant="globex", by="key:g")
REMOVAL = facts.RemovalReported(at=CONSENTED_AT + timedelta(seconds=1))
LATE: tuple[facts.Fact, ...] = (
    facts.Issued(pair=pair(2), recipients="keys", sealed={}),
    facts.IssueFailed(version=2),
    facts.RefreshDone(version=2, scopes=(), issued=issued(3)),
    facts.RefreshRefused(version=2, code="invalid_grant", message=""),
    facts.RefreshUnsettled(version=2, attempt=1, reason=""),
    facts.AccessTokenRejected(version=2),
    facts.HandedOff(version=2, scopes=(), pair=pair(3)),
)

State = TypeVar("State")


def fingerprint(sealed: str) -> str:
    """The fingerprint of the pair that a resealed one replaces."""
    return hashlib.sha256(sealed.encode()).hexdigest()


def state_of(decision: Decision[states.Account]) -> states.Account:
    """The state after it, which is not None."""
    assert decision.state is not None
    return decision.state


def event_types(decision: Decision[states.Account]) -> list[type[Body]]:
    """What kinds of events it emits, in their order."""
    return [type(event) for event in decision.events]


def state_after(state: states.Account | None, fact: facts.Fact | Due, kind: type[State], now: datetime = NOW) -> State:
    """The state that this fact leads to, which is of this kind."""
    decided = decide(KEY, state, fact, now).state
    assert isinstance(decided, kind), f"{type(decided).__name__} is not {kind.__name__}"
    return decided
