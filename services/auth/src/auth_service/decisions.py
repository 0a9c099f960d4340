"""What a fact changes: the state from now on, and what the others are told."""

import hashlib

import msgspec

from auth_service import decisions_disconnect, facts, states
from auth_service.plans import LOOK_AGAIN, look_time, retry_time, time_after_rejection, unseen, warning_time
from auth_service.transitions import (
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
from common.clock import UtcDatetime
from common.contract.account import Risk
from common.streams import Decision, Due, StateKey

AT_RISK_AFTER = 5
"""Attempts of one refresh that do not settle (about half a minute) before the tenant is told."""


def decide(
    key: StateKey, state: states.Account | None, fact: facts.Fact | Due, now: UtcDatetime
) -> Decision[states.Account]:
    """What a fact changes. A fact may come twice or late; then it changes nothing."""
    if state is None:
        return begin(key, fact) if isinstance(fact, facts.Granted) else Decision(state=None)
    if isinstance(state, states.Disconnecting | states.Disconnected):
        return (
            resealed(state, fact)
            if isinstance(fact, facts.Resealed)
            else decisions_disconnect.leave(key, state, fact, now)
        )
    decision: Decision[states.Account]
    match fact:
        case Due():
            decision = due(key, state, now)
        case facts.Granted() | facts.Salvaged() | facts.DisconnectAsked() | facts.RemovalTold() | facts.Resealed():
            decision = commanded(key, state, fact, now)
        case facts.Issued() | facts.IssueFailed():
            decision = issue_ended(key, state, fact, now)
        case facts.RefreshDone() | facts.RefreshRefused() | facts.RefreshUnsettled():
            decision = refresh_ended(key, state, fact, now)
        case facts.Rejected():
            decision = rejected(key, state, fact, now)
        case facts.ProfileSeen() | facts.ProfileUnseen():
            decision = looked(key, state, fact, now)
        case facts.Revoked() | facts.RevokeUnsettled():
            decision = Decision(state=state)  # connected again meanwhile
    return decision


def commanded(key: StateKey, state: states.Active, fact: facts.Command, now: UtcDatetime) -> Decision[states.Account]:
    """Somebody wants something of an account that is there."""
    match fact:
        case facts.Granted():
            return reconnected(key, state, fact)
        case facts.Salvaged():
            return salvaged(state, fact)
        case facts.Resealed():
            return resealed(state, fact)
        case facts.DisconnectAsked():
            return decisions_disconnect.asked(key, state, fact, now)
        case facts.RemovalTold():
            return decisions_disconnect.told(key, state, fact, now)


def begin(key: StateKey, fact: facts.Granted) -> Decision[states.Account]:
    """A person connected an account that was never here."""
    return connect_anew(key, fact, version=1)


def reconnected(key: StateKey, state: states.Active, fact: facts.Granted) -> Decision[states.Account]:
    """A person connected again: the newest consent counts. An account stays with the tenant it belongs to."""
    if state.profile.tenant != fact.profile.tenant:
        return refuse(key, state, fact)
    if fact.profile.consented_at <= state.profile.consented_at:
        return Decision(state=state)
    return connect_anew(key, fact, version=version_of(state) + 1)


def due(key: StateKey, state: states.Active, now: UtcDatetime) -> Decision[states.Account]:
    """A time that was waited for has come."""
    match state:
        case states.Connected(refresh_at=at) if now >= at:
            return Decision(state=states.Refreshing(profile=state.profile, pair=state.pair, attempt=1, since=now))
        case states.Connected():
            return _warn(key, state, now)
        case states.Ailing(retry_at=at) if now >= at:
            return Decision(state=_next_attempt(state))
        case states.Expiring(pair=pair) if now >= pair.access_expires_at:
            return _ended(key, state, now)
        case states.Issuing() | states.Refreshing() | states.Ailing() | states.Expiring() | states.NeedsPerson():
            return Decision(state=state)


def rejected(key: StateKey, state: states.Active, fact: facts.Rejected, now: UtcDatetime) -> Decision[states.Account]:
    """TikTok refused an access token: if it is the newest one, only a refresh can tell what is wrong."""
    match state:
        case states.Connected(profile=profile, pair=pair) if pair.version == fact.version:
            look_at = look_time(key.partition_key, profile)
            ailing = states.Ailing(
                # Where a look found it out, the next pair is not looked at at once: it may be the look that is wrong.
                profile=unseen(key.partition_key, profile, now) if look_at is not None and look_at <= now else profile,
                pair=pair,
                attempt=0,
                since=now,
                retry_at=time_after_rejection(pair),
                rejected=True,
            )
            return Decision(state=_next_attempt(ailing) if now >= ailing.retry_at else ailing)
        case states.Refreshing(pair=pair) | states.Ailing(pair=pair) if pair.version == fact.version:
            return Decision(state=msgspec.structs.replace(state, rejected=True))
        case states.Expiring(pair=pair) if pair.version == fact.version:
            return _ended(key, state, now)
        case (
            states.Issuing()
            | states.Connected()
            | states.Refreshing()
            | states.Ailing()
            | states.Expiring()
            | states.NeedsPerson()
        ):
            return Decision(state=state)


def salvaged(state: states.Active, fact: facts.Salvaged) -> Decision[states.Account]:
    """Another worker's refresh had an answer after all: its pair is as good as our own."""
    match state:
        case states.Refreshing(pair=pair) | states.Ailing(pair=pair) | states.Expiring(pair=pair) if (
            pair.version == fact.version
        ):
            removed = _removal_told(state)
            return take_over(state, fact.scopes, fact.pair, reason=states.IssueReason.SALVAGED, removed=removed)
        case states.NeedsPerson(version=version) if version == fact.version + 1:
            return take_over(state, fact.scopes, fact.pair, reason=states.IssueReason.CONNECTED)
        case (
            states.Issuing()
            | states.Connected()
            | states.Refreshing()
            | states.Ailing()
            | states.Expiring()
            | states.NeedsPerson()
        ):
            return Decision(state=state)


def issue_ended(
    key: StateKey, state: states.Active, fact: facts.Issued | facts.IssueFailed, now: UtcDatetime
) -> Decision[states.Account]:
    """A pair was sealed to the services, or could not be opened: then it is tried again, since keys can be mended."""
    match state, fact:
        case states.Issuing(profile=profile), facts.Issued() if _is_of(fact, state.version, state.pair):
            # TikTok may have changed what a salvaged pair is granted.
            told = None if state.reason is states.IssueReason.SALVAGED else profile
            decided = connect(key, profile, fact, told=told, new=state.reason is states.IssueReason.CONNECTED)
            return decisions_disconnect.check_removal(decided, now) if state.removed else decided
        case states.Connected(profile=profile), facts.Issued() if _is_of(fact, state.pair.version + 1, state.pair):
            return connect(key, profile, fact, told=profile)
        case states.Issuing(version=version, attempt=n), facts.IssueFailed() if version == fact.version:
            retry_at = retry_time(key.partition_key, n, now)
            return Decision(state=msgspec.structs.replace(state, attempt=n + 1, retry_at=retry_at))
        case states.Connected(profile=profile, pair=pair), facts.IssueFailed() if pair.version + 1 == fact.version:
            retry_at = retry_time(key.partition_key, 1, now)
            resealing = states.Issuing(
                profile=profile,
                pair=pair,
                version=fact.version,
                reason=states.IssueReason.RESEALED,
                attempt=2,
                retry_at=retry_at,
            )
            return Decision(state=resealing)
        case (
            (
                states.Issuing()
                | states.Connected()
                | states.Refreshing()
                | states.Ailing()
                | states.Expiring()
                | states.NeedsPerson()
            ),
            (facts.Issued() | facts.IssueFailed()),
        ):
            return Decision(state=state)


def refresh_ended(
    key: StateKey, state: states.Active, fact: facts.RefreshEnd, now: UtcDatetime
) -> Decision[states.Account]:
    """A refresh has ended, one way or another."""
    return (
        refreshed(key, state, fact, now)
        if isinstance(fact, facts.RefreshDone)
        else refresh_failed(key, state, fact, now)
    )


def refreshed(
    key: StateKey, state: states.Active, fact: facts.RefreshDone, now: UtcDatetime
) -> Decision[states.Account]:
    """TikTok gave a new pair: it replaces the version it was made from, and no other."""
    match state:
        case states.Refreshing(pair=pair) | states.Ailing(pair=pair) | states.Expiring(pair=pair) if (
            pair.version == fact.version
        ):
            decided = connect(key, with_scopes(state.profile, fact.scopes), fact.issued, told=state.profile)
            return decisions_disconnect.check_removal(decided, now) if _may_be_removed_since(state) else decided
        case states.NeedsPerson(version=version) if version == fact.version + 1:
            return take_over(state, fact.scopes, fact.issued.pair, reason=states.IssueReason.CONNECTED)
        case (
            states.Issuing()
            | states.Connected()
            | states.Refreshing()
            | states.Ailing()
            | states.Expiring()
            | states.NeedsPerson()
        ):
            return Decision(state=state)


def refresh_failed(
    key: StateKey, state: states.Active, fact: facts.RefreshRefused | facts.RefreshUnsettled, now: UtcDatetime
) -> Decision[states.Account]:
    """No new pair. Refused may mean that an earlier answer was lost: the access token is used up to its end."""
    match state, fact:
        case states.Refreshing(profile=profile, pair=pair), facts.RefreshRefused(code=code) if (
            pair.version == fact.version
        ):
            if state.rejected or now >= pair.access_expires_at:
                if state.removed:
                    return decisions_disconnect.removed(key, state, now)
                return needs_person(key, profile, pair, code=code, message=fact.message, now=now)
            expiring = states.Expiring(profile=profile, pair=pair, code=code, message=fact.message)
            if state.removed:
                return Decision(state=msgspec.structs.replace(expiring, check_at=now))
            return at_risk(key, expiring, code, now, risk=Risk.REFRESH_REFUSED)
        case states.Refreshing(), facts.RefreshUnsettled() if (state.pair.version, state.attempt) == (
            fact.version,
            fact.attempt,
        ):
            return _try_later(key, state, fact, now)
        case (
            (
                states.Issuing()
                | states.Connected()
                | states.Refreshing()
                | states.Ailing()
                | states.Expiring()
                | states.NeedsPerson()
            ),
            (facts.RefreshRefused() | facts.RefreshUnsettled()),
        ):
            return Decision(state=state)


def looked(
    key: StateKey, state: states.Active, fact: facts.ProfileSeen | facts.ProfileUnseen, now: UtcDatetime
) -> Decision[states.Account]:
    """TikTok said who the person is now, or did not."""
    match state, fact:
        case states.Connected(pair=pair, profile=profile), facts.ProfileSeen() if pair.version == fact.version:
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
        case states.Connected(pair=pair, profile=profile), facts.ProfileUnseen() if pair.version == fact.version:
            return Decision(state=msgspec.structs.replace(state, profile=unseen(key.partition_key, profile, now)))
        case states.Expiring(pair=pair, check_at=at), (facts.ProfileSeen() | facts.ProfileUnseen()) if (
            at is not None and pair.version == fact.version
        ):
            return _not_removed(
                key, state, now, check_at=now + LOOK_AGAIN if isinstance(fact, facts.ProfileUnseen) else None
            )
        case (
            (
                states.Issuing()
                | states.Connected()
                | states.Refreshing()
                | states.Ailing()
                | states.Expiring()
                | states.NeedsPerson()
            ),
            (facts.ProfileSeen() | facts.ProfileUnseen()),
        ):
            return Decision(state=state)


def _not_removed(
    key: StateKey, state: states.Expiring, now: UtcDatetime, *, check_at: UtcDatetime | None
) -> Decision[states.Account]:
    """Go on to the end of the access token, as after any refusal; where TikTok did not say, it is asked again."""
    expiring = msgspec.structs.replace(state, check_at=check_at)
    if expiring.profile.risk is Risk.REFRESH_REFUSED:
        return Decision(state=expiring)
    return at_risk(key, expiring, state.code, now, risk=Risk.REFRESH_REFUSED)


def resealed(state: states.Account, fact: facts.Resealed) -> Decision[states.Account]:
    """The same pair, sealed under another key, takes the place of the one it was made from, and of no other."""
    match state:
        case states.NeedsPerson() | states.Disconnected():
            return Decision(state=state)
        case (
            states.Issuing()
            | states.Connected()
            | states.Refreshing()
            | states.Ailing()
            | states.Expiring()
            | states.Disconnecting()
        ):
            if hashlib.sha256(state.pair.sealed.encode()).hexdigest() != fact.replaces:
                return Decision(state=state)
            pair = msgspec.structs.replace(state.pair, sealed=fact.sealed)
            return Decision(state=msgspec.structs.replace(state, pair=pair))


def _warn(key: StateKey, state: states.Connected, now: UtcDatetime) -> Decision[states.Account]:
    """Tell the tenant, once for each end, that refreshing does not put off the end of the refresh token."""
    at, ends_at = warning_time(state.profile, state.pair), state.pair.refresh_expires_at
    if at is None or now < at:
        return Decision(state=state)
    profile = msgspec.structs.replace(state.profile, warned_of=ends_at)
    warned = msgspec.structs.replace(state, profile=profile)
    reason = f"the refresh token ends at {ends_at.isoformat()}"
    return at_risk(key, warned, reason, now, risk=Risk.REFRESH_TOKEN_ENDING)


def _may_be_removed_since(state: states.Refreshing | states.Ailing | states.Expiring) -> bool:
    match state:
        case states.Refreshing(too_early=too_early):
            return too_early
        case states.Ailing() | states.Expiring():
            return _removal_told(state)  # the answer is one to an earlier attempt


def _ended(key: StateKey, state: states.Expiring, now: UtcDatetime) -> Decision[states.Account]:
    """The access token is good no more. Where TikTok told of a removal, nothing has spoken against it till now."""
    if _removal_told(state):
        return decisions_disconnect.removed(key, state, now)
    return needs_person(key, state.profile, state.pair, code=state.code, message=state.message, now=now)


def _removal_told(state: states.Refreshing | states.Ailing | states.Expiring) -> bool:
    return state.check_at is not None if isinstance(state, states.Expiring) else state.removed


def _next_attempt(state: states.Ailing) -> states.Refreshing:
    return states.Refreshing(
        profile=state.profile,
        pair=state.pair,
        attempt=state.attempt + 1,
        since=state.since,
        rejected=state.rejected,
        removed=state.removed,
    )


def _try_later(
    key: StateKey, state: states.Refreshing, fact: facts.RefreshUnsettled, now: UtcDatetime
) -> Decision[states.Account]:
    ailing = states.Ailing(
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


def _is_of(issued: facts.Issued, version: int, pair: states.Pair) -> bool:
    """Whether an issued pair is this one: two pairs can be meant for one version, never with one grant time."""
    return issued.pair.version == version and issued.pair.granted_at == pair.granted_at
