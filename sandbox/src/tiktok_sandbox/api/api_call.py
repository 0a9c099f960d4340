"""One call on its way through the stand-in: rules act on its moments, and it ends up in the list of calls."""

import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qsl

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from tiktok_sandbox.api import rule_actions
from tiktok_sandbox.api.rule_actions import answer_of
from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.errors import AnswerLost, NeverAnswered
from tiktok_sandbox.faults.actions import Action, Endpoint, Moment
from tiktok_sandbox.faults.broken_responses import Broken
from tiktok_sandbox.faults.rules import Rule, Struck, Subject
from tiktok_sandbox.model.answers import Answer, encode


class Visit:
    """A call, or something TikTok does by itself: whom it is about, when it began and what became of it."""

    def __init__(self, shell: Shell, endpoint: Endpoint, subject: Subject, *, method: str = "", path: str = "") -> None:
        self.shell = shell
        self.endpoint = endpoint
        self.subject = _named(shell, subject)
        self.size = 0
        self.bytes_per_second = 0
        self._method = method
        self._path = path
        self._at = self._paced_from = shell.clock.now()
        self._started = time.perf_counter()
        self._struck: list[str] = []
        self._breaks_after: int | None = None

    async def meddle(self, at: Moment, span: range = range(0)) -> Answer | None:
        """Let the rules act on a moment of the call: an answer to give instead, or None to go on.

        Raises:
            AnswerLost: a rule wants the connection cut.
            NeverAnswered: a rule wants the client to wait in vain.
        """
        rules = self.shell.world.rules
        struck = rules.strike(self.endpoint, at, self.subject, span, now=self.shell.clock.now())
        if struck:
            self._struck += [each.rule_id for each in struck]
            await self.shell.holds.tell()
        for each in struck:
            instead = await self._act(each, at)
            if instead is not None:
                return instead
        return None

    async def _act(self, struck: Struck, at: Moment) -> Answer | None:
        rule = struck.rule
        match rule.action:
            case Action.HOLD:
                await self.shell.holds.hold(struck.rule_id)
            case Action.SLOW:
                await self._slow_down(rule)
            case Action.EXPIRE | Action.REVOKE | Action.TAKEDOWN:
                rule_actions.befall(self.shell.world, rule, self.endpoint, self.subject, self.shell.clock.now())
                self.shell.changed()
            case Action.HANG:
                self.record(0, "never_answered")
                raise NeverAnswered(struck.rule_id)
            case Action.CLOSE if at is Moment.ANSWER:
                self._breaks_after = rule.after_bytes
            case Action.LOSE_ANSWER | Action.CLOSE:
                self._cut()
            case _:
                if not rule.status and rule.action in {Action.STATUS, Action.OUTAGE}:
                    self._cut()
                return answer_of(rule, self.endpoint)
        return None

    def _cut(self) -> None:
        self.record(0, "answer_lost")
        raise AnswerLost

    async def _slow_down(self, rule: Rule) -> None:
        if rule.seconds:
            await self.shell.wait_until(self.shell.clock.now() + rule.seconds)
        self.bytes_per_second = rule.bytes_per_second
        self._paced_from = self.shell.clock.now()

    async def keep_pace(self, count: int) -> None:
        """Wait until so many bytes may have come in."""
        if self.bytes_per_second:
            await self.shell.wait_until(self._paced_from + count / self.bytes_per_second)

    def finish(self, response: Response, code: str) -> Response:
        """The call is answered: remember it, and break the answer off if a rule wants that."""
        self.record(response.status_code, code)
        return response if self._breaks_after is None else Broken(response, self._breaks_after)

    def record(self, status: int, code: str) -> None:
        """Remember what became of it; never a token, a code or an upload url."""
        self.shell.note(
            {
                "at": self._at,
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
                "seconds": round(time.perf_counter() - self._started, 6),
                "rules": self._struck,
            }
        )


def _named(shell: Shell, subject: Subject) -> Subject:
    found = None if subject.open_id is None else shell.world.creators.of(subject.open_id)
    return subject if found is None else structs.replace(subject, username=found.profile.username)


def visit_of(shell: Shell, endpoint: Endpoint, subject: Subject, request: Request) -> Visit:
    """A call that came over HTTP."""
    return Visit(shell, endpoint, subject, method=request.method, path=request.url.path)


async def carry_out(visit: Visit, act: Callable[[], Answer]) -> Answer:
    """A whole call: rules before it, the call itself, rules after it."""
    answer = await visit.meddle(Moment.REQUEST)
    if answer is None:
        answer = act()
        visit.shell.changed()
        answer = await visit.meddle(Moment.ANSWER) or answer
    return answer


def watched(shell: Shell, endpoint: Endpoint, handler: Handler) -> Handler:
    """A page for browsers, as a call that rules can act on."""

    async def handle(request: Request) -> Response:
        found = dict(parse_qsl((await request.body()).decode("utf-8", "replace"))) or request.query_params
        subject = Subject(username=found.get("creator"), client_key=found.get("client_key"))
        visit = visit_of(shell, endpoint, subject, request)
        visit.size = len(await request.body())
        instead = await visit.meddle(Moment.REQUEST)
        response = await handler(request) if instead is None else _page_of(instead)
        instead = await visit.meddle(Moment.ANSWER)
        response = response if instead is None else _page_of(instead)
        return visit.finish(response, "ok" if response.status_code < HTTPStatus.BAD_REQUEST else "refused")

    return handle


def _page_of(answer: Answer) -> Response:
    """What a browser is shown instead of a page."""
    return Response(encode(answer, ""), status_code=answer.status, media_type="application/json")


def respond(shell: Shell, answer: Answer) -> Response:
    """The HTTP response that carries an answer, with a log id of its own."""
    log_id = shell.ids.log_id(shell.clock.now())
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Tt-Logid": log_id, **answer.headers}
    return Response(encode(answer, log_id), status_code=answer.status, headers=headers)
