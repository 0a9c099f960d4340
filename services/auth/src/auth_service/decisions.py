"""What a fact changes: the state from now on, and what the others are told."""

import msgspec

from auth_service.account import (
    Account,
    Ailing,
    Connected,
    Expiring,
    Fact,
    Granted,
    Issued,
    IssueFailed,
    IssueReason,
    Issuing,
    NeedsPerson,
    Pair,
    Profile,
    RefreshDone,
    Refreshing,
    RefreshRefused,
    RefreshUnsettled,
    Rejected,
    Salvaged,
    credential_of,
)
from auth_service.plans import refresh_time, retry_time, time_after_rejection
from common.events.account import (
    AccountAtRisk,
    AccountConnected,
    AccountDescribed,
    AccountReauthorizationRequired,
    CredentialWithdrawn,
)
from common.instants import Instant
from common.streams.machine import Decision, Due, Key

AT_RISK_AFTER = 5
"""Attempts of one refresh that do not settle (about half a minute) before the tenant is told."""


def decide(key: Key, state: Account | None, fact: Fact | Due, now: Instant) -> Decision[Account]:
    """What a fact changes. A fact may come twice or late; then it changes nothing."""
    if state is None:
        return begin(fact) if isinstance(fact, Granted) else Decision(state=None)
    decision: Decision[Account]
    match fact:
        case Granted():
            decision = reconnected(state, fact)
        case Due():
            decision = due(key, state, now)
        case Rejected():
            decision = rejected(key, state, fact, now)
        case Salvaged():
            decision = salvaged(state, fact)
        case Issued() | IssueFailed():
            decision = issue_ended(key, state, fact, now)
        case RefreshDone():
            decision = refreshed(key, state, fact)
        case RefreshRefused() | RefreshUnsettled():
            decision = refresh_failed(key, state, fact, now)
    return decision


def begin(fact: Granted) -> Decision[Account]:
    """A person connected an account that was never here."""
    return _issue(fact.profile, fact.pair, version=1, reason=IssueReason.CONNECTED)


def reconnected(state: Account, fact: Granted) -> Decision[Account]:
    """A person connected again: the newest consent counts. An account stays with the tenant it belongs to."""
    if state.profile.tenant != fact.profile.tenant or fact.profile.consented_at <= state.profile.consented_at:
        return Decision(state=state)
    return _issue(fact.profile, fact.pair, version=_version(state) + 1, reason=IssueReason.CONNECTED)


def due(key: Key, state: Account, now: Instant) -> Decision[Account]:
    """A time that was waited for has come."""
    match state:
        case Connected(refresh_at=at) if now >= at:
            return Decision(state=Refreshing(profile=state.profile, pair=state.pair, attempt=1, since=now))
        case Ailing(retry_at=at) if now >= at:
            return Decision(state=_next_attempt(state))
        case Expiring(pair=pair) if now >= pair.access_expires_at:
            return _needs_person(key, state.profile, state.pair, code=state.code, message=state.message, now=now)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def rejected(key: Key, state: Account, fact: Rejected, now: Instant) -> Decision[Account]:
    """TikTok refused an access token: if it is the newest one, only a refresh can tell what is wrong."""
    match state:
        case Connected(profile=profile, pair=pair) if pair.version == fact.version:
            ailing = Ailing(
                profile=profile,
                pair=pair,
                attempt=0,
                since=now,
                retry_at=time_after_rejection(pair),
                rejected=True,
            )
            return Decision(state=_next_attempt(ailing) if now >= ailing.retry_at else ailing)
        case Refreshing(pair=pair) | Ailing(pair=pair) if pair.version == fact.version:
            return Decision(state=msgspec.structs.replace(state, rejected=True))
        case Expiring(profile=profile, pair=pair, code=code, message=message) if pair.version == fact.version:
            return _needs_person(key, profile, pair, code=code, message=message, now=now)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def salvaged(state: Account, fact: Salvaged) -> Decision[Account]:
    """Another worker's refresh had an answer after all: its pair is as good as our own."""
    match state:
        case Refreshing(pair=pair) | Ailing(pair=pair) | Expiring(pair=pair) if pair.version == fact.version:
            return _take_over(state, fact.scopes, fact.pair, reason=IssueReason.SALVAGED)
        case NeedsPerson(version=version) if version == fact.version + 1:
            return _take_over(state, fact.scopes, fact.pair, reason=IssueReason.CONNECTED)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def issue_ended(key: Key, state: Account, fact: Issued | IssueFailed, now: Instant) -> Decision[Account]:
    """A pair was sealed to the services, or could not be opened: then it is tried again, since keys can be mended."""
    match state, fact:
        case Issuing(profile=profile), Issued() if _is_of(fact, state.version, state.pair):
            announced = _announce(key, profile, fact.pair) if state.reason is IssueReason.CONNECTED else ()
            return _connect(key, profile, fact, *announced)
        case Connected(profile=profile), Issued() if _is_of(fact, state.pair.version + 1, state.pair):
            return _connect(key, profile, fact)
        case Issuing(version=version, attempt=n), IssueFailed() if version == fact.version:
            retry_at = retry_time(key.lane, n, now)
            return Decision(state=msgspec.structs.replace(state, attempt=n + 1, retry_at=retry_at))
        case Connected(profile=profile, pair=pair), IssueFailed() if pair.version + 1 == fact.version:
            issuing = _issue(profile, pair, version=fact.version, reason=IssueReason.RESEALED)
            return issue_ended(key, issuing.state, fact, now) if issuing.state else issuing
        case (
            (Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson()),
            (Issued() | IssueFailed()),
        ):
            return Decision(state=state)


def refreshed(key: Key, state: Account, fact: RefreshDone) -> Decision[Account]:
    """TikTok gave a new pair: it replaces the version it was made from, and no other."""
    match state:
        case Refreshing(pair=pair) | Ailing(pair=pair) | Expiring(pair=pair) if pair.version == fact.version:
            return _connect(key, _with_scopes(state.profile, fact.scopes), fact.issued)
        case NeedsPerson(version=version) if version == fact.version + 1:
            return _take_over(state, fact.scopes, fact.issued.pair, reason=IssueReason.CONNECTED)
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson():
            return Decision(state=state)


def refresh_failed(
    key: Key, state: Account, fact: RefreshRefused | RefreshUnsettled, now: Instant
) -> Decision[Account]:
    """No new pair. Refused may mean that an earlier answer was lost: the access token is used up to its end."""
    match state, fact:
        case Refreshing(profile=profile, pair=pair), RefreshRefused(code=code) if pair.version == fact.version:
            if state.rejected or now >= pair.access_expires_at:
                return _needs_person(key, profile, pair, code=code, message=fact.message, now=now)
            expiring = Expiring(profile=profile, pair=pair, code=code, message=fact.message)
            return Decision(state=expiring, events=(_at_risk(key, expiring, code, now),))
        case Refreshing(), RefreshUnsettled() if (state.pair.version, state.attempt) == (fact.version, fact.attempt):
            return _try_later(key, state, fact.reason, now)
        case (
            (Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson()),
            (RefreshRefused() | RefreshUnsettled()),
        ):
            return Decision(state=state)


def _issue(profile: Profile, pair: Pair, *, version: int, reason: IssueReason) -> Decision[Account]:
    return Decision(state=Issuing(profile=profile, pair=pair, version=version, reason=reason))


def _take_over(state: Account, scopes: tuple[str, ...], pair: Pair, *, reason: IssueReason) -> Decision[Account]:
    profile = _with_scopes(state.profile, scopes)
    return _issue(profile, pair, version=_version(state) + 1, reason=reason)


def _with_scopes(profile: Profile, scopes: tuple[str, ...]) -> Profile:
    """Take over what TikTok says is granted; it may leave that out where nothing changed."""
    return msgspec.structs.replace(profile, scopes=scopes) if scopes else profile


def _connect(
    key: Key, profile: Profile, issued: Issued, *announced: AccountConnected | AccountDescribed
) -> Decision[Account]:
    connected = Connected(
        profile=profile,
        pair=issued.pair,
        recipients=issued.recipients,
        refresh_at=refresh_time(key.lane, issued.pair),
    )
    return Decision(state=connected, events=(*announced, credential_of(key.lane, profile, issued)))


def _next_attempt(state: Ailing) -> Refreshing:
    return Refreshing(
        profile=state.profile,
        pair=state.pair,
        attempt=state.attempt + 1,
        since=state.since,
        rejected=state.rejected,
    )


def _try_later(key: Key, state: Refreshing, reason: str, now: Instant) -> Decision[Account]:
    ailing = Ailing(
        profile=state.profile,
        pair=state.pair,
        attempt=state.attempt,
        since=state.since,
        retry_at=retry_time(key.lane, state.attempt, now),
        rejected=state.rejected,
    )
    tell = state.attempt == AT_RISK_AFTER
    return Decision(state=ailing, events=(_at_risk(key, ailing, reason, now),) if tell else ())


def _needs_person(
    key: Key, profile: Profile, pair: Pair, *, code: str, message: str, now: Instant
) -> Decision[Account]:
    version = pair.version + 1
    return Decision(
        state=NeedsPerson(profile=profile, version=version),
        events=(
            AccountReauthorizationRequired(
                account_id=key.lane, tenant=profile.tenant, code=code, message=message, at=now
            ),
            CredentialWithdrawn(account_id=key.lane, version=version, reason=code),
        ),
    )


def _announce(key: Key, profile: Profile, pair: Pair) -> tuple[AccountConnected, AccountDescribed]:
    return (
        AccountConnected(
            account_id=key.lane,
            tenant=profile.tenant,
            open_id=profile.open_id,
            scopes=profile.scopes,
            display_name=profile.display_name,
            at=pair.granted_at,
        ),
        AccountDescribed(
            account_id=key.lane,
            tenant=profile.tenant,
            open_id=profile.open_id,
            display_name=profile.display_name,
        ),
    )


def _at_risk(key: Key, state: Ailing | Expiring, reason: str, now: Instant) -> AccountAtRisk:
    return AccountAtRisk(
        account_id=key.lane,
        tenant=state.profile.tenant,
        reason=reason,
        access_expires_at=state.pair.access_expires_at,
        at=now,
    )


def _is_of(issued: Issued, version: int, pair: Pair) -> bool:
    """Whether an issued pair is this one: two pairs can be meant for one version, never with one grant time."""
    return issued.pair.version == version and issued.pair.granted_at == pair.granted_at


def _version(state: Account) -> int:
    match state:
        case Issuing(version=version) | NeedsPerson(version=version):
            return version
        case Connected(pair=pair) | Refreshing(pair=pair) | Ailing(pair=pair) | Expiring(pair=pair):
            return pair.version
