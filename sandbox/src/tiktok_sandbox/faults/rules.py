"""Rules that make calls fail on purpose, and which calls they match."""

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
    """Which calls to act on, and what to do to them.

    Lets the first `skip` matching calls pass, then takes each `every`th, at most `times` (0: no limit).

    `seconds` and `bytes_per_second` count the sandbox's clock. Filters that are None match everything.
    """

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
        """Reject combinations that could never act.

        A test would otherwise wait for such a rule in vain.
        """
        if self.endpoint not in ENDPOINTS_BY_ACTION[self.action]:
            message = (
                f"The action `{self.action}` does not exist for the endpoint `{self.endpoint}`. "
                "See GET /_sandbox/rules/catalogue."
            )
            raise ValueError(message)
        if self.at not in PHASES_BY_ACTION[self.action] or (
            self.endpoint not in API_CALLS and self.at is not CallPhase.REQUEST
        ):
            message = (
                f"The action `{self.action}` on `{self.endpoint}` cannot happen at `{self.at}`. "
                "See GET /_sandbox/rules/catalogue."
            )
            raise ValueError(message)
        if self.at is CallPhase.BODY and self.endpoint not in {Endpoint.UPLOAD, ANY}:
            message = "Only uploads have the phase `body`. Use the endpoint `upload` or `*`."
            raise ValueError(message)
        if self.action is Action.SLOW and not self.seconds and not self.bytes_per_second:
            message = "The action `slow` has no effect. Give `seconds` or `bytes_per_second`."
            raise ValueError(message)
        if self.bytes_per_second and (self.endpoint not in ENDPOINTS_WITH_BODY or self.at is not CallPhase.REQUEST):
            message = "`bytes_per_second` does not apply here. Use it on `upload` or `pull`, at `request`."
            raise ValueError(message)


class Subject(Struct, frozen=True, kw_only=True):
    """What is known of a call before it is answered.

    Rules filter by it. `event` is a webhook's.
    """

    open_id: str | None = None
    username: str | None = None
    client_key: str | None = None
    title: str | None = None
    publish_id: str | None = None
    event: str | None = None


class RuleState(Struct, frozen=True, kw_only=True):
    """A rule and what it has matched since it was created.

    `matches` counts calls that fit the filters, `hits` those that the rule acted on.
    """

    rule: Rule
    created_at: float = 0.0
    matches: int = 0
    hits: int = 0
    ended: bool = False

    def has_ended(self, now: float) -> bool:
        """Return whether the rule will never act again."""
        rule = self.rule
        # An outage lasts for a time, however many calls it meets.
        if rule.action is Action.OUTAGE:
            return self.ended or 0 < rule.seconds <= now - self.created_at
        return self.ended or 0 < rule.times <= self.hits


class MatchedRule(Struct, frozen=True, kw_only=True):
    """A rule that acts on the present call."""

    rule_id: str
    rule: Rule


class Rules:
    """Every rule, oldest first.

    The first one that decides a call is the last one that acts on it.
    """

    def __init__(self) -> None:
        self.rows: Table[str, RuleState] = Table()

    def add(self, rule: Rule, now: float) -> str:
        """Add a rule and return its id."""
        rule_id = str(len(self.rows) + 1)
        self.rows[rule_id] = RuleState(rule=rule, created_at=now)
        return rule_id

    def add_initial(self, rules: Iterable[Rule], now: float) -> None:
        """Add the rules of the settings, unless rules exist already.

        They exist after a restart with saved state; adding them again would reset their counters.
        """
        if not self.rows:
            for rule in rules:
                self.add(rule, now)

    def get(self, rule_id: str) -> RuleState | None:
        """Return a rule's state, or None."""
        return self.rows.get(rule_id)

    def end(self, rule_id: str) -> None:
        """End a rule; its counters stay readable."""
        self.rows[rule_id] = structs.replace(self.rows[rule_id], ended=True)

    def all(self) -> dict[str, RuleState]:
        """Return every rule by id, oldest first."""
        return dict(self.rows)

    def has_body_rules(self) -> bool:
        """Return whether a rule may act within an upload's body.

        Without one, bodies take the fast path and no rule sees their pieces.
        """
        # Asked for each piece of each upload, so it must stay cheap.
        return any(not each.ended and each.rule.at is CallPhase.BODY for each in self.rows.values())

    def match(
        self, endpoint: Endpoint, at: CallPhase, subject: Subject, span: range = range(0), *, now: float
    ) -> tuple[MatchedRule, ...]:
        """Return the rules that act on this phase of a call, and count them.

        Any number of rules after which the call continues come first, then at most one that decides it. `span` are the
        positions of the body bytes that were just read, counted from 1.
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
    """Return whether a rule acts on the call that it just matched."""
    # `turn` counts the calls after the skipped ones, from 0.
    rule, turn = rule_state.rule, rule_state.matches - rule_state.rule.skip
    if turn < 0 or (turn + 1) % rule.every:
        return False
    # Seeded by rule and position, not by time: the same rule acts on the same calls in every run.
    return rule.probability == 1 or Random(f"{rule.seed}:{turn}").random() < rule.probability  # noqa: S311 -- repeatable on purpose


def _matches(rule: Rule, endpoint: Endpoint, at: CallPhase, subject: Subject, span: range) -> bool:
    """Return whether a rule's endpoint, phase and filters fit a call."""
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
        # The rule acts once, on the piece that holds its byte. `after_bytes` 0 means the first byte.
        and (at is not CallPhase.BODY or max(rule.after_bytes, 1) in span)
    )
