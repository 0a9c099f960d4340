"""What a fact changes: the state from now on, and what the others are told."""

import hashlib

import msgspec

from auth_service import departures
from auth_service.account import (
    Account,
    Active,
    Ailing,
    Command,
    Connected,
    DisconnectAsked,
    Disconnected,
    Disconnecting,
    Expiring,
    Fact,
    Granted,
    Issued,
    IssueFailed,
    IssueReason,
    Issuing,
    NeedsPerson,
    Pair,
    ProfileSeen,
    ProfileUnseen,
    RefreshDone,
    RefreshEnd,
    Refreshing,
    RefreshRefused,
    RefreshUnsettled,
    Rejected,
    RemovalTold,
    Resealed,
    Revoked,
    RevokeUnsettled,
    Salvaged,
)
from auth_service.moves import (
    at_risk,
    connect,
    connect_anew,
    describe,
    needs_person,
    refuse,
    take_over,
    version_of,
    with_scopes,
)
from auth_service.plans import LOOK_AGAIN, look_time, retry_time, time_after_rejection, unseen, warning_time
from common.clock import UtcDatetime
from common.contract.account import Risk
from common.streams import Decision, Due, StateKey

AT_RISK_AFTER = 5
"""Attempts of one refresh that do not settle (about half a minute) before the tenant is told."""


def decide(key: StateKey, state: Account | None, fact: Fact | Due, now: UtcDatetime) -> Decision[Account]:
    """What a fact changes. A fact may come twice or late; then it changes nothing."""
    if state is None:
        return begin(key, fact) if isinstance(fact, Granted) else Decision(state=None)
    if isinstance(state, Disconnecting | Disconnected):
        return resealed(state, fact) if isinstance(fact, Resealed) else departures.leave(key, state, fact, now)
    decision: Decision[Account]
    match fact:
        case Due():
            decision = due(key, state, now)
        case Granted() | Salvaged() | DisconnectAsked() | RemovalTold() | Resealed():
            decision = commanded(key, state, fact, now)
        case Issued() | IssueFailed():
            decision = issue_ended(key, state, fact, now)
        case RefreshDone() | RefreshRefused() | RefreshUnsettled():
            decision = refresh_ended(key, state, fact, now)
        case Rejected():
            decision = rejected(key, state, fact, now)
        case ProfileSeen() | ProfileUnseen():
            decision = looked(key, state, fact, now)
        case Revoked() | RevokeUnsettled():
            decision = Decision(state=state)  # connected again meanwhile
    return decision


def commanded(key: StateKey, state: Active, fact: Command, now: UtcDatetime) -> Decision[Account]:
    """Somebody wants something of an account that is there."""
    match fact:
        case Granted():
            return reconnected(key, state, fact)
        case Salvaged():
            return salvaged(state, fact)
        case Resealed():
            return resealed(state, fact)
        case DisconnectAsked():
            return departures.asked(key, state, fact, now)
        case RemovalTold():
            return departures.told(key, state, fact, now)


def begin(key: StateKey, fact: Granted) -> Decision[Account]:
    """A person connected an account that was never here."""
    return connect_anew(key, fact, version=1)


def reconnected(key: StateKey, state: Active, fact: Granted) -> Decision[Account]:
    """A person connected again: the newest consent counts. An account stays with the tenant it belongs to."""
    if state.profile.tenant != fact.profile.tenant:
        return refuse(key, state, fact)
    if fact.profile.consented_at <= state.profile.consented_at:
        return Decision(state=state)
    return connect_anew(key, fact, version=version_of(state) + 1)


def due(key: StateKey, state: Active, now: UtcDatetime) -> Decision[Account]:
    """A time that was waited for has come."""
    match state:
        case Connected(refresh_at=at) if now >= at:
            return Decision(state=Refreshing(profile=state.profile, pair=state.pair, attempt=1, since=now))
        case Connected():
            return _warn(key, state, now)
        case Ailing(retry_at=at) if now >= at:
            return Decision(state=_next_attempt(state))
        case Expiring(pair=pair) if now >= pair.access_expires_at:
            return _ended(key, state, now)
        case Issuing() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def rejected(key: StateKey, state: Active, fact: Rejected, now: UtcDatetime) -> Decision[Account]:
    """TikTok refused an access token: if it is the newest one, only a refresh can tell what is wrong."""
    match state:
        case Connected(profile=profile, pair=pair) if pair.version == fact.version:
            look_at = look_time(key.partition_key, profile)
            ailing = Ailing(
                # Where a look found it out, the next pair is not looked at at once: it may be the look that is wrong.
                profile=unseen(key.partition_key, profile, now) if look_at is not None and look_at <= now else profile,
                pair=pair,
                attempt=0,
                since=now,
                retry_at=time_after_rejection(pair),
                rejected=True,
            )
            return Decision(state=_next_attempt(ailing) if now >= ailing.retry_at else ailing)
        case Refreshing(pair=pair) | Ailing(pair=pair) if pair.version == fact.version:
            return Decision(state=msgspec.structs.replace(state, rejected=True))
        case Expiring(pair=pair) if pair.version == fact.version:
            return _ended(key, state, now)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def salvaged(state: Active, fact: Salvaged) -> Decision[Account]:
    """Another worker's refresh had an answer after all: its pair is as good as our own."""
    match state:
        case Refreshing(pair=pair) | Ailing(pair=pair) | Expiring(pair=pair) if pair.version == fact.version:
            removed = _removal_told(state)
            return take_over(state, fact.scopes, fact.pair, reason=IssueReason.SALVAGED, removed=removed)
        case NeedsPerson(version=version) if version == fact.version + 1:
            return take_over(state, fact.scopes, fact.pair, reason=IssueReason.CONNECTED)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def issue_ended(key: StateKey, state: Active, fact: Issued | IssueFailed, now: UtcDatetime) -> Decision[Account]:
    """A pair was sealed to the services, or could not be opened: then it is tried again, since keys can be mended."""
    match state, fact:
        case Issuing(profile=profile), Issued() if _is_of(fact, state.version, state.pair):
            # TikTok may have changed what a salvaged pair is granted.
            told = None if state.reason is IssueReason.SALVAGED else profile
            decided = connect(key, profile, fact, told=told, new=state.reason is IssueReason.CONNECTED)
            return departures.check_removal(decided, now) if state.removed else decided
        case Connected(profile=profile), Issued() if _is_of(fact, state.pair.version + 1, state.pair):
            return connect(key, profile, fact, told=profile)
        case Issuing(version=version, attempt=n), IssueFailed() if version == fact.version:
            retry_at = retry_time(key.partition_key, n, now)
            return Decision(state=msgspec.structs.replace(state, attempt=n + 1, retry_at=retry_at))
        case Connected(profile=profile, pair=pair), IssueFailed() if pair.version + 1 == fact.version:
            retry_at = retry_time(key.partition_key, 1, now)
            resealing = Issuing(
                profile=profile,
                pair=pair,
                version=fact.version,
                reason=IssueReason.RESEALED,
                attempt=2,
                retry_at=retry_at,
            )
            return Decision(state=resealing)
        case (
            (Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson()),
            (Issued() | IssueFailed()),
        ):
            return Decision(state=state)


def refresh_ended(key: StateKey, state: Active, fact: RefreshEnd, now: UtcDatetime) -> Decision[Account]:
    """A refresh has ended, one way or another."""
    return refreshed(key, state, fact, now) if isinstance(fact, RefreshDone) else refresh_failed(key, state, fact, now)


def refreshed(key: StateKey, state: Active, fact: RefreshDone, now: UtcDatetime) -> Decision[Account]:
    """TikTok gave a new pair: it replaces the version it was made from, and no other."""
    match state:
        case Refreshing(pair=pair) | Ailing(pair=pair) | Expiring(pair=pair) if pair.version == fact.version:
            decided = connect(key, with_scopes(state.profile, fact.scopes), fact.issued, told=state.profile)
            return departures.check_removal(decided, now) if _may_be_removed_since(state) else decided
        case NeedsPerson(version=version) if version == fact.version + 1:
            return take_over(state, fact.scopes, fact.issued.pair, reason=IssueReason.CONNECTED)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def refresh_failed(
    key: StateKey, state: Active, fact: RefreshRefused | RefreshUnsettled, now: UtcDatetime
) -> Decision[Account]:
    """No new pair. Refused may mean that an earlier answer was lost: the access token is used up to its end."""
    match state, fact:
        case Refreshing(profile=profile, pair=pair), RefreshRefused(code=code) if pair.version == fact.version:
            if state.rejected or now >= pair.access_expires_at:
                if state.removed:
                    return departures.removed(key, state, now)
                return needs_person(key, profile, pair, code=code, message=fact.message, now=now)
            expiring = Expiring(profile=profile, pair=pair, code=code, message=fact.message)
            if state.removed:
                return Decision(state=msgspec.structs.replace(expiring, check_at=now))
            return at_risk(key, expiring, code, now, risk=Risk.REFRESH_REFUSED)
        case Refreshing(), RefreshUnsettled() if (state.pair.version, state.attempt) == (fact.version, fact.attempt):
            return _try_later(key, state, fact, now)
        case (
            (Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson()),
            (RefreshRefused() | RefreshUnsettled()),
        ):
            return Decision(state=state)


def looked(key: StateKey, state: Active, fact: ProfileSeen | ProfileUnseen, now: UtcDatetime) -> Decision[Account]:
    """TikTok said who the person is now, or did not."""
    match state, fact:
        case Connected(pair=pair, profile=profile), ProfileSeen() if pair.version == fact.version:
            seen = msgspec.structs.replace(
                profile,
                display_name=fact.display_name,
                username=fact.username,
                avatar_url=fact.avatar_url,
                seen_at=now,
            )
            changed = describe(key, seen) != describe(key, profile)
            known = msgspec.structs.replace(state, profile=seen)
            return Decision(state=known, events=(describe(key, seen),) if changed else ())
        case Connected(pair=pair, profile=profile), ProfileUnseen() if pair.version == fact.version:
            return Decision(state=msgspec.structs.replace(state, profile=unseen(key.partition_key, profile, now)))
        case Expiring(pair=pair, check_at=at), (ProfileSeen() | ProfileUnseen()) if (
            at is not None and pair.version == fact.version
        ):
            return _not_removed(key, state, now, check_at=now + LOOK_AGAIN if isinstance(fact, ProfileUnseen) else None)
        case (
            (Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson()),
            (ProfileSeen() | ProfileUnseen()),
        ):
            return Decision(state=state)


def _not_removed(
    key: StateKey, state: Expiring, now: UtcDatetime, *, check_at: UtcDatetime | None
) -> Decision[Account]:
    """Go on to the end of the access token, as after any refusal; where TikTok did not say, it is asked again."""
    expiring = msgspec.structs.replace(state, check_at=check_at)
    if expiring.profile.risk is Risk.REFRESH_REFUSED:
        return Decision(state=expiring)
    return at_risk(key, expiring, state.code, now, risk=Risk.REFRESH_REFUSED)


def resealed(state: Account, fact: Resealed) -> Decision[Account]:
    """The same pair, sealed under another key, takes the place of the one it was made from, and of no other."""
    match state:
        case NeedsPerson() | Disconnected():
            return Decision(state=state)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | Disconnecting():
            if hashlib.sha256(state.pair.sealed.encode()).hexdigest() != fact.replaces:
                return Decision(state=state)
            pair = msgspec.structs.replace(state.pair, sealed=fact.sealed)
            return Decision(state=msgspec.structs.replace(state, pair=pair))


def _warn(key: StateKey, state: Connected, now: UtcDatetime) -> Decision[Account]:
    """Tell the tenant, once for each end, that refreshing does not put off the end of the refresh token."""
    at, ends_at = warning_time(state.profile, state.pair), state.pair.refresh_expires_at
    if at is None or now < at:
        return Decision(state=state)
    profile = msgspec.structs.replace(state.profile, warned_of=ends_at)
    warned = msgspec.structs.replace(state, profile=profile)
    reason = f"the refresh token ends at {ends_at.isoformat()}"
    return at_risk(key, warned, reason, now, risk=Risk.REFRESH_TOKEN_ENDING)


def _may_be_removed_since(state: Refreshing | Ailing | Expiring) -> bool:
    match state:
        case Refreshing(too_early=too_early):
            return too_early
        case Ailing() | Expiring():
            return _removal_told(state)  # the answer is one to an earlier attempt


def _ended(key: StateKey, state: Expiring, now: UtcDatetime) -> Decision[Account]:
    """The access token is good no more. Where TikTok told of a removal, nothing has spoken against it till now."""
    if _removal_told(state):
        return departures.removed(key, state, now)
    return needs_person(key, state.profile, state.pair, code=state.code, message=state.message, now=now)


def _removal_told(state: Refreshing | Ailing | Expiring) -> bool:
    return state.check_at is not None if isinstance(state, Expiring) else state.removed


def _next_attempt(state: Ailing) -> Refreshing:
    return Refreshing(
        profile=state.profile,
        pair=state.pair,
        attempt=state.attempt + 1,
        since=state.since,
        rejected=state.rejected,
        removed=state.removed,
    )


def _try_later(key: StateKey, state: Refreshing, fact: RefreshUnsettled, now: UtcDatetime) -> Decision[Account]:
    ailing = Ailing(
        profile=state.profile,
        pair=state.pair,
        attempt=state.attempt,
        since=state.since,
        retry_at=retry_time(key.partition_key, state.attempt, now, fact.trouble),
        rejected=state.rejected,
        removed=state.removed,
    )
    if state.attempt != AT_RISK_AFTER:
        return Decision(state=ailing)
    return at_risk(key, ailing, fact.reason, now, risk=Risk.REFRESH_FAILING)


def _is_of(issued: Issued, version: int, pair: Pair) -> bool:
    """Whether an issued pair is this one: two pairs can be meant for one version, never with one grant time."""
    return issued.pair.version == version and issued.pair.granted_at == pair.granted_at
