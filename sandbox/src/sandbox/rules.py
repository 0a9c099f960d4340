"""Rules that make calls go wrong on purpose: which call, at which moment, and what happens to it."""

from enum import StrEnum

from msgspec import Struct

from sandbox.answers import STATUS_OF_CODE, Answer, failed, oauth_failed, upload_refused
from sandbox.tables import Table


class Endpoint(StrEnum):
    """What a rule can be about; `processing` (the last byte is stored) and `pull` are no calls."""

    TOKEN = "token"  # noqa: S105 -- the name of an endpoint
    REVOKE = "revoke"
    USER_INFO = "user_info"
    CREATOR_INFO = "creator_info"
    VIDEO_INIT = "video_init"
    INBOX_INIT = "inbox_init"
    CONTENT_INIT = "content_init"
    CANCEL = "cancel"
    PULL = "pull"
    UPLOAD = "upload"
    STATUS = "status"
    VIDEO_LIST = "video_list"
    VIDEO_QUERY = "video_query"
    PROCESSING = "processing"


class Moment(StrEnum):
    """When within a call: before anything is done, inside an upload's body, or done and not yet answered."""

    REQUEST = "request"
    BODY = "body"
    ANSWER = "answer"


class Action(StrEnum):
    """What happens: the call waits, gets another answer, or gets none."""

    HOLD = "hold"
    STATUS = "status"
    ERROR = "error"
    LOSE_ANSWER = "lose_answer"


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Acts on matching calls: not on the first `skip`, then on `times` of them."""

    endpoint: Endpoint
    action: Action
    at: Moment = Moment.REQUEST
    after_bytes: int = 0
    skip: int = 0
    times: int = 1
    open_id: str | None = None
    title: str | None = None
    status: int = 503
    code: str = "internal_error"


class Subject(Struct, frozen=True, kw_only=True):
    """Whom and what a call is about, as far as it is known before it is answered."""

    open_id: str | None = None
    title: str | None = None
    publish_id: str | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """A rule and what it has seen."""

    rule: Rule
    seen: int = 0
    hits: int = 0
    ended: bool = False


class Struck(Struct, frozen=True, kw_only=True):
    """A rule that acts on this call."""

    rule_id: str
    rule: Rule


class Rules:
    """Every rule, oldest first; the first that acts decides."""

    def __init__(self) -> None:
        self.rows: Table[str, Standing] = Table()

    def add(self, rule: Rule) -> str:
        """A new rule; its id."""
        rule_id = str(len(self.rows) + 1)
        self.rows[rule_id] = Standing(rule=rule)
        return rule_id

    def get(self, rule_id: str) -> Standing | None:
        """What a rule has seen so far."""
        return self.rows.get(rule_id)

    def end(self, rule_id: str) -> None:
        """It never acts again; what it has seen stays readable."""
        found = self.rows[rule_id]
        self.rows[rule_id] = Standing(rule=found.rule, seen=found.seen, hits=found.hits, ended=True)

    def all(self) -> dict[str, Standing]:
        """Every rule by id."""
        return dict(self.rows)

    def watches_bodies(self) -> bool:
        """Whether any upload's body must be looked at piece by piece."""
        return any(not each.ended and each.rule.at is Moment.BODY for each in self.rows.values())

    def strike(self, endpoint: Endpoint, at: Moment, subject: Subject, span: range = range(0)) -> Struck | None:
        """Show a moment of a call to the rules; `span` is what of an upload's body was read just now."""
        for rule_id, standing in self.rows.items():
            rule = standing.rule
            if standing.ended or standing.hits >= rule.times or not _matches(rule, endpoint, at, subject, span):
                continue
            acts = standing.seen >= rule.skip
            self.rows[rule_id] = Standing(rule=rule, seen=standing.seen + 1, hits=standing.hits + acts)
            if acts:
                return Struck(rule_id=rule_id, rule=rule)
        return None


def _matches(rule: Rule, endpoint: Endpoint, at: Moment, subject: Subject, span: range) -> bool:
    return (
        rule.endpoint is endpoint
        and rule.at is at
        and (rule.open_id is None or rule.open_id == subject.open_id)
        and (rule.title is None or rule.title == subject.title)
        and (at is not Moment.BODY or max(rule.after_bytes, 1) in span)
    )


def answer_of(rule: Rule) -> Answer:
    """What a call gets instead of its own answer, in the envelope of its endpoint."""
    by_code = rule.action is Action.ERROR
    status = STATUS_OF_CODE.get(rule.code, 400) if by_code else rule.status
    if rule.endpoint is Endpoint.UPLOAD:
        return upload_refused(status, rule.code)
    if rule.endpoint in {Endpoint.TOKEN, Endpoint.REVOKE}:
        return oauth_failed(rule.code, "As asked for by a rule.", status=status)
    if by_code and rule.endpoint is Endpoint.CREATOR_INFO and status == STATUS_OF_CODE["spam_risk_too_many_posts"]:
        return failed(rule.code, status=200)
    return failed(rule.code, status=status)
