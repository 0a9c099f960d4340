"""Rules that make things go wrong on purpose: which call, at which moment, how often, and what happens to it."""

from collections.abc import Iterable
from random import Random
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from tiktok_sandbox.faults.actions import (
    ANY,
    API_CALLS,
    CONTINUING_ACTIONS,
    ENDPOINTS_BY_ACTION,
    ENDPOINTS_WITH_BODY,
    PHASES_BY_ACTION,
    Action,
    CallPhase,
    Endpoint,
)
from tiktok_sandbox.runtime.table import Table

RATE_LIMITED: Final = "rate_limit_exceeded"

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Acts on matching calls: not on the first `skip`, then on each `every`th, `times` in all (0: without end)."""

    endpoint: Endpoint
    action: Action
    at: CallPhase = CallPhase.REQUEST
    after_bytes: Count = 0
    skip: Count = 0
    times: Count = 1
    every: Annotated[int, Meta(ge=1)] = 1
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    seed: int = 0
    open_id: str | None = None
    username: str | None = None
    client_key: str | None = None
    publish_id: str | None = None
    title: str | None = None
    event: str | None = None
    status: Annotated[int, Meta(ge=0, le=599)] = 503
    code: str = "internal_error"
    reason: str = "internal"
    seconds: Seconds = 0.0
    bytes_per_second: Count = 0

    def __post_init__(self) -> None:
        """Refuse what would never act."""
        if self.endpoint not in ENDPOINTS_BY_ACTION[self.action]:
            message = f"`{self.action}` is nothing that can happen to `{self.endpoint}`"
            raise ValueError(message)
        if self.at not in PHASES_BY_ACTION[self.action] or (
            self.endpoint not in API_CALLS and self.at is not CallPhase.REQUEST
        ):
            message = f"`{self.action}` on `{self.endpoint}` cannot be at `{self.at}`"
            raise ValueError(message)
        if self.at is CallPhase.BODY and self.endpoint not in {Endpoint.UPLOAD, ANY}:
            message = "only an upload is looked at within its body"
            raise ValueError(message)
        if self.action is Action.SLOW and not self.seconds and not self.bytes_per_second:
            message = "`slow` needs `seconds` or `bytes_per_second`"
            raise ValueError(message)
        if self.bytes_per_second and (self.endpoint not in ENDPOINTS_WITH_BODY or self.at is not CallPhase.REQUEST):
            message = "`bytes_per_second` is for `upload` and `pull`, at `request`"
            raise ValueError(message)


class Subject(Struct, frozen=True, kw_only=True):
    """Whom and what a call is about, as far as it is known before it is answered; `event` is a webhook's."""

    open_id: str | None = None
    username: str | None = None
    client_key: str | None = None
    title: str | None = None
    publish_id: str | None = None
    event: str | None = None


class RuleState(Struct, frozen=True, kw_only=True):
    """A rule and what it has seen since it was made."""

    rule: Rule
    created_at: float = 0.0
    matches: int = 0
    hits: int = 0
    ended: bool = False

    def has_ended(self, now: float) -> bool:
        """Whether it will never act again; an outage ends by the clock, whatever it has hit."""
        rule = self.rule
        if rule.action is Action.OUTAGE:
            return self.ended or 0 < rule.seconds <= now - self.created_at
        return self.ended or 0 < rule.times <= self.hits


class MatchedRule(Struct, frozen=True, kw_only=True):
    """A rule that acts on this call."""

    rule_id: str
    rule: Rule


class Rules:
    """Every rule, oldest first; the first that decides about a call is the last that acts on it."""

    def __init__(self) -> None:
        self.rows: Table[str, RuleState] = Table()

    def add(self, rule: Rule, now: float) -> str:
        """A new rule; its id."""
        rule_id = str(len(self.rows) + 1)
        self.rows[rule_id] = RuleState(rule=rule, created_at=now)
        return rule_id

    def add_initial(self, rules: Iterable[Rule], now: float) -> None:
        """Those to begin with, unless there are rules already."""
        if not self.rows:
            for rule in rules:
                self.add(rule, now)

    def get(self, rule_id: str) -> RuleState | None:
        """What a rule has seen so far."""
        return self.rows.get(rule_id)

    def end(self, rule_id: str) -> None:
        """It never acts again; what it has seen stays readable."""
        self.rows[rule_id] = structs.replace(self.rows[rule_id], ended=True)

    def all(self) -> dict[str, RuleState]:
        """Every rule by id."""
        return dict(self.rows)

    def has_body_rules(self) -> bool:
        """Whether any upload's body must be looked at piece by piece."""
        return any(not each.ended and each.rule.at is CallPhase.BODY for each in self.rows.values())

    def match(
        self, endpoint: Endpoint, at: CallPhase, subject: Subject, span: range = range(0), *, now: float
    ) -> tuple[MatchedRule, ...]:
        """Show a moment of a call to the rules; `span` is what of an upload's body was read just now.

        What acts, in order: any number of rules after which the call goes on, then at most one that decides.
        """
        found = []
        for rule_id, rule_state in self.rows.items():
            rule = rule_state.rule
            if rule_state.has_ended(now) or not _matches(rule, endpoint, at, subject, span):
                continue
            acts = _acts_now(rule_state)
            self.rows[rule_id] = structs.replace(
                rule_state, matches=rule_state.matches + 1, hits=rule_state.hits + acts
            )
            if acts:
                found.append(MatchedRule(rule_id=rule_id, rule=rule))
                if rule.action not in CONTINUING_ACTIONS:
                    break
        return tuple(found)


def _acts_now(rule_state: RuleState) -> bool:
    """Whether a rule acts on the next call it matches; the same rule always acts on the same calls."""
    rule, turn = rule_state.rule, rule_state.matches - rule_state.rule.skip
    if turn < 0 or (turn + 1) % rule.every:
        return False
    return rule.probability == 1 or Random(f"{rule.seed}:{turn}").random() < rule.probability  # noqa: S311 -- repeatable on purpose


def _matches(rule: Rule, endpoint: Endpoint, at: CallPhase, subject: Subject, span: range) -> bool:
    conditions = (
        (rule.open_id, subject.open_id),
        (rule.username, subject.username),
        (rule.client_key, subject.client_key),
        (rule.publish_id, subject.publish_id),
        (rule.title, subject.title),
        (rule.event, subject.event),
    )
    return (
        (rule.endpoint is endpoint or (rule.endpoint is ANY and endpoint in API_CALLS))
        and rule.at is at
        and all(expected is None or expected == known for expected, known in conditions)
        and (at is not CallPhase.BODY or max(rule.after_bytes, 1) in span)
    )
