"""One call on its way through the stand-in: rules act on its moments, and it ends up in the list of calls."""

import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qsl

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from tiktok_sandbox.api import rule_actions
from tiktok_sandbox.api.rule_actions import rule_answer
from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.errors import AnswerLost, NeverAnswered
from tiktok_sandbox.faults.actions import Action, CallPhase, Endpoint
from tiktok_sandbox.faults.broken_responses import Truncated
from tiktok_sandbox.faults.rules import MatchedRule, Rule, Subject
from tiktok_sandbox.model.answers import Answer, encode


class ApiCall:
    """A call, or something TikTok does by itself: whom it is about, when it began and what became of it."""

    def __init__(
        self, context: AppContext, endpoint: Endpoint, subject: Subject, *, method: str = "", path: str = ""
    ) -> None:
        self.context = context
        self.endpoint = endpoint
        self.subject = _with_username(context, subject)
        self.size = 0
        self.bytes_per_second = 0
        self._method = method
        self._path = path
        self._started_at = self._rate_limited_from = context.clock.now()
        self._perf_started = time.perf_counter()
        self._rule_ids: list[str] = []
        self._truncate_after: int | None = None

    async def apply_rules(self, at: CallPhase, span: range = range(0)) -> Answer | None:
        """Let the rules act on a moment of the call: an answer to give instead, or None to go on.

        Raises:
            AnswerLost: a rule wants the connection cut.
            NeverAnswered: a rule wants the client to wait in vain.
        """
        rules = self.context.tables.rules
        matched = rules.match(self.endpoint, at, self.subject, span, now=self.context.clock.now())
        if matched:
            self._rule_ids += [each.rule_id for each in matched]
            await self.context.breakpoints.notify()
        for each in matched:
            instead = await self._apply_rule(each, at)
            if instead is not None:
                return instead
        return None

    async def _apply_rule(self, matched: MatchedRule, at: CallPhase) -> Answer | None:
        rule = matched.rule
        match rule.action:
            case Action.HOLD:
                await self.context.breakpoints.hold(matched.rule_id)
            case Action.SLOW:
                await self._slow_down(rule)
            case Action.EXPIRE | Action.REVOKE | Action.TAKEDOWN:
                rule_actions.apply_action(
                    self.context.tables, rule, self.endpoint, self.subject, self.context.clock.now()
                )
                self.context.notify_change()
            case Action.HANG:
                self.record(0, "never_answered")
                raise NeverAnswered(matched.rule_id)
            case Action.CLOSE if at is CallPhase.ANSWER:
                self._truncate_after = rule.after_bytes
            case Action.LOSE_ANSWER | Action.CLOSE:
                self._close_connection()
            case _:
                if not rule.status and rule.action in {Action.STATUS, Action.OUTAGE}:
                    self._close_connection()
                return rule_answer(rule, self.endpoint)
        return None

    def _close_connection(self) -> None:
        self.record(0, "answer_lost")
        raise AnswerLost

    async def _slow_down(self, rule: Rule) -> None:
        if rule.seconds:
            await self.context.wait_until(self.context.clock.now() + rule.seconds)
        self.bytes_per_second = rule.bytes_per_second
        self._rate_limited_from = self.context.clock.now()

    async def limit_rate(self, count: int) -> None:
        """Wait until so many bytes may have come in."""
        if self.bytes_per_second:
            await self.context.wait_until(self._rate_limited_from + count / self.bytes_per_second)

    def finish(self, response: Response, code: str) -> Response:
        """The call is answered: remember it, and break the answer off if a rule wants that."""
        self.record(response.status_code, code)
        return response if self._truncate_after is None else Truncated(response, self._truncate_after)

    def record(self, status: int, code: str) -> None:
        """Remember what became of it; never a token, a code or an upload url."""
        self.context.record_call(
            {
                "at": self._started_at,
                "method": self._method,
                "path": self._path,
                "endpoint": self.endpoint.value,
                "open_id": self.subject.open_id,
                "username": self.subject.username,
                "client_key": self.subject.client_key,
                "publish_id": self.subject.publish_id,
                "status": status,
                "code": code,
                "bytes": self.size,
                "seconds": round(time.perf_counter() - self._perf_started, 6),
                "rules": self._rule_ids,
            }
        )


def _with_username(context: AppContext, subject: Subject) -> Subject:
    found = None if subject.open_id is None else context.tables.creators.find(subject.open_id)
    return subject if found is None else structs.replace(subject, username=found.profile.username)


def call_of_request(context: AppContext, endpoint: Endpoint, subject: Subject, request: Request) -> ApiCall:
    """A call that came over HTTP."""
    return ApiCall(context, endpoint, subject, method=request.method, path=request.url.path)


async def handle_call(api_call: ApiCall, act: Callable[[], Answer]) -> Answer:
    """A whole call: rules before it, the call itself, rules after it."""
    answer = await api_call.apply_rules(CallPhase.REQUEST)
    if answer is None:
        answer = act()
        api_call.context.notify_change()
        answer = await api_call.apply_rules(CallPhase.ANSWER) or answer
    return answer


def with_rules(context: AppContext, endpoint: Endpoint, handler: Handler) -> Handler:
    """A page for browsers, as a call that rules can act on."""

    async def handle(request: Request) -> Response:
        found = dict(parse_qsl((await request.body()).decode("utf-8", "replace"))) or request.query_params
        subject = Subject(username=found.get("creator"), client_key=found.get("client_key"))
        api_call = call_of_request(context, endpoint, subject, request)
        api_call.size = len(await request.body())
        instead = await api_call.apply_rules(CallPhase.REQUEST)
        response = await handler(request) if instead is None else _page_of(instead)
        instead = await api_call.apply_rules(CallPhase.ANSWER)
        response = response if instead is None else _page_of(instead)
        return api_call.finish(response, "ok" if response.status_code < HTTPStatus.BAD_REQUEST else "refused")

    return handle


def _page_of(answer: Answer) -> Response:
    """What a browser is shown instead of a page."""
    return Response(encode(answer, ""), status_code=answer.status, media_type="application/json")


def respond(context: AppContext, answer: Answer) -> Response:
    """The HTTP response that carries an answer, with a log id of its own."""
    log_id = context.ids.log_id(context.clock.now())
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Tt-Logid": log_id, **answer.headers}
    return Response(encode(answer, log_id), status_code=answer.status, headers=headers)
