"""One call on its way through the sandbox.

Rules act on its phases, and the list of calls records it.
"""

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
    """A call, or something that TikTok does by itself.

    It knows whom it is about, when it started, and which rules have acted on it.
    """

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
        """Let the rules act on a phase of the call.

        Return an answer to give instead, or None to continue.

        Raises:
            AnswerLost: a rule closes the connection.
            NeverAnswered: a rule leaves the call without an answer.
        """
        rules = self.context.tables.rules
        matched = rules.match(self.endpoint, at, self.subject, span, now=self.context.clock.now())
        if matched:
            self._rule_ids += [each.rule_id for each in matched]
            # A test may wait for this rule's hits.
            await self.context.breakpoints.notify()
        for each in matched:
            instead = await self._apply_rule(each, at)
            # The first rule that decides the call is the last one that acts.
            if instead is not None:
                return instead
        return None

    async def _apply_rule(self, matched: MatchedRule, at: CallPhase) -> Answer | None:
        """Apply one rule; return an answer if it decides the call."""
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
                # Recorded before: nothing runs after an answer that never comes.
                raise NeverAnswered(matched.rule_id)
            case Action.CLOSE if at is CallPhase.ANSWER:
                self._truncate_after = rule.after_bytes
            case Action.LOSE_ANSWER | Action.CLOSE:
                self._close_connection()
            case _:
                # Status 0 stands for a connection that breaks.
                if not rule.status and rule.action in {Action.STATUS, Action.OUTAGE}:
                    self._close_connection()
                return rule_answer(rule, self.endpoint)
        return None

    def _close_connection(self) -> None:
        self.record(0, "answer_lost")
        raise AnswerLost

    async def _slow_down(self, rule: Rule) -> None:
        """Add the rule's latency, then limit the speed of the body."""
        if rule.seconds:
            await self.context.wait_until(self.context.clock.now() + rule.seconds)
        self.bytes_per_second = rule.bytes_per_second
        # The latency of a rule does not count against its speed limit.
        self._rate_limited_from = self.context.clock.now()

    async def limit_rate(self, count: int) -> None:
        """Wait until this many bytes may have been received at the rule's speed."""
        if self.bytes_per_second:
            await self.context.wait_until(self._rate_limited_from + count / self.bytes_per_second)

    def finish(self, response: Response, code: str) -> Response:
        """Record the answered call; truncate the answer if a rule wants it."""
        self.record(response.status_code, code)
        return response if self._truncate_after is None else Truncated(response, self._truncate_after)

    def record(self, status: int, code: str) -> None:
        """Add the call to the list.

        The entry never holds a token, a code or an upload URL.
        """
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
                # Real seconds: the sandbox's clock may be stopped.
                "seconds": round(time.perf_counter() - self._perf_started, 6),
                "rules": self._rule_ids,
            }
        )


def _with_username(context: AppContext, subject: Subject) -> Subject:
    """Add the username, if the call's open id is known."""
    found = None if subject.open_id is None else context.tables.creators.find(subject.open_id)
    return subject if found is None else structs.replace(subject, username=found.profile.username)


def call_of_request(context: AppContext, endpoint: Endpoint, subject: Subject, request: Request) -> ApiCall:
    """Return the ApiCall of an HTTP request."""
    return ApiCall(context, endpoint, subject, method=request.method, path=request.url.path)


async def handle_call(api_call: ApiCall, act: Callable[[], Answer]) -> Answer:
    """Handle a whole call: rules before it, the work, rules after it."""
    answer = await api_call.apply_rules(CallPhase.REQUEST)
    if answer is None:
        answer = act()
        api_call.context.notify_change()
        # The work is done and saved. A rule that acts here hides it from the client.
        answer = await api_call.apply_rules(CallPhase.ANSWER) or answer
    return answer


def with_rules(context: AppContext, endpoint: Endpoint, handler: Handler) -> Handler:
    """Wrap the handler of a browser page, so that rules act on it too."""

    async def handle(request: Request) -> Response:
        # Rules filter by user and app, which a page has in its query and its form in the body.
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
    """Return a rule's answer as a page for the browser."""
    return Response(encode(answer, ""), status_code=answer.status, media_type="application/json")


def respond(context: AppContext, answer: Answer) -> Response:
    """Return the HTTP response of an answer, with a log id of its own."""
    log_id = context.ids.log_id(context.clock.now())
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Tt-Logid": log_id, **answer.headers}
    return Response(encode(answer, log_id), status_code=answer.status, headers=headers)
