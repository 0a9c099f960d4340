"""TikTok's HTTP surface: the API, the token endpoint and the upload host."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tiktok_sandbox.admin.clock import clock_routes
from tiktok_sandbox.admin.creators import people_routes
from tiktok_sandbox.admin.media_playback import media_routes
from tiktok_sandbox.admin.publications import publication_routes
from tiktok_sandbox.admin.records import admin_routes
from tiktok_sandbox.admin.rules import rule_routes
from tiktok_sandbox.admin.same_origin import SameSite
from tiktok_sandbox.admin.settings import settings_routes
from tiktok_sandbox.admin.webhooks import webhook_routes
from tiktok_sandbox.api import bearer_calls, oauth
from tiktok_sandbox.api.api_call import Handler, carry_out, visit_of
from tiktok_sandbox.api.bearer_calls import Call
from tiktok_sandbox.api.chunk_upload import receive
from tiktok_sandbox.api.consent import consent_routes
from tiktok_sandbox.api.url_downloads import Puller
from tiktok_sandbox.api.webhook_sender import Webhooks
from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.errors import AnswerLost, NeverAnswered
from tiktok_sandbox.faults.broken_responses import Cut, Silence
from tiktok_sandbox.faults.rules import Endpoint, Moment, Subject
from tiktok_sandbox.model import permissions, tables
from tiktok_sandbox.model.answers import Answer, encode
from tiktok_sandbox.model.tables import World
from tiktok_sandbox.model.uploads import Incoming, PutHead
from tiktok_sandbox.pages.dashboard import page_routes
from tiktok_sandbox.pages.public_pages import sight_routes

ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]

_FORM: Final = "application/x-www-form-urlencoded"


def build_app(shell: Shell) -> Starlette:
    """Everything the stand-in serves, on one port."""
    shell.world.rules.begin(shell.world.settings.rules, shell.clock.now())
    puller = Puller(shell)
    shell.after_change.append(puller.start)
    shell.before_end.append(puller.close)
    webhooks = Webhooks(shell)
    shell.after_change.append(webhooks.look)
    shell.before_end.append(webhooks.close)
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
            *rule_routes(shell),
            *clock_routes(shell),
            *webhook_routes(shell),
            *people_routes(shell),
            *publication_routes(shell),
            *settings_routes(shell),
        ],
        exception_handlers={AnswerLost: _cut, NeverAnswered: _keep_silent(shell), HTTPException: _unknown(shell)},
        middleware=[Middleware(SameSite)],
    )


async def _cut(request: Request, lost: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
    return Cut()


def _keep_silent(shell: Shell) -> ExceptionHandler:
    async def handle(request: Request, never: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
        return Silence(shell.holds, getattr(never, "rule_id", ""))

    return handle


def _unknown(shell: Shell) -> ExceptionHandler:
    """Nothing is at that address, or not for that method; it was called all the same."""

    async def handle(request: Request, refused: Exception) -> Response:
        status, headers = getattr(refused, "status_code", 500), getattr(refused, "headers", None)
        if not request.url.path.startswith("/_sandbox/"):
            visit_of(shell, Endpoint.UNKNOWN, Subject(), request).record(status, "nothing_here")
        return Response(status_code=status, headers=headers)

    return handle


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
        visit = visit_of(shell, endpoint, bearer_calls.subject_of_call(shell.world, call), request)
        visit.size = len(call.body)
        answer = await carry_out(visit, lambda: bearer_calls.answer_call(shell.world, call, shell.clock.now()))
        return visit.finish(_respond(shell, answer), answer.code)

    return handle


async def _form(request: Request) -> dict[str, str] | None:
    if not request.headers.get("content-type", "").startswith(_FORM):
        return None
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _respond_oauth(shell: Shell, answer: Answer) -> Response:
    if shell.world.settings.oauth_errors_as_200:
        answer = Answer(body=answer.body, code=answer.code)
    return _respond(shell, answer)


async def _answer_form(
    shell: Shell,
    endpoint: Endpoint,
    subject: Subject,
    request: Request,
    answer_form: Callable[[World, dict[str, str], float], Answer],
) -> Response:
    form, visit = await _form(request), visit_of(shell, endpoint, subject, request)
    visit.size = len(await request.body())

    def act() -> Answer:
        return oauth.malformed() if form is None else answer_form(shell.world, form, shell.clock.now())

    answer = await carry_out(visit, act)
    return visit.finish(_respond_oauth(shell, answer), answer.code)


def _token(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request) or {}
        open_id = oauth.subject_of_form(shell.world.grants, form)
        subject = Subject(open_id=open_id, client_key=form.get("client_key"))
        return await _answer_form(shell, Endpoint.TOKEN, subject, request, tables.answer_token)

    return handle


def _revoke(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request) or {}
        permission = shell.world.grants.access.get(form.get("token", ""))
        open_id = None if permission is None else permission.open_id
        subject = Subject(open_id=open_id, client_key=form.get("client_key"))
        return await _answer_form(shell, Endpoint.REVOKE, subject, request, permissions.answer_revoke)

    return handle


def _upload(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        upload_id = request.query_params.get("upload_id", "")
        token = request.query_params.get("upload_token", "")
        subject = tables.subject_of_upload(shell.world, tables.find_upload(shell.world, upload_id, token))
        visit = visit_of(shell, Endpoint.UPLOAD, subject, request)
        answer = await visit.meddle(Moment.REQUEST)
        if answer is None:
            begun = tables.begin_chunk(shell.world, upload_id, token, _head(request), shell.clock.now())
            answer = await receive(visit, request, begun) if isinstance(begun, Incoming) else begun
            answer = await visit.meddle(Moment.ANSWER) or answer
        return visit.finish(_respond(shell, answer), answer.code)

    return handle


def _head(request: Request) -> PutHead:
    return PutHead(
        content_type=request.headers.get("content-type", ""),
        content_length=request.headers.get("content-length", ""),
        content_range=request.headers.get("content-range", ""),
    )
