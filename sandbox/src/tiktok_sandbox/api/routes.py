"""TikTok's HTTP routes, the upload host and the consent page included."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tiktok_sandbox.api import bearer_calls, oauth
from tiktok_sandbox.api.api_call import call_of_request, handle_call, respond
from tiktok_sandbox.api.bearer_calls import BearerCall
from tiktok_sandbox.api.chunk_upload import upload_routes
from tiktok_sandbox.api.consent import consent_routes
from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.tables import Tables

_FORM: Final = "application/x-www-form-urlencoded"


def tiktok_routes(context: AppContext) -> list[Route]:
    """Return every route that TikTok has, the consent page included."""
    return [
        *consent_routes(context),
        Route("/v2/oauth/token/", _token(context), methods=["POST"]),
        Route("/v2/oauth/revoke/", _revoke(context), methods=["POST"]),
        Route("/v2/user/info/", _api(context, Endpoint.USER_INFO), methods=["GET"]),
        Route("/v2/post/publish/creator_info/query/", _api(context, Endpoint.CREATOR_INFO), methods=["POST"]),
        Route("/v2/post/publish/video/init/", _api(context, Endpoint.VIDEO_INIT), methods=["POST"]),
        Route("/v2/post/publish/inbox/video/init/", _api(context, Endpoint.INBOX_INIT), methods=["POST"]),
        Route("/v2/post/publish/content/init/", _api(context, Endpoint.CONTENT_INIT), methods=["POST"]),
        Route("/v2/post/publish/cancel/", _api(context, Endpoint.CANCEL), methods=["POST"]),
        Route("/v2/post/publish/status/fetch/", _api(context, Endpoint.STATUS), methods=["POST"]),
        Route("/v2/video/list/", _api(context, Endpoint.VIDEO_LIST), methods=["POST"]),
        Route("/v2/video/query/", _api(context, Endpoint.VIDEO_QUERY), methods=["POST"]),
        *upload_routes(context),
    ]


def _bearer(request: Request) -> str:
    """Return the bearer token, or an empty string, which no token is."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _api(context: AppContext, endpoint: Endpoint) -> Handler:
    """Return the handler of one API endpoint with a bearer token."""

    async def handle(request: Request) -> Response:
        call = BearerCall(
            endpoint=endpoint,
            token=_bearer(request),
            body=await request.body(),
            fields=request.query_params.get("fields", ""),
        )
        api_call = call_of_request(context, endpoint, bearer_calls.subject_of_call(context.tables, call), request)
        api_call.size = len(call.body)
        answer = await handle_call(
            api_call, lambda: bearer_calls.answer_call(context.tables, call, context.clock.now())
        )
        return api_call.finish(respond(context, answer), answer.code)

    return handle


async def _form(request: Request) -> dict[str, str] | None:
    """Return the form in the body, or None if the content type is another."""
    # JSON is refused here, as observed at TikTok.
    if not request.headers.get("content-type", "").startswith(_FORM):
        return None
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _respond_oauth(context: AppContext, answer: Answer) -> Response:
    # The status of OAuth errors is not documented, so a client has to go by the body.
    if context.tables.settings.oauth_errors_as_200:
        answer = Answer(body=answer.body, code=answer.code)
    return respond(context, answer)


async def _answer_form(
    context: AppContext,
    endpoint: Endpoint,
    subject: Subject,
    request: Request,
    answer_form: Callable[[Tables, dict[str, str], float], Answer],
) -> Response:
    """Handle a call whose body is a form, with rules before and after it."""
    form, api_call = await _form(request), call_of_request(context, endpoint, subject, request)
    api_call.size = len(await request.body())

    def act() -> Answer:
        return oauth.malformed_request() if form is None else answer_form(context.tables, form, context.clock.now())

    answer = await handle_call(api_call, act)
    return api_call.finish(_respond_oauth(context, answer), answer.code)


def _token(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request) or {}
        open_id = oauth.account_of_form(context.tables.grants, form)
        subject = Subject(open_id=open_id, client_key=form.get("client_key"))
        return await _answer_form(context, Endpoint.TOKEN, subject, request, oauth.answer_token)

    return handle


def _revoke(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        form = await _form(request) or {}
        permission = context.tables.grants.access.get(form.get("token", ""))
        open_id = None if permission is None else permission.open_id
        subject = Subject(open_id=open_id, client_key=form.get("client_key"))
        return await _answer_form(context, Endpoint.REVOKE, subject, request, oauth.answer_revoke)

    return handle
