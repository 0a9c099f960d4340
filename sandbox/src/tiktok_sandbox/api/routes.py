"""TikTok's HTTP routes: OAuth, the content posting API, the Display API and the upload host."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tiktok_sandbox.api import bearer_calls, oauth
from tiktok_sandbox.api.api_call import carry_out, respond, visit_of
from tiktok_sandbox.api.bearer_calls import Call
from tiktok_sandbox.api.chunk_upload import upload_routes
from tiktok_sandbox.api.consent import consent_routes
from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.tables import World

_FORM: Final = "application/x-www-form-urlencoded"


def tiktok_routes(shell: Shell) -> list[Route]:
    """Every route that TikTok has, the consent page included."""
    return [
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
        *upload_routes(shell),
    ]


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
        return visit.finish(respond(shell, answer), answer.code)

    return handle


async def _form(request: Request) -> dict[str, str] | None:
    if not request.headers.get("content-type", "").startswith(_FORM):
        return None
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _respond_oauth(shell: Shell, answer: Answer) -> Response:
    if shell.world.settings.oauth_errors_as_200:
        answer = Answer(body=answer.body, code=answer.code)
    return respond(shell, answer)


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
        return await _answer_form(shell, Endpoint.TOKEN, subject, request, oauth.answer_token)

    return handle


def _revoke(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request) or {}
        permission = shell.world.grants.access.get(form.get("token", ""))
        open_id = None if permission is None else permission.open_id
        subject = Subject(open_id=open_id, client_key=form.get("client_key"))
        return await _answer_form(shell, Endpoint.REVOKE, subject, request, oauth.answer_revoke)

    return handle
