"""What a person sees after TikTok's consent page: what happened, and what to do."""

from dataclasses import dataclass
from html import escape

from auth_service.consent import BelongsToAnother, Declined, Landed, Landing, NotSaved
from auth_service.errors import CallbackRefused, OtherBrowser, StateBroken, StateExpired
from tiktok.outcomes import NotSent, Refused, Unknown

NEEDED_SCOPES = ("video.publish", "video.list")
"""Without these, posts cannot be published or their numbers read."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The page's own address holds a code and a state: nobody may keep it or be told it."""

START_AGAIN = "Go back to where you started and connect again."

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}</style></head>
<body><main data-result="{result}"><h1>{title}</h1>{paragraphs}</main></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page; `result` names it for metrics and programs."""

    status: int
    result: str
    title: str
    paragraphs: tuple[str, ...]

    def html(self) -> str:
        """Write the page; whatever came from elsewhere is escaped."""
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in self.paragraphs)
        return _PAGE.format(title=escape(self.title), result=escape(self.result), paragraphs=paragraphs)


def page_of(landing: Landing) -> Page:
    """Say how a consent ended."""
    match landing:
        case Landed():
            return _landed(landing)
        case NotSaved(account_id=account_id):
            return Page(
                status=503,
                result="not_saved",
                title="It is not certain that this worked",
                paragraphs=(f"The account ({account_id}) may be connected or not. Connecting again does no harm.",),
            )
        case Declined():
            return _declined(landing)
        case BelongsToAnother(account_id=account_id):
            return Page(
                status=409,
                result="other_tenant",
                title="This account is connected elsewhere",
                paragraphs=(
                    f"The TikTok account ({account_id}) already belongs to another customer of Postbus.",
                    "Disconnect it there first, or sign in to TikTok with another account.",
                ),
            )
        case Refused() | NotSent() | Unknown():
            return _no_tokens(landing)


def page_of_refusal(refusal: CallbackRefused) -> Page:
    """Say why a browser was not let through."""
    match refusal:
        case StateExpired():
            return Page(
                status=400,
                result="expired",
                title="This took too long",
                paragraphs=("The link or the consent has expired.", START_AGAIN),
            )
        case OtherBrowser():
            return Page(
                status=403,
                result="other_browser",
                title="Another browser",
                paragraphs=("This consent was begun in another browser, or has been used already.", START_AGAIN),
            )
        case StateBroken() | CallbackRefused():
            return Page(
                status=400,
                result="broken",
                title="This link does not work",
                paragraphs=("It was cut off or changed on its way here.", START_AGAIN),
            )


def _landed(landed: Landed) -> Page:
    missing = [scope for scope in NEEDED_SCOPES if scope not in landed.scopes]
    granted = f"Granted: {', '.join(landed.scopes)}."
    lacking = (f"Not granted: {', '.join(missing)}. Some things will not work.",) if missing else ()
    return Page(
        status=200,
        result="connected",
        title=f"Connected as {landed.display_name or landed.account_id}",
        paragraphs=(granted, *lacking, f"Account: {landed.account_id}", "You can close this page."),
    )


def _declined(declined: Declined) -> Page:
    if declined.error == "access_denied" and declined.error_type in {"", "user_cancel"}:
        return Page(
            status=400,
            result="declined",
            title="Not connected",
            paragraphs=("You did not give your consent on TikTok's page. Nothing was connected.", START_AGAIN),
        )
    reason = f"{declined.error} ({declined.error_type})" if declined.error_type else declined.error
    return Page(
        status=400,
        result="refused",
        title="TikTok did not allow it",
        paragraphs=(f"TikTok refused with: {reason}.", START_AGAIN),
    )


def _no_tokens(answer: Refused | NotSent | Unknown) -> Page:
    if isinstance(answer, Refused):
        return Page(
            status=400,
            result="refused",
            title="TikTok did not allow it",
            paragraphs=(f"TikTok refused with: {answer.code} ({answer.message}).", START_AGAIN),
        )
    return Page(
        status=502,
        result="no_answer",
        title="TikTok did not answer",
        paragraphs=("Your consent could not be completed. Nothing was connected.", START_AGAIN),
    )
