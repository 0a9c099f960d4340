"""The consent page: a person picks an account, and allows or refuses scopes."""

from collections.abc import Mapping
from html import escape
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import structs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tiktok_sandbox.api.api_call import with_rules
from tiktok_sandbox.api.authorization_request import InvalidParameter, read_request
from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model import grants
from tiktok_sandbox.model.grants import AuthorizationRequest
from tiktok_sandbox.model.settings import App, Platform

# State and code stand in the URLs of these pages: they must be neither cached nor sent on as a referrer.
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
MAX_SUGGESTIONS: Final = 50
_SESSION: Final = "sandbox_session"
_FORM_PARAMETERS: Final = (
    "client_key",
    "response_type",
    "scope",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
)

_SCOPE_TEXTS: Final = {
    "user.info.basic": "Read your profile info (avatar, display name)",
    "user.info.profile": "Read your profile links and user name",
    "user.info.stats": "Read your profile statistics",
    "video.list": "Read your public videos on TikTok",
    "video.upload": "Upload draft content to your account",
    "video.publish": "Post content to TikTok",
}

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; background: #f4f4f5; color: #18181b; margin: 0; }}
main {{ max-width: 26rem; margin: 8vh auto; background: #fff; padding: 2rem; border-radius: .75rem; }}
h1 {{ font-size: 1.25rem; margin: 0 0 1rem; }} label {{ display: block; margin: .4rem 0; }}
input[type=text] {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .25rem; }}
button {{ font: inherit; padding: .6rem 1.2rem; margin: 1rem .5rem 0 0; border: 0; border-radius: .4rem; }}
button[value=allow] {{ background: #be123c; color: #fff; }} small {{ color: #52525b; }}
</style></head><body><main>{content}</main></body></html>"""


def consent_routes(context: AppContext) -> list[Route]:
    """Return the routes of the page and of the form on it."""
    return [
        Route("/v2/auth/authorize/", with_rules(context, Endpoint.AUTHORIZE, _show(context)), methods=["GET"]),
        Route("/v2/auth/authorize/consent", with_rules(context, Endpoint.CONSENT, _decide(context)), methods=["POST"]),
    ]


def _show(context: AppContext) -> Handler:
    """Show the page, or redirect at once if the user has allowed everything before."""

    async def handle(request: Request) -> Response:
        auth_request = read_request(context.tables.apps, request.query_params)
        if isinstance(auth_request, InvalidParameter):
            return _error_page(auth_request)
        username = _user_to_skip_page(context, auth_request, request)
        if username:
            return _redirect(auth_request, _granted(context, auth_request, username, auth_request.scopes))
        return _page("Allow access", _form(context, auth_request, request.query_params))

    return handle


def _page(title: str, content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), status_code=status, headers=_HEADERS)


def _error_page(bad: InvalidParameter) -> HTMLResponse:
    # As at TikTok, the browser is not sent back: the redirect URI itself may be the wrong parameter.
    return _page("Something went wrong", f"<h1>Something went wrong</h1><p>{escape(bad.parameter)}</p>", status=400)


def _form(context: AppContext, auth_request: AuthorizationRequest, query: Mapping[str, str]) -> str:
    """Return the form, with the request's parameters in hidden fields."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(query.get(name, ""))}">'
        for name in _FORM_PARAMETERS
        if query.get(name)
    )
    scopes = "".join(
        f'<label><input type="checkbox" name="granted" value="{scope}" checked> {escape(_SCOPE_TEXTS[scope])}</label>'
        for scope in auth_request.scopes
    )
    app = context.tables.apps.rows[auth_request.client_key]
    names = list(islice((name for name in context.tables.creators.rows if _is_target(app, name)), MAX_SUGGESTIONS))
    options = "".join(f'<option value="{escape(name)}">' for name in names)
    return f"""<h1>{escape(app.name)} would like to</h1>
<form method="post" action="/v2/auth/authorize/consent">{hidden}<input type="hidden" name="chosen" value="1">{scopes}
<label>as <input type="text" name="creator" list="creators" value="{escape(next(iter(names), ""))}" required
 pattern="[A-Za-z0-9._\\-]{{1,24}}"></label><datalist id="creators">{options}</datalist>
<button name="decision" value="allow">Allow</button><button name="decision" value="cancel">Cancel</button></form>
<p><small>This is a stand-in for TikTok on this machine. A new name creates a new account.</small></p>"""


def _decide(context: AppContext) -> Handler:
    """Handle the form: redirect with a code or an error."""

    async def handle(request: Request) -> Response:
        pairs = parse_qsl((await request.body()).decode("utf-8", "replace"))
        form = dict(pairs)
        auth_request = read_request(context.tables.apps, form)
        if isinstance(auth_request, InvalidParameter):
            return _error_page(auth_request)
        ticked = [value for name, value in pairs if name == "granted"]
        outcome = _callback_query(context, auth_request, form, ticked)
        answer = _redirect(auth_request, outcome)
        # Only a person who allowed something is remembered by the browser.
        if "code" in outcome:
            _set_session(context, answer, form["creator"])
        return answer

    return handle


def _set_session(context: AppContext, answer: Response, username: str) -> None:
    session = context.ids.text(40)
    context.tables.grants.sessions[session] = username
    # `lax`: the browser has to send it when an app's own site leads here.
    answer.set_cookie(_SESSION, session, path="/v2/auth/", httponly=True, samesite="lax")


def _user_to_skip_page(context: AppContext, auth_request: AuthorizationRequest, request: Request) -> str:
    """Return the user for whom the page is skipped; empty if it must be shown.

    A web app may ask for it, and only for scopes that the user of this browser already allows.
    """
    app = context.tables.apps.rows[auth_request.client_key]
    # The cookie only identifies the browser's user. What they allowed is looked up now: it may have been revoked.
    username = context.tables.grants.sessions.get(request.cookies.get(_SESSION, ""))
    if app.platform is not Platform.WEB or request.query_params.get("disable_auto_auth") != "0" or not username:
        return ""
    open_id = context.tables.creators.get_or_create(username, app.client_key).open_id
    allowed = grants.granted_scopes(context.tables.grants, open_id, context.clock.now())
    return username if set(auth_request.scopes) <= allowed and _is_target(app, username) else ""


def _is_target(app: App, username: str) -> bool:
    return app.sandbox_targets is None or username in app.sandbox_targets


def _callback_query(
    context: AppContext, auth_request: AuthorizationRequest, form: Mapping[str, str], ticked: list[str]
) -> dict[str, str]:
    """Return the query of the callback.

    Only the page sends `chosen`. Without it (a script) every requested scope is granted.
    """
    granted = tuple(scope for scope in auth_request.scopes if scope in ticked or "chosen" not in form)
    username = form.get("creator", "")
    if form.get("decision") == "cancel" or not username or not granted:
        return _denied("User denied access", "user_cancel")
    if not _is_target(context.tables.apps.rows[auth_request.client_key], username):
        return _denied("The user is no target user of this sandbox", "non_sandbox_target")
    return _granted(context, auth_request, username, granted)


def _denied(description: str, kind: str) -> dict[str, str]:
    return {"error": "access_denied", "error_description": description, "error_type": kind}


def _granted(
    context: AppContext, auth_request: AuthorizationRequest, username: str, granted: tuple[str, ...]
) -> dict[str, str]:
    """Issue a code and return the callback's query."""
    code = grants.issue_code(
        context.tables.grants,
        context.ids,
        structs.replace(auth_request, scopes=granted),
        open_id=context.tables.creators.get_or_create(username, auth_request.client_key).open_id,
        lifetimes=context.tables.settings.lifetimes,
        now=context.clock.now(),
    )
    context.change_count += 1
    return {"code": code, "scopes": ",".join(granted)}


def _redirect(auth_request: AuthorizationRequest, outcome: dict[str, str]) -> RedirectResponse:
    query = urlencode({**outcome, "state": auth_request.state})
    return RedirectResponse(f"{auth_request.redirect_uri}?{query}", status_code=302, headers=_HEADERS)
