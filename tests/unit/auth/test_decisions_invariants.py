"""What holds for an account whatever happens to it, in whatever order: random lives, checked at every step."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

import msgspec
import pytest

from auth_service import effects, facts, states
from auth_service.decisions import decide
from auth_service.plans import Wanted, next_effect
from auth_service.transitions import describe, version_of
from builders.account_states import KEY, NOW, PROFILE, fingerprint, pair_of_life
from common.contract.account import (
    AccountDescribed,
    AccountDisconnected,
    AccountForgotten,
    CredentialIssued,
    CredentialWithdrawn,
)
from common.contract.audit import Action, AuditRecorded
from common.contract.body import Body
from common.streams import Background, Due, Wait

HOLDING = (
    states.Issuing
    | states.Connected
    | states.Refreshing
    | states.RefreshBackoff
    | states.RefreshTokenRefused
    | states.Disconnecting
)
LIVES = (timedelta(seconds=60), timedelta(hours=2), timedelta(days=1))
TENANTS = ("acme", "acme", "globex")
STEPS = 400
NEVER_ENDS = 4
"""The end of an effect in the background that outlasts its time."""


class Emitted:
    """All events that were emitted, and those that may follow."""

    def __init__(self) -> None:
        self.credential: CredentialIssued | CredentialWithdrawn | None = None
        self.view: AccountDescribed | AccountForgotten | None = None
        self.forgotten = False

    def hear(self, body: Body) -> None:
        assert not self.forgotten or isinstance(body, AuditRecorded | AccountDisconnected), "nothing before a consent"
        match body:
            case CredentialIssued():
                assert self.credential is None or body.version > self.credential.version
                self.credential = body
            case CredentialWithdrawn():
                assert self.credential is None or body.version >= self.credential.version
                self.credential = body
            case AccountDescribed():
                assert not isinstance(self.view, AccountDescribed) or body.tenant == self.view.tenant
                self.view = body
            case AccountForgotten():
                self.view, self.forgotten = body, True
            case AuditRecorded(action=Action.ACCOUNT_CONNECTED):
                self.forgotten = False
            case _:
                pass


class Life:
    """One account, its clock, and whatever may happen to it."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.now = NOW
        self.state: states.Account | None = None
        self.facts: list[facts.Fact] = []
        self.emitted = Emitted()
        self.recipients = "keys"
        self.drawn = 0
        self.held: set[str] = set()
        self.forgotten: set[str] = set()
        self.moves: Sequence[tuple[int, Callable[[], None]]] = (
            (50, self.go_on),
            (12, self.go_on_well),
            (3, self.consent),
            (2, self.disconnect),
            (3, self.removal),
            (3, self.rejection),
            (3, self.reseal),
            (4, self.salvage),
            (6, self.repeat),
            (4, self.pass_time),
            (1, self.change_keys),
        )

    def live(self) -> None:
        for _ in range(STEPS):
            (move,) = self.dice.choices([move for _, move in self.moves], [weight for weight, _ in self.moves])
            move()
            self.check()

    # -- what happens

    def consent(self) -> None:
        self.now += timedelta(seconds=2)
        profile = msgspec.structs.replace(
            PROFILE,
            tenant=self.dice.choice(TENANTS),
            consented_at=self.now,
            scopes=("user.info.basic", "video.publish"),
        )
        self.take(facts.Consented(profile=profile, pair=self.pair(0, self.dice.choice(LIVES))))

    def disconnect(self) -> None:
        self.take(facts.DisconnectRequested(tenant=self.dice.choice(TENANTS), by="key:a"))

    def removal(self) -> None:
        self.take(facts.RemovalReported(at=self.now - timedelta(seconds=self.dice.choice((0, 1, 7_200)))))

    def rejection(self) -> None:
        newest = 0 if self.state is None else version_of(self.state)
        self.take(facts.AccessTokenRejected(version=max(0, newest - self.dice.choice((0, 0, 1)))))

    def reseal(self) -> None:
        if isinstance(self.state, HOLDING):
            self.take(facts.Resealed(replaces=fingerprint(self.state.pair.sealed), sealed=self.seal()))

    def salvage(self) -> None:
        version = self.state.pair.version if isinstance(self.state, HOLDING) else None
        if isinstance(self.state, states.ReauthorizationRequired):
            version = self.state.version - 1
        if version is not None:
            self.take(facts.HandedOff(version=version, scopes=(), pair=self.pair(version + 1, self.dice.choice(LIVES))))

    def repeat(self) -> None:
        """Something comes twice, or late."""
        if self.facts:
            self.take(self.dice.choice(self.facts[-20:]))

    def pass_time(self) -> None:
        self.now += timedelta(seconds=self.dice.choice((1, 60, 3_600, 86_400)))
        self.decide(Due())

    def change_keys(self) -> None:
        self.recipients = f"keys-{self.dice.randrange(100)}"

    def go_on_well(self) -> None:
        for _ in range(4):
            self.carry_out(self.wanted(), 0)

    def go_on(self) -> None:
        self.carry_out(self.wanted(), self.dice.choice((0, 0, 0, 1, 2, 3, 4)))

    # -- what holds

    def check(self) -> None:
        written = msgspec.json.encode(self.state)
        assert msgspec.json.decode(written, type=states.Account | None) == self.state
        assert not [sealed for sealed in self.forgotten if f'"{sealed}"' in written.decode()]
        match self.state:
            case (
                states.Connected()
                | states.Refreshing()
                | states.RefreshBackoff()
                | states.RefreshTokenRefused()
                | states.CheckingRemoval()
            ):
                assert isinstance(self.emitted.credential, CredentialIssued)
                assert self.emitted.credential.version == self.state.pair.version
                assert self.emitted.credential.expires_at == self.state.pair.access_expires_at
                assert self.emitted.view == describe(KEY, self.state.profile)
            case states.ReauthorizationRequired() | states.Disconnecting():
                assert isinstance(self.emitted.credential, CredentialWithdrawn)
                assert self.emitted.credential.version == version_of(self.state)
            case states.Disconnected():
                assert isinstance(self.emitted.credential, CredentialWithdrawn)
                assert self.emitted.credential.version == version_of(self.state)
                assert isinstance(self.emitted.view, AccountForgotten)
                assert b"sealed" not in written
            case states.Issuing() | None:
                pass
        assert self.wanted() is not None or isinstance(
            self.state, states.ReauthorizationRequired | states.Disconnected | None
        )

    # -- how

    def take(self, fact: facts.Fact) -> None:
        self.facts.append(fact)
        self.decide(fact)

    def decide(self, fact: facts.Fact | Due) -> None:
        before = self.state
        decision = decide(KEY, before, fact, self.now)
        for event in decision.events:
            self.emitted.hear(event)
        self.state = decision.state
        if before is None:
            return
        assert self.state is not None, "versions would restart"
        assert version_of(self.state) >= version_of(before)
        if isinstance(self.state, HOLDING):
            self.held.add(self.state.pair.sealed)
        if isinstance(self.state, states.Disconnected):
            self.forgotten |= self.held
        elif not isinstance(before, states.Disconnected):
            assert self.state.profile.tenant == before.profile.tenant

    def wanted(self) -> Wanted:
        return None if self.state is None else next_effect(KEY, self.state, self.now, recipients=self.recipients)

    def carry_out(self, wanted: Wanted, end: int) -> None:
        """Wait for what is waited for; let what is wanted end in one of its ways, well by the first."""
        if isinstance(wanted, Background):
            wanted = Wait(wanted.until) if end == NEVER_ENDS else wanted.effect
        if isinstance(wanted, Wait):
            self.now = max(self.now, wanted.until)
            self.decide(Due())
        elif wanted is not None:
            ends = self.ends_of(wanted)
            self.take(ends[end % len(ends)])

    def ends_of(self, effect: effects.Effect) -> Sequence[facts.Fact]:
        version = effect.pair.version
        match effect:
            case effects.Issue():
                resealed = msgspec.structs.replace(effect.pair, version=effect.version, sealed=self.seal())
                return (self.issued(resealed), facts.IssueFailed(version=effect.version))
            case effects.Refresh(attempt=attempt):
                new = self.pair(version + 1, effect.pair.access_expires_at - effect.pair.granted_at)
                return (
                    facts.RefreshDone(version=version, scopes=("user.info.basic",), issued=self.issued(new)),
                    facts.RefreshRefused(version=version, code="invalid_grant", message=""),
                    *(
                        facts.RefreshUnsettled(version=version, attempt=attempt, reason="", failure=each)
                        for each in facts.FailureClass
                    ),
                )
            case effects.FetchProfile():
                seen = facts.ProfileFetched(version=version, display_name=f"Name {version}", username="", avatar_url="")
                return (seen, facts.ProfileFetchFailed(version=version), facts.AccessTokenRejected(version=version))
            case effects.Revoke(attempt=attempt):
                return (
                    facts.Revoked(version=version),
                    facts.AccessTokenRejected(version=version),
                    *(
                        facts.RevokeUnsettled(version=version, attempt=attempt, reason="", failure=each)
                        for each in facts.FailureClass
                    ),
                )

    def seal(self) -> str:
        self.drawn += 1
        return f"sealed-{self.drawn}"

    def pair(self, version: int, life: timedelta) -> states.SealedTokenPair:
        return msgspec.structs.replace(pair_of_life(version, self.now, life), sealed=self.seal())

    def issued(self, of: states.SealedTokenPair) -> facts.Issued:
        return facts.Issued(pair=of, recipients=self.recipients, sealed={"uploader": f"token-{of.version}"})


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_in_whatever_order(seed: int) -> None:
    Life(seed).live()
