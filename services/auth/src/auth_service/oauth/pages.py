"""The pages that a person sees after TikTok's consent page: the result, what to do, and a link back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit, urlunsplit

from auth_service.errors import CallbackRefused, OtherBrowser, StateBroken, StateExpired
from auth_service.oauth.consent import Accepted, AppChanged, Completed, ConsentResult, Declined, NotSaved, OtherTenant
from tiktok.results import NotSent, Refused, Unknown

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The page's address holds a code and a state. It must not be cached, framed, or sent on as a referrer."""

SECONDS_TO_READ = 5
"""How long the page is shown before the browser goes on to the backend's page."""

START_AGAIN = "Go back to where you started and connect again."

OPERATOR = "You cannot change this yourself. Contact the service that sent you here."

_ALLOWS: Mapping[str, str] = {
    "user.info.basic": "see the account's name and picture",
    "user.info.profile": "see the account's user name",
    "video.publish": "publish videos",
    "video.upload": "send drafts to the TikTok app",
    "video.list": "see the videos and their numbers",
}

AT_START: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "A page: the link has expired or does not work.",
    HTTPStatus.CONFLICT: "A page: the tenant's app cannot be used.",
}
"""The pages of the start, by status."""

AT_CALLBACK: Mapping[int, str] = {
    HTTPStatus.OK: "A page: the account is connected.",
    HTTPStatus.ACCEPTED: "A page: the account will be connected in a moment.",
    HTTPStatus.BAD_REQUEST: "A page: nothing was connected, and why (declined, refused, expired, cut off).",
    HTTPStatus.FORBIDDEN: "A page: the link was opened in another browser, or was already used.",
    HTTPStatus.CONFLICT: "A page: the account belongs to another tenant, or the app was changed.",
    HTTPStatus.BAD_GATEWAY: "A page: TikTok did not answer, or this service has a wrong setting.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A page: the account may or may not be connected.",
}
"""The pages of the callback, by status."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">{refresh}
<title>{title}</title>
<style>:root{{color-scheme:light dark}}
body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;overflow-wrap:anywhere}}
</style></head>
<body><main data-result="{result}"><h1>{title}</h1>{paragraphs}</main></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page; `result` names it for metrics and programs. `next_url` is the backend's own page.

    `last`: nothing is left to do, so that it may be closed where it leads nowhere.
    """

    status: int
    result: str
    title: str
    paragraphs: tuple[str, ...]
    account_id: str = ""
    next_url: str = ""
    last: bool = False

    def html(self) -> str:
        """Return the page as HTML. All texts are escaped: some of them come from TikTok or the query."""
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in self.paragraphs)
        refresh = ""
        if self.next_url:
            address = escape(self.next_url)
            refresh = f'<meta http-equiv="refresh" content="{SECONDS_TO_READ};url={address}">'
            paragraphs += f'<p><a href="{address}">Continue to {escape(urlsplit(self.next_url).netloc)}</a></p>'
        elif self.last:
            paragraphs += "<p>You can close this page.</p>"
        return _PAGE.format(
            title=escape(self.title), result=escape(self.result), paragraphs=paragraphs, refresh=refresh
        )


def with_return(page: Page, return_to: str) -> Page:
    """Add the backend's page to go on to, with the result and the account in its query."""
    if not return_to:
        return page
    parts = urlsplit(return_to)
    result = urlencode({"postbus_result": page.result} | ({"account_id": page.account_id} if page.account_id else {}))
    # The query of the backend stays as it is. Parsing and writing it again could change its encoding.
    query = f"{parts.query}&{result}" if parts.query else result
    return replace(page, next_url=urlunsplit(parts._replace(query=query)))


def page_for(result: ConsentResult) -> Page:
    """Return the page for the result of a consent."""
    page: Page
    match result:
        case Completed():
            page = _completed(result)
        case Accepted(account_id=account_id):
            page = Page(
                status=202,
                result="accepted",
                title="Your consent has arrived",
                paragraphs=("The account will be connected in a moment.",),
                account_id=account_id,
                last=True,
            )
        case NotSaved() | OtherTenant() | AppChanged():
            page = _not_connected(result)
        case Declined():
            page = _declined(result)
        case Refused() | NotSent() | Unknown():
            page = _exchange_failed(result)
    return page


def page_for_refusal(refusal: CallbackRefused) -> Page:
    """Return the page for a link or state that was refused."""
    match refusal:
        case StateExpired(return_to=return_to):
            page = Page(
                status=400,
                result="expired",
                title="This took too long",
                paragraphs=("The link or the consent has expired.", START_AGAIN),
            )
            return with_return(page, return_to)
        case OtherBrowser():
            return Page(
                status=403,
                result="other_browser",
                title="Another browser",
                paragraphs=("This link was opened in a different browser, or was already used.", START_AGAIN),
            )
        case StateBroken() | CallbackRefused():
            return Page(
                status=400,
                result="broken",
                title="This link does not work",
                paragraphs=("It was cut off or changed on its way here.", START_AGAIN),
            )


def app_unusable() -> Page:
    """Return the page for a tenant's app that cannot be used."""
    return _not_connected(AppChanged())


def _completed(completed: Completed) -> Page:
    """Return the page after a consent that was exchanged."""
    refused = tuple(
        f"You did not allow it to {_ALLOWS.get(scope, scope)} ({scope}): that will not work."
        for scope in completed.refused
    )
    again = ("To change this, connect again and leave everything switched on.",) if refused else ()
    return Page(
        status=200,
        result="connected",
        title=f"Connected as {completed.display_name or completed.account_id}",
        paragraphs=(*refused, *again, f"Account: {completed.account_id}"),
        account_id=completed.account_id,
        last=True,
    )


def _not_connected(result: NotSaved | OtherTenant | AppChanged) -> Page:
    """Return the page of a consent that did not connect the account."""
    match result:
        case NotSaved(account_id=account_id):
            return Page(
                status=503,
                result="not_saved",
                title="It is not certain that this worked",
                paragraphs=(f"The account ({account_id}) may be connected or not. Connecting again does no harm.",),
                account_id=account_id,
            )
        case OtherTenant(account_id=account_id):
            return Page(
                status=409,
                result="other_tenant",
                title="This account is connected elsewhere",
                paragraphs=(
                    f"The TikTok account ({account_id}) already belongs to another tenant of Postbus.",
                    "Have it disconnected there first, or sign in to TikTok with another account.",
                ),
            )
        case AppChanged():
            return Page(
                status=409,
                result="app_changed",
                title="The app was changed meanwhile",
                paragraphs=("The TikTok app that you were asked to allow is not in use any more.", START_AGAIN),
            )


def _declined(declined: Declined) -> Page:
    """Return the page of a person who did not agree."""
    if declined.error == "access_denied" and declined.error_type in {"", "user_cancel"}:
        return Page(
            status=400,
            result="declined",
            title="Not connected",
            paragraphs=("You did not give your consent on TikTok's page. Nothing was connected.", START_AGAIN),
        )
    if declined.error_type == "non_sandbox_target":
        return Page(
            status=400,
            result="not_a_target_user",
            title="This account may not be used yet",
            paragraphs=(
                "The TikTok app is still in its test phase, and this account is not among its testers.",
                OPERATOR,
            ),
        )
    if declined.error_type == "client_key":
        return _misconfigured("wrong_client_key", "TikTok does not know this app (client key).")
    reason = f"{declined.error} ({declined.error_type})" if declined.error_type else declined.error
    return Page(
        status=400,
        result="refused",
        title="TikTok did not allow it",
        paragraphs=(f"TikTok refused with: {reason}.", START_AGAIN),
    )


def _exchange_failed(answer: Refused | NotSent | Unknown) -> Page:
    """Return the page when TikTok did not exchange the code."""
    if not isinstance(answer, Refused):
        return Page(
            status=502,
            result="no_answer",
            title="TikTok did not answer",
            paragraphs=("Your consent could not be completed. Nothing was connected.", START_AGAIN),
        )
    answer_text = f"TikTok refused with: {answer.code} ({answer.message.rstrip('.')})."
    match answer.code:
        case "invalid_client" | "unauthorized_client":
            return _misconfigured(
                "wrong_client_key", "TikTok does not know this app's client key or secret.", answer_text
            )
        case "invalid_request" if "redirect_uri" in answer.message.lower():
            fault = "The address that TikTok sends people back to is not the one registered for this app."
            return _misconfigured("redirect_mismatch", fault, answer_text)
        case "invalid_grant":
            return Page(
                status=400,
                result="code_expired",
                title="This took too long",
                paragraphs=("TikTok's confirmation had expired, or was used before.", START_AGAIN),
            )
        case _:
            return Page(
                status=400, result="refused", title="TikTok did not allow it", paragraphs=(answer_text, START_AGAIN)
            )


def _misconfigured(result: str, *paragraphs: str) -> Page:
    return Page(status=502, result=result, title="This service is set up wrongly", paragraphs=(*paragraphs, OPERATOR))
