"""Every state meets every fact: the next state and the published events."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
import pytest

from auth_service import effects, facts, states
from auth_service.decisions import decide
from auth_service.plans import next_effect
from builders.account_states import (
    ASKED,
    ASKED_BY_ANOTHER,
    CONSENT,
    CONSENTED_AT,
    DISCONNECTING,
    DONE,
    FOREIGN,
    HANDED_OFF,
    KEY,
    LATE,
    NOW,
    OLD,
    REFUSED,
    REMOVAL,
    REPLAYED,
    RESEALED,
    STATES,
    UNSETTLED,
    event_types,
    fingerprint,
)
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
)
from common.contract.audit import AuditRecorded
from common.contract.body import Body
from common.streams import Decision, Due


@dataclass(frozen=True, slots=True)
class To:
    """The state becomes another, or another of its kind, and these events are emitted."""

    kind: type[object]
    emitted: tuple[type[Body], ...] = ()


@dataclass(frozen=True, slots=True)
class Stays:
    """The state is as it was, and these events are emitted."""

    emitted: tuple[type[Body], ...] = ()


KEEPS = Stays()
STARTS_ISSUING = To(states.Issuing, (AuditRecorded,))
GOES = To(states.Disconnecting, (CredentialWithdrawn,))
GONE = To(states.Disconnected, (CredentialWithdrawn, AccountForgotten, AccountDisconnected, AuditRecorded))
KEPT_OUT = Stays((AccountConnectRefused, AuditRecorded))
FRESH = To(states.Connected, (AccountDescribed, CredentialIssued))
RISKY = To(states.RefreshTokenRefused, (AccountAtRisk, AccountDescribed))
CHECKED_AGAIN = To(states.Refreshing, (AccountDescribed, CredentialIssued))
STILL_CHECKING = To(states.CheckingRemoval, (AccountAtRisk, AccountDescribed))
LOST = To(states.ReauthorizationRequired, (AccountReauthorizationRequired, CredentialWithdrawn))
OTHER_DISCONNECTING = To(states.Disconnecting)

RESEALED_PAIR = facts.Resealed(replaces=fingerprint("sealed-3"), sealed="under-another-key")
RESEALED_OFFER = facts.Resealed(replaces=fingerprint("sealed-0"), sealed="under-another-key")
RESEALED_OTHER = facts.Resealed(replaces=fingerprint("sealed-2"), sealed="under-another-key")
SEEN = facts.ProfileFetched(version=3, display_name="New name", username="new", avatar_url="https://a.example/n.jpeg")
NOT_REVOKED = facts.RevokeUnsettled(version=3, attempt=1, reason="TikTok's answer was lost")

Cell = To | Stays
TABLE: dict[str, tuple[facts.Fact | Due, tuple[Cell, ...]]] = {
    # issuing, connected, refreshing, backoff, refresh token refused, checking removal, reauthorization required,
    # disconnecting, disconnected
    "consent": (CONSENT, (STARTS_ISSUING,) * 9),
    "consent for another tenant": (FOREIGN, (*(KEPT_OUT,) * 8, STARTS_ISSUING)),
    "consent of before": (REPLAYED, (KEEPS,) * 9),
    "issued": (
        RESEALED,
        (
            To(states.Connected, (AccountConnected, AccountDescribed, CredentialIssued)),
            To(states.Connected, (CredentialIssued,)),
        )
        + (KEEPS,) * 7,
    ),
    "issue failed": (facts.IssueFailed(version=4), (To(states.Issuing), To(states.Issuing), *(KEEPS,) * 7)),
    "refresh done": (
        DONE,
        (KEEPS, KEEPS, FRESH, FRESH, FRESH, CHECKED_AGAIN, To(states.Issuing), OTHER_DISCONNECTING, KEEPS),
    ),
    "refresh refused": (REFUSED, (KEEPS, KEEPS, RISKY, KEEPS, KEEPS, KEEPS, KEEPS, OTHER_DISCONNECTING, KEEPS)),
    "refresh unsettled": (
        UNSETTLED,
        (KEEPS, KEEPS, To(states.RefreshBackoff), KEEPS, KEEPS, KEEPS, KEEPS, OTHER_DISCONNECTING, KEEPS),
    ),
    "another attempt unsettled": (
        replace(UNSETTLED, attempt=2),
        (*(KEEPS,) * 7, OTHER_DISCONNECTING, KEEPS),
    ),
    "rejected": (
        facts.AccessTokenRejected(version=3),
        (
            KEEPS,
            To(states.Refreshing),
            To(states.Refreshing),
            To(states.RefreshBackoff),
            LOST,
            GONE,
            KEEPS,
            OTHER_DISCONNECTING,
            KEEPS,
        ),
    ),
    "handed off": (
        HANDED_OFF,
        (KEEPS, KEEPS, *(To(states.Issuing),) * 5, OTHER_DISCONNECTING, KEEPS),
    ),
    "disconnect asked": (ASKED, (*(GOES,) * 6, GONE, KEEPS, KEEPS)),
    "disconnect asked by another tenant": (ASKED_BY_ANOTHER, (KEEPS,) * 9),
    "removal reported": (
        REMOVAL,
        (
            To(states.Issuing),
            To(states.Refreshing),
            To(states.Refreshing),
            To(states.RefreshBackoff),
            To(states.CheckingRemoval),
            KEEPS,
            GONE,
            KEEPS,
            KEEPS,
        ),
    ),
    "removal of long before the consent": (facts.RemovalReported(at=CONSENTED_AT - timedelta(minutes=6)), (KEEPS,) * 9),
    "removal of about the consent": (
        facts.RemovalReported(at=CONSENTED_AT - timedelta(minutes=1)),
        (
            To(states.Issuing),
            To(states.Refreshing),
            To(states.Refreshing),
            To(states.RefreshBackoff),
            To(states.CheckingRemoval),
            KEEPS,
            KEEPS,
            KEEPS,
            KEEPS,
        ),
    ),
    "pair resealed": (
        RESEALED_PAIR,
        (
            KEEPS,
            To(states.Connected),
            To(states.Refreshing),
            To(states.RefreshBackoff),
            To(states.RefreshTokenRefused),
            To(states.CheckingRemoval),
            KEEPS,
            OTHER_DISCONNECTING,
            KEEPS,
        ),
    ),
    "unnumbered pair resealed": (RESEALED_OFFER, (To(states.Issuing), *(KEEPS,) * 8)),
    "another pair resealed": (RESEALED_OTHER, (KEEPS,) * 9),
    "profile fetched": (SEEN, (KEEPS, To(states.Connected, (AccountDescribed,)), *(KEEPS,) * 3, RISKY, *(KEEPS,) * 3)),
    "profile fetched by another pair": (replace(SEEN, version=2), (KEEPS,) * 9),
    "profile fetch failed": (
        facts.ProfileFetchFailed(version=3),
        (KEEPS, To(states.Connected), *(KEEPS,) * 3, STILL_CHECKING, *(KEEPS,) * 3),
    ),
    "profile fetch failed by another pair": (facts.ProfileFetchFailed(version=2), (KEEPS,) * 9),
    "revoked": (facts.Revoked(version=3), (*(KEEPS,) * 7, GONE, KEEPS)),
    "another pair revoked": (facts.Revoked(version=2), (KEEPS,) * 9),
    "not revoked": (NOT_REVOKED, (*(KEEPS,) * 7, OTHER_DISCONNECTING, KEEPS)),
    "another attempt not revoked": (replace(NOT_REVOKED, attempt=2), (KEEPS,) * 9),
    "another pair not revoked": (replace(NOT_REVOKED, version=2), (KEEPS,) * 9),
    "due": (Due(), (KEEPS, To(states.Refreshing), KEEPS, To(states.Refreshing), *(KEEPS,) * 5)),
    **{f"late {type(fact).__name__}": (fact, (KEEPS,) * 9) for fact in LATE},
}


def cases() -> Iterator[object]:
    for name, (fact, row) in TABLE.items():
        for state, cell in zip(STATES, row, strict=True):
            yield pytest.param(state, fact, cell, id=f"{type(state).__name__}-{name}")


@pytest.mark.parametrize(("state", "fact", "cell"), list(cases()))
def test_every_state_meets_every_fact(state: states.Account, fact: facts.Fact | Due, cell: Cell) -> None:
    decision = decide(KEY, state, fact, NOW)
    assert tuple(event_types(decision)) == cell.emitted
    if isinstance(cell, To):
        assert type(decision.state) is cell.kind
        assert decision.state != state
    else:
        assert decision.state == state


@pytest.mark.parametrize("fact", [fact for fact, _ in TABLE.values() if not isinstance(fact, facts.Consented)])
def test_unknown_account_begins_only_with_a_consent(fact: facts.Fact | Due) -> None:
    assert decide(KEY, None, fact, NOW) == Decision(state=None)


def test_the_table_has_every_kind_of_fact() -> None:
    assert {type(fact) for fact, _ in TABLE.values()} == {*facts.Fact.__args__, Due}


def test_the_table_has_every_kind_of_state() -> None:
    assert {type(state) for state in STATES} == set(states.Account.__args__)


@pytest.mark.parametrize(("fact", "cell"), [(facts.Revoked(version=3), GONE), (CONSENT, STARTS_ISSUING)])
def test_waiting_disconnection_accepts_what_ends_it(fact: facts.Fact, cell: To) -> None:
    waiting = msgspec.structs.replace(DISCONNECTING, retry_at=NOW + timedelta(minutes=1))
    assert type(decide(KEY, waiting, fact, NOW).state) is cell.kind


def test_refusal_of_other_version_does_not_end_a_disconnection() -> None:
    late = facts.RefreshRefused(version=OLD.version - 1, code="invalid_grant", message="")
    assert decide(KEY, DISCONNECTING, late, NOW) == Decision(state=DISCONNECTING)


def test_refused_refresh_disconnects_once_no_token_is_left() -> None:
    revoking = decide(KEY, DISCONNECTING, REFUSED, NOW).state
    assert isinstance(revoking, states.Disconnecting)
    assert isinstance(next_effect(KEY, revoking, NOW, recipients="keys"), effects.Revoke)
    ended = decide(KEY, DISCONNECTING, REFUSED, OLD.access_expires_at).state
    assert isinstance(ended, states.Disconnected)
