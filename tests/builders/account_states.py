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
) -> states.Pair:
    return states.Pair(
        version=version,
        sealed=f"sealed-{version}",
        granted_at=granted_at,
        access_expires_at=granted_at + life,
        refresh_expires_at=granted_at + refresh_life,
    )


def pair(version: int, granted_at: datetime = NOW - timedelta(hours=1)) -> states.Pair:
    return pair_of_life(version, granted_at, LIFE)


def issued(version: int, granted_at: datetime = NOW) -> facts.Issued:
    return facts.Issued(
        pair=pair(version, granted_at), recipients="keys", sealed={"uploader": f"for-uploader-{version}"}
    )


OLD = pair(3)
ISSUING = states.Issuing(profile=PROFILE, pair=pair(0), version=4, reason=states.IssueReason.CONNECTED)
CONNECTED = states.Connected(profile=PROFILE, pair=OLD, recipients="keys", refresh_at=NOW)
REFRESHING = states.Refreshing(profile=PROFILE, pair=OLD, attempt=1, since=NOW)
AILING = states.Ailing(profile=PROFILE, pair=OLD, attempt=1, since=NOW, retry_at=NOW)
EXPIRING = states.Expiring(profile=PROFILE, pair=OLD, code="invalid_grant", message="gone")
NEEDS_PERSON = states.NeedsPerson(profile=PROFILE, version=4)
DISCONNECTING = states.Disconnecting(profile=PROFILE, pair=OLD, version=4, by="key:a", since=NOW)
DISCONNECTED = states.Disconnected(version=5, consented_at=CONSENTED_AT)
ACTIVE: tuple[states.Active, ...] = (ISSUING, CONNECTED, REFRESHING, AILING, EXPIRING, NEEDS_PERSON)
STATES: tuple[states.Account, ...] = (*ACTIVE, DISCONNECTING, DISCONNECTED)

CONSENT = facts.Granted(profile=msgspec.structs.replace(PROFILE, consented_at=NOW), pair=pair(0, NOW), by="key:b")
FOREIGN = facts.Granted(profile=msgspec.structs.replace(CONSENT.profile, tenant="globex"), pair=CONSENT.pair)
REPLAYED = facts.Granted(profile=PROFILE, pair=pair(0))
RESEALED = issued(4, OLD.granted_at)
DONE = facts.RefreshDone(version=3, scopes=("video.publish", "video.list"), issued=issued(4))
REFUSED = facts.RefreshRefused(version=3, code="invalid_grant", message="Refresh token is invalid or expired.")
UNSETTLED = facts.RefreshUnsettled(version=3, attempt=1, reason="the answer was lost")
SALVAGED = facts.Salvaged(version=3, scopes=("video.publish",), pair=pair(4, NOW))
ASKED = facts.DisconnectAsked(tenant="acme", by="key:a")
ASKED_BY_ANOTHER = facts.DisconnectAsked(tenant="globex", by="key:g")
REMOVAL = facts.RemovalTold(at=CONSENTED_AT + timedelta(seconds=1))
LATE: tuple[facts.Fact, ...] = (
    facts.Issued(pair=pair(2), recipients="keys", sealed={}),
    facts.IssueFailed(version=2),
    facts.RefreshDone(version=2, scopes=(), issued=issued(3)),
    facts.RefreshRefused(version=2, code="invalid_grant", message=""),
    facts.RefreshUnsettled(version=2, attempt=1, reason=""),
    facts.Rejected(version=2),
    facts.Salvaged(version=2, scopes=(), pair=pair(3)),
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
