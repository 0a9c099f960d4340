"""What a fact changes about collecting a post's numbers. Pure."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from analytics_service.ages import age_after
from analytics_service.video import (
    BecameAvailable,
    Collected,
    Collecting,
    CollectRefused,
    CredentialSeen,
    Fact,
    Finished,
    NoCredential,
    NotListed,
    Parked,
    TokenRefused,
    Unsettled,
    Video,
)
from common.clock import UtcDatetime
from common.contract.account import CredentialIssued, TokenRejected
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.metrics import MetricsCollected
from common.contract.post import PostAvailable
from common.contract.state_keys import post_id_of, post_state_key
from common.streams import Decision, Due, KeyedFact, StateKey

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=10)
MISSES_PER_AGE = 4
"""How often TikTok may answer without the video before its next age is waited for: 5, 10, 20 seconds apart."""

Decided = Decision[Video]
Answered = Collected | NotListed | CollectRefused | Unsettled


def translate(envelope: Envelope[Body]) -> KeyedFact[Fact] | None:
    """Take up posts that became available; the rest of a post's life is the projector's."""
    body = envelope.body
    if not isinstance(body, PostAvailable) or not body.video_ids:
        return None
    fact = BecameAvailable(tenant=body.tenant, video_ids=body.video_ids, at=body.at)
    return KeyedFact(key=post_state_key(body.account_id, body.tenant, body.post_id), fact=fact)


def on_view_change(key: StateKey, state: Video, record: Body) -> Fact | None:
    """Wake a parked post when its tenant gets a newer credential of the account."""
    del key
    if not isinstance(state, Parked) or not isinstance(record, CredentialIssued) or record.version <= state.version:
        return None
    return CredentialSeen(version=record.version) if record.serves(state.collecting.tenant) else None


def decide(ages: Sequence[int], key: StateKey, state: Video | None, fact: Fact | Due, now: UtcDatetime) -> Decided:
    """What a fact changes. A fact that comes twice or late changes nothing."""
    match state:
        case None:
            return _begin(ages, fact)
        case Collecting():
            return _collecting(ages, key, state, fact, now)
        case Parked():
            return _parked(state, fact)
        case Finished():
            return _finished(state, fact)


def _begin(ages: Sequence[int], fact: Fact | Due) -> Decided:
    match fact:
        case BecameAvailable(tenant=tenant, video_ids=ids, at=at):
            return Decision(state=Collecting(tenant=tenant, video_ids=ids, available_at=at, next_age=ages[0]))
        case (
            Collected()
            | NotListed()
            | CollectRefused()
            | Unsettled()
            | NoCredential()
            | TokenRefused()
            | CredentialSeen()
            | Due()
        ):
            return Decision(state=None)


def _collecting(ages: Sequence[int], key: StateKey, state: Collecting, fact: Fact | Due, now: UtcDatetime) -> Decided:
    match fact:
        case Collected() | NotListed() | CollectRefused() | Unsettled():
            return _answered(ages, key, state, fact, now)
        case NoCredential(version=version):
            return Decision(state=Parked(collecting=state, version=version, since=now))
        case TokenRefused(version=version, at=at):
            called = msgspec.structs.replace(state, called_at=at)
            return Decision(state=Parked(collecting=called, version=version, since=now), events=(_rejected(key, fact),))
        case BecameAvailable(video_ids=ids):
            return Decision(state=_with_ids(state, ids))
        case CredentialSeen() | Due():
            return Decision(state=state)


def _answered(ages: Sequence[int], key: StateKey, state: Collecting, fact: Answered, now: UtcDatetime) -> Decided:
    if fact.age != state.next_age:
        return Decision(state=state)  # of an age that is over
    called = msgspec.structs.replace(state, called_at=fact.at)
    match fact:
        case Collected():
            return Decision(state=_next_age(ages, called, now), events=_events(key, state, fact))
        case NotListed():
            missed = msgspec.structs.replace(called, misses=state.misses + 1)
            given_up = missed.misses >= MISSES_PER_AGE
            return Decision(state=_next_age(ages, missed, now) if given_up else _try_again(missed, now))
        case CollectRefused():
            return Decision(state=_next_age(ages, called, now))
        case Unsettled():
            return Decision(state=_try_again(called, now))


def _parked(state: Parked, fact: Fact | Due) -> Decided:
    match fact:
        case CredentialSeen(version=version) if version > state.version:
            return Decision(state=state.collecting)
        case BecameAvailable(video_ids=ids):
            return Decision(state=msgspec.structs.replace(state, collecting=_with_ids(state.collecting, ids)))
        case Due():
            return Decision(state=None)
        case (
            Collected()
            | NotListed()
            | CollectRefused()
            | Unsettled()
            | NoCredential()
            | TokenRefused()
            | CredentialSeen()
        ):
            return Decision(state=state)


def _finished(state: Finished, fact: Fact | Due) -> Decided:
    match fact:
        case Due():
            return Decision(state=None)
        case (
            BecameAvailable()
            | Collected()
            | NotListed()
            | CollectRefused()
            | Unsettled()
            | NoCredential()
            | TokenRefused()
            | CredentialSeen()
        ):
            return Decision(state=state)


def _next_age(ages: Sequence[int], state: Collecting, now: UtcDatetime) -> Collecting | Finished:
    age = age_after(ages, max(now - state.available_at, timedelta(seconds=state.next_age)))
    if age is None:
        return Finished(tenant=state.tenant, at=now, called_at=state.called_at)
    return msgspec.structs.replace(state, next_age=age, tries=0, misses=0, retry_at=None)


def _try_again(state: Collecting, now: UtcDatetime) -> Collecting:
    # The exponent is bounded because an outage may last for weeks.
    delay = min(FIRST_RETRY * 2 ** min(state.tries, 10), LONGEST_RETRY)
    return msgspec.structs.replace(state, tries=state.tries + 1, retry_at=now + delay)


def _with_ids(state: Collecting, ids: tuple[str, ...]) -> Collecting:
    return msgspec.structs.replace(state, video_ids=tuple(dict.fromkeys((*state.video_ids, *ids))))


def _rejected(key: StateKey, fact: TokenRefused) -> TokenRejected:
    return TokenRejected(
        account_id=key.partition_key, version=fact.version, code=fact.code, service="analytics", at=fact.at
    )


def _events(key: StateKey, state: Collecting, fact: Collected) -> tuple[MetricsCollected, ...]:
    age = int((fact.at - state.available_at).total_seconds())
    return tuple(
        MetricsCollected(
            account_id=key.partition_key,
            post_id=post_id_of(key),
            tenant=state.tenant,
            video_id=numbers.video_id,
            at=fact.at,
            age_seconds=max(age, 0),
            view_count=numbers.view_count,
            like_count=numbers.like_count,
            comment_count=numbers.comment_count,
            share_count=numbers.share_count,
            share_url=numbers.share_url,
        )
        for numbers in fact.numbers
    )
