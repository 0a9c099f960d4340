"""The consent page: a person sees what an app asks for, picks an account, and allows or refuses."""

from collections.abc import Mapping
from html import escape
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import structs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tiktok_sandbox.api.api_call import watched
from tiktok_sandbox.api.authorization_request import Bad, read_request
from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model import grants
from tiktok_sandbox.model.grants import AuthorizationRequest
from tiktok_sandbox.model.settings import App, Platform

_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
MOST_SUGGESTED: Final = 50
_SESSION: Final = "sandbox_session"
_CARRIED: Final = (
    "client_key",
    "response_type",
    "scope",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
)

_MEANING: Final = {
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


def consent_routes(shell: Shell) -> list[Route]:
    """The page and the form behind it."""
    return [
        Route("/v2/auth/authorize/", watched(shell, Endpoint.AUTHORIZE, _show(shell)), methods=["GET"]),
        Route("/v2/auth/authorize/consent", watched(shell, Endpoint.CONSENT, _decide(shell)), methods=["POST"]),
    ]


def _show(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        asked = read_request(shell.world.apps, request.query_params)
        if isinstance(asked, Bad):
            return _error_page(asked)
        username = _remembered(shell, asked, request)
        if username:
            return _back(asked, _granted(shell, asked, username, asked.scopes))
        return _page("Allow access", _form(shell, asked, request.query_params))

    return handle


def _page(title: str, content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), status_code=status, headers=_HEADERS)


def _error_page(bad: Bad) -> HTMLResponse:
    return _page("Something went wrong", f"<h1>Something went wrong</h1><p>{escape(bad.parameter)}</p>", status=400)


def _form(shell: Shell, asked: AuthorizationRequest, query: Mapping[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(query.get(name, ""))}">'
        for name in _CARRIED
        if query.get(name)
    )
    scopes = "".join(
        f'<label><input type="checkbox" name="granted" value="{scope}" checked> {escape(_MEANING[scope])}</label>'
        for scope in asked.scopes
    )
    app = shell.world.apps.rows[asked.client_key]
    names = list(islice((name for name in shell.world.creators.rows if _is_target(app, name)), MOST_SUGGESTED))
    options = "".join(f'<option value="{escape(name)}">' for name in names)
    return f"""<h1>{escape(app.name)} would like to</h1>
<form method="post" action="/v2/auth/authorize/consent">{hidden}<input type="hidden" name="chosen" value="1">{scopes}
<label>as <input type="text" name="creator" list="creators" value="{escape(next(iter(names), ""))}" required
 pattern="[A-Za-z0-9._\\-]{{1,24}}"></label><datalist id="creators">{options}</datalist>
<button name="decision" value="allow">Allow</button><button name="decision" value="cancel">Cancel</button></form>
<p><small>A stand-in for TikTok on this machine. A name nobody has yet makes a new account.</small></p>"""


def _decide(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        pairs = parse_qsl((await request.body()).decode("utf-8", "replace"))
        form = dict(pairs)
        asked = read_request(shell.world.apps, form)
        if isinstance(asked, Bad):
            return _error_page(asked)
        ticked = [value for name, value in pairs if name == "granted"]
        outcome = _outcome(shell, asked, form, ticked)
        answer = _back(asked, outcome)
        if "code" in outcome:
            _remember(shell, answer, form["creator"])
        return answer

    return handle


def _remember(shell: Shell, answer: Response, username: str) -> None:
    session = shell.ids.text(40)
    shell.world.grants.sessions[session] = username
    answer.set_cookie(_SESSION, session, path="/v2/auth/", httponly=True, samesite="lax")


def _remembered(shell: Shell, asked: AuthorizationRequest, request: Request) -> str:
    """Who needs no page: a web app asks to skip it, for no more than this browser's person already allows."""
    app = shell.world.apps.rows[asked.client_key]
    username = shell.world.grants.sessions.get(request.cookies.get(_SESSION, ""))
    if app.platform is not Platform.WEB or request.query_params.get("disable_auto_auth") != "0" or not username:
        return ""
    open_id = shell.world.creators.named(username, app.client_key).open_id
    allowed = grants.allowed_now(shell.world.grants, open_id, shell.clock.now())
    return username if set(asked.scopes) <= allowed and _is_target(app, username) else ""


def _is_target(app: App, username: str) -> bool:
    return app.sandbox_targets is None or username in app.sandbox_targets


def _outcome(shell: Shell, asked: AuthorizationRequest, form: Mapping[str, str], ticked: list[str]) -> dict[str, str]:
    """What the callback carries. Only the page says that ticks were chosen; without, all that was asked is granted."""
    granted = tuple(scope for scope in asked.scopes if scope in ticked or "chosen" not in form)
    username = form.get("creator", "")
    if form.get("decision") == "cancel" or not username or not granted:
        return _denied("User denied access", "user_cancel")
    if not _is_target(shell.world.apps.rows[asked.client_key], username):
        return _denied("The user is no target user of this sandbox", "non_sandbox_target")
    return _granted(shell, asked, username, granted)


def _denied(description: str, kind: str) -> dict[str, str]:
    return {"error": "access_denied", "error_description": description, "error_type": kind}


def _granted(shell: Shell, asked: AuthorizationRequest, username: str, granted: tuple[str, ...]) -> dict[str, str]:
    code = grants.issue_code(
        shell.world.grants,
        shell.ids,
        structs.replace(asked, scopes=granted),
        open_id=shell.world.creators.named(username, asked.client_key).open_id,
        lifetimes=shell.world.settings.lifetimes,
        now=shell.clock.now(),
    )
    shell.changes += 1
    return {"code": code, "scopes": ",".join(granted)}


def _back(asked: AuthorizationRequest, outcome: dict[str, str]) -> RedirectResponse:
    query = urlencode({**outcome, "state": asked.state})
    return RedirectResponse(f"{asked.redirect_uri}?{query}", status_code=302, headers=_HEADERS)
