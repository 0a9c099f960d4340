"""What tenants are warned of, once and in time, and how a warning is taken back."""

from datetime import datetime, timedelta

import msgspec
import pytest

from auth_service import facts, states
from auth_service.decisions import decide
from auth_service.decisions_refresh import AT_RISK_AFTER
from auth_service.plans import next_effect
from builders.account_states import (
    CONNECTED,
    DONE,
    HANDED_OFF,
    KEY,
    NOW,
    OLD,
    PROFILE,
    REFRESH_TOKEN_REFUSED,
    REFRESHING,
    REFUSED,
    event_types,
    issued,
    pair_of_life,
    state_after,
)
from common.contract.account import AccountAtRisk, AccountDescribed, Risk
from common.contract.body import Body
from common.streams import Decision, Due, Wait

DAY = timedelta(days=1)
MOST_STEPS = 10_000


def warnings(events: tuple[Body, ...]) -> list[AccountAtRisk]:
    return [event for event in events if isinstance(event, AccountAtRisk)]


def shown(events: tuple[Body, ...]) -> list[Risk | None]:
    """The risk that the view of accounts showed, each time it changed."""
    return [event.risk for event in events if isinstance(event, AccountDescribed)]


class Steady:
    """An account whose refreshes all succeed. Each new refresh token lives as long as `renewing` says.

    None: it ends when the first one would have ended.
    """

    def __init__(self, *, life: timedelta, refresh_life: timedelta, renewing: bool) -> None:
        self.life = life
        self.refresh_life = refresh_life
        self.renewing = renewing
        self.ends_at = NOW + refresh_life
        self.emitted: list[tuple[datetime, Body]] = []
        self.state: states.Account = states.Connected(
            profile=msgspec.structs.replace(PROFILE, consented_at=NOW),
            pair=pair_of_life(1, NOW, life, refresh_life),
            recipients="keys",
            refresh_at=NOW + life / 2,
        )

    def live_until(self, end: datetime) -> None:
        """Go through it in the order in which things are waited for."""
        now = NOW
        for _ in range(MOST_STEPS):
            if now >= end:
                break
            wanted = next_effect(KEY, self.state, now, recipients="keys")
            if isinstance(wanted, Wait):
                now = wanted.until
                self._take(decide(KEY, self.state, Due(), now), now)
            else:
                assert isinstance(self.state, states.Refreshing)
                self._take(decide(KEY, self.state, self._done(self.state, now), now), now)
        assert now >= end, "it goes round in circles"

    def _take(self, decision: Decision[states.Account], now: datetime) -> None:
        assert decision.state is not None
        self.state = decision.state
        self.emitted += [(now, event) for event in decision.events]

    def _done(self, state: states.Refreshing, now: datetime) -> facts.RefreshDone:
        left = self.refresh_life if self.renewing else self.ends_at - now
        new = pair_of_life(state.pair.version + 1, now, self.life, left)
        return facts.RefreshDone(
            version=state.pair.version, scopes=(), issued=facts.Issued(pair=new, recipients="keys", sealed={})
        )

    @property
    def warned_at(self) -> list[datetime]:
        return [now for now, event in self.emitted if isinstance(event, AccountAtRisk)]


@pytest.mark.parametrize(
    ("life", "refresh_life", "lead"),
    [
        (timedelta(hours=2), timedelta(days=180), timedelta(days=14)),
        (DAY, timedelta(days=365), timedelta(days=14)),
        (timedelta(minutes=10), DAY, DAY / 10),
    ],
)
def test_fixed_end_of_refresh_token_is_warned_of_once_in_time(
    life: timedelta, refresh_life: timedelta, lead: timedelta
) -> None:
    steady = Steady(life=life, refresh_life=refresh_life, renewing=False)
    steady.live_until(steady.ends_at - life)
    (warned_at,) = steady.warned_at
    assert lead - life <= steady.ends_at - warned_at <= lead + life
    emitted = tuple(event for _, event in steady.emitted)
    (warning,) = warnings(emitted)
    assert warning.risk is Risk.REFRESH_TOKEN_ENDING
    assert warning.refresh_expires_at == steady.ends_at
    assert shown(emitted) == [Risk.REFRESH_TOKEN_ENDING], "and it is not taken back while it stands"


@pytest.mark.parametrize("refresh_life", [timedelta(days=180), DAY])
def test_an_end_that_each_refresh_puts_off_is_nothing_to_tell(refresh_life: timedelta) -> None:
    steady = Steady(life=timedelta(hours=2), refresh_life=refresh_life, renewing=True)
    steady.live_until(NOW + timedelta(days=200))
    assert [type(event).__name__ for _, event in steady.emitted if not hasattr(event, "sealed")] == []


def test_an_end_that_is_put_off_after_all_takes_the_warning_back() -> None:
    steady = Steady(life=timedelta(hours=2), refresh_life=timedelta(days=180), renewing=False)
    steady.live_until(steady.ends_at - DAY)
    steady.renewing = True
    steady.live_until(steady.ends_at)
    assert shown(tuple(event for _, event in steady.emitted)) == [Risk.REFRESH_TOKEN_ENDING, None]


def test_new_end_is_warned_of_again() -> None:
    ending = msgspec.structs.replace(
        CONNECTED,
        profile=msgspec.structs.replace(PROFILE, warned_end=NOW + DAY),
        pair=msgspec.structs.replace(OLD, refresh_expires_at=NOW + 3 * DAY),
        refresh_at=NOW + timedelta(hours=1),
    )
    decision = decide(KEY, ending, Due(), NOW + timedelta(minutes=59))
    assert event_types(decision) == [], "3 days are not yet the last tenth of 3 days and an hour"
    later = msgspec.structs.replace(ending, refresh_at=NOW + 3 * DAY)
    decision = decide(KEY, later, Due(), NOW + 2.9 * DAY)
    assert [warning.refresh_expires_at for warning in warnings(decision.events)] == [NOW + 3 * DAY]


def failing(trouble: facts.FailureClass) -> tuple[states.RefreshBackoff, datetime, list[Body]]:
    """An account whose refresh has failed until a warning was emitted."""
    state: states.Account = REFRESHING
    now, emitted = NOW, list[Body]()
    for attempt in range(1, AT_RISK_AFTER + 1):
        unsettled = facts.RefreshUnsettled(version=3, attempt=attempt, reason="no answer", failure=trouble)
        decision = decide(KEY, state, unsettled, now)
        emitted += decision.events
        assert isinstance(decision.state, states.RefreshBackoff)
        if attempt == AT_RISK_AFTER:
            return decision.state, now, emitted
        now = decision.state.retry_at
        state = state_after(decision.state, Due(), states.Refreshing, now)
    raise AssertionError


@pytest.mark.parametrize(
    ("trouble", "least", "most"),
    [
        (facts.FailureClass.TRANSIENT, timedelta(seconds=15), timedelta(seconds=30)),
        (facts.FailureClass.RATE_LIMITED, timedelta(minutes=5), timedelta(minutes=12)),
        (facts.FailureClass.MISCONFIGURED, timedelta(minutes=10), timedelta(minutes=20)),
    ],
)
def test_failing_refreshes_are_warned_of_soon(trouble: facts.FailureClass, least: timedelta, most: timedelta) -> None:
    state, now, emitted = failing(trouble)
    assert least <= now - NOW <= most
    (warning,) = warnings(tuple(emitted))
    assert (warning.risk, warning.reason) == (Risk.REFRESH_FAILING, "no answer")
    assert state.profile.risk is Risk.REFRESH_FAILING


def test_a_refresh_that_settles_takes_the_warning_back() -> None:
    state, now, _ = failing(facts.FailureClass.TRANSIENT)
    again = state_after(state, Due(), states.Refreshing, state.retry_at)
    healed = decide(KEY, again, DONE, now)
    assert shown(healed.events) == [None]


def test_a_refusal_after_trouble_is_another_risk() -> None:
    state, _, _ = failing(facts.FailureClass.TRANSIENT)
    again = state_after(state, Due(), states.Refreshing, state.retry_at)
    decision = decide(KEY, again, REFUSED, state.retry_at)
    assert shown(decision.events) == [Risk.REFRESH_REFUSED]
    assert [warning.risk for warning in warnings(decision.events)] == [Risk.REFRESH_REFUSED]


@pytest.mark.parametrize("state", [REFRESH_TOKEN_REFUSED, failing(facts.FailureClass.TRANSIENT)[0]])
def test_handed_off_pair_clears_the_warning_in_the_view(
    state: states.RefreshBackoff | states.RefreshTokenRefused,
) -> None:
    risky = msgspec.structs.replace(state, profile=msgspec.structs.replace(PROFILE, risk=Risk.REFRESH_REFUSED))
    issuing = state_after(risky, HANDED_OFF, states.Issuing)
    decision = decide(KEY, issuing, issued(4, issuing.pair.granted_at), NOW)
    assert isinstance(decision.state, states.Connected)
    assert decision.state.profile.risk is None
    assert shown(decision.events) == [None]


def test_what_only_the_person_can_mend_is_no_risk_any_more() -> None:
    risky = msgspec.structs.replace(
        REFRESH_TOKEN_REFUSED, profile=msgspec.structs.replace(PROFILE, risk=Risk.REFRESH_REFUSED)
    )
    ended = state_after(risky, Due(), states.ReauthorizationRequired, OLD.access_expires_at)
    assert ended.profile.risk is None


def test_a_dying_access_token_is_used_up_to_its_end() -> None:
    assert next_effect(KEY, REFRESH_TOKEN_REFUSED, NOW, recipients="keys") == Wait(OLD.access_expires_at)
    assert isinstance(
        decide(KEY, REFRESH_TOKEN_REFUSED, Due(), OLD.access_expires_at - timedelta(seconds=1)).state,
        states.RefreshTokenRefused,
    )
