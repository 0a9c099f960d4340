"""TikTok's HTTP surface: the API, the token endpoint and the upload host."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from sandbox import calls, oauth, permissions, world
from sandbox.admin import admin_routes
from sandbox.admin_clock import clock_routes
from sandbox.admin_people import people_routes
from sandbox.admin_publications import publication_routes
from sandbox.answers import Answer, encode
from sandbox.calls import Call
from sandbox.consent import consent_routes
from sandbox.errors import AnswerLost
from sandbox.guard import SameSite
from sandbox.page import page_routes
from sandbox.playing import media_routes
from sandbox.protocol import CUT
from sandbox.pulls import Puller
from sandbox.receiving import receive
from sandbox.rules import Endpoint, Moment, Subject
from sandbox.shell import Shell, carry_out, meddle
from sandbox.sights import sight_routes
from sandbox.uploads import Incoming, PutHead

Handler = Callable[[Request], Awaitable[Response]]

_FORM: Final = "application/x-www-form-urlencoded"


class Cut(Response):
    """No answer at all: the connection ends."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cut = scope.get("extensions", {}).get(CUT)
        if cut is None:
            raise AnswerLost
        cut["now"]()
        while (await receive())["type"] != "http.disconnect":
            pass


def build_app(shell: Shell) -> Starlette:
    """Everything the stand-in serves, on one port."""
    puller = Puller(shell)
    shell.after_change.append(puller.start)
    shell.before_end.append(puller.close)
    return Starlette(
        routes=[
            *consent_routes(shell),
            Route("/v2/oauth/token/", _token(shell), methods=["POST"]),
            Route("/v2/oauth/revoke/", _revoke(shell), methods=["POST"]),
            Route("/v2/user/info/", _api(shell, Endpoint.USER_INFO), methods=["GET"]),
            Route("/v2/post/publish/creator_info/query/", _api(shell, Endpoint.CREATOR_INFO), methods=["POST"]),
            Route("/v2/post/publish/video/init/", _api(shell, Endpoint.VIDEO_INIT), methods=["POST"]),
            Route("/v2/post/publish/inbox/video/init/", _api(shell, Endpoint.INBOX_INIT), methods=["POST"]),
            Route("/v2/post/publish/content/init/", _api(shell, Endpoint.CONTENT_INIT), methods=["POST"]),
            Route("/v2/post/publish/cancel/", _api(shell, Endpoint.CANCEL), methods=["POST"]),
            Route("/v2/post/publish/status/fetch/", _api(shell, Endpoint.STATUS), methods=["POST"]),
            Route("/v2/video/list/", _api(shell, Endpoint.VIDEO_LIST), methods=["POST"]),
            Route("/v2/video/query/", _api(shell, Endpoint.VIDEO_QUERY), methods=["POST"]),
            Route("/upload/video/", _upload(shell), methods=["PUT"]),
            # `curl -T` puts the file's name behind a path that ends in a slash.
            Route("/upload/video/{file_name}", _upload(shell), methods=["PUT"]),
            *sight_routes(shell),
            *media_routes(shell),
            *page_routes(shell),
            *admin_routes(shell),
            *clock_routes(shell),
            *people_routes(shell),
            *publication_routes(shell),
        ],
        exception_handlers={AnswerLost: _cut},
        middleware=[Middleware(SameSite)],
    )


async def _cut(request: Request, lost: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
    return Cut()


def _respond(shell: Shell, answer: Answer) -> Response:
    log_id = shell.ids.log_id(shell.clock.now())
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Tt-Logid": log_id, **answer.headers}
    return Response(encode(answer, log_id), status_code=answer.status, headers=headers)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _api(shell: Shell, endpoint: Endpoint) -> Handler:
    async def handle(request: Request) -> Response:
        call = Call(
            endpoint=endpoint,
            token=_bearer(request),
            body=await request.body(),
            fields=request.query_params.get("fields", ""),
        )
        answer = await carry_out(
            shell,
            endpoint,
            calls.subject_of_call(shell.world, call),
            lambda: calls.answer_call(shell.world, call, shell.clock.now()),
        )
        return _respond(shell, answer)

    return handle


async def _form(request: Request) -> dict[str, str] | None:
    if not request.headers.get("content-type", "").startswith(_FORM):
        return None
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _respond_oauth(shell: Shell, answer: Answer) -> Response:
    if shell.world.settings.oauth_errors_as_200:
        answer = Answer(body=answer.body, code=answer.code)
    return _respond(shell, answer)


def _token(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request)
        if form is None:
            return _respond_oauth(shell, oauth.malformed())
        answer = await carry_out(
            shell,
            Endpoint.TOKEN,
            Subject(open_id=oauth.subject_of_form(shell.world.grants, form)),
            lambda: world.answer_token(shell.world, form, shell.clock.now()),
        )
        return _respond_oauth(shell, answer)

    return handle


def _revoke(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request)
        if form is None:
            return _respond_oauth(shell, oauth.malformed())
        permission = shell.world.grants.access.get(form.get("token", ""))
        answer = await carry_out(
            shell,
            Endpoint.REVOKE,
            Subject(open_id=None if permission is None else permission.open_id),
            lambda: permissions.answer_revoke(shell.world, form, shell.clock.now()),
        )
        return _respond_oauth(shell, answer)

    return handle


def _upload(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        upload_id = request.query_params.get("upload_id", "")
        token = request.query_params.get("upload_token", "")
        subject = world.subject_of_upload(shell.world, world.find_upload(shell.world, upload_id, token))
        answer = await meddle(shell, Endpoint.UPLOAD, Moment.REQUEST, subject)
        if answer is None:
            begun = world.begin_chunk(shell.world, upload_id, token, _head(request), shell.clock.now())
            answer = await receive(shell, request, subject, begun) if isinstance(begun, Incoming) else begun
            answer = await meddle(shell, Endpoint.UPLOAD, Moment.ANSWER, subject) or answer
        shell.record(Endpoint.UPLOAD, subject, answer.status, answer.code)
        return _respond(shell, answer)

    return handle


def _head(request: Request) -> PutHead:
    return PutHead(
        content_type=request.headers.get("content-type", ""),
        content_length=request.headers.get("content-length", ""),
        content_range=request.headers.get("content-range", ""),
    )
