"""A person with a browser, who opens TikTok's consent page and allows the app."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

import httpx

from stack.demo.errors import ConsentFailed

ACCOUNT_ID: Final = re.compile(r"\bacc_[a-z0-9]+\b")


@dataclass(slots=True)
class Page:
    """A page as a person sees it: headline, text, and the form with its values."""

    headline: str = ""
    text: str = ""
    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)

    @property
    def account_id(self) -> str | None:
        """The account that the page names, if it names one."""
        found = ACCOUNT_ID.search(self.text)
        return found.group() if found else None


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_headline = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._in_headline = self._in_headline or tag == "h1"
        if tag == "form":
            self.page.action = attributes.get("action", "")
        # A browser does not send a checkbox that is not ticked.
        if tag == "input" and (attributes.get("type") != "checkbox" or "checked" in attributes):
            self.page.fields.append((attributes.get("name", ""), attributes.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        self._in_headline = self._in_headline and tag != "h1"

    def handle_data(self, data: str) -> None:
        # A line break, so that the words of two elements do not run together.
        self.page.text += f"{data}\n"
        if self._in_headline:
            self.page.headline += data


def parse_page(html: str) -> Page:
    """Parse a page's headline, text and form."""
    parser = _PageParser()
    parser.feed(html)
    return parser.page


def fill_form(page: Page, *, creator: str, decision: str = "allow") -> dict[str, list[str]]:
    """Return the form's fields as a browser sends them.

    `creator` is the chosen account, `decision` the button that is pressed.
    """
    sent: dict[str, list[str]] = {}
    for name, value in page.fields:
        sent.setdefault(name, []).append(value)
    return {**sent, "creator": [creator], "decision": [decision]}


async def connect(web: httpx.AsyncClient, auth_url: str, *, key: str, creator: str) -> Page:
    """Connect a TikTok account for the tenant of an API key; return the last page.

    Raises:
        ConsentFailed: a page was not the expected one; names the page and what it showed.
    """
    headers = {"Authorization": f"Bearer {key}"}
    link = await web.post(f"{auth_url}/v1/accounts/connect", json={}, headers=headers)
    _require_success(link, "the request for a link")
    shown = await web.get(link.json()["authorization_url"], follow_redirects=True)
    _require_success(shown, "the consent page")
    page = parse_page(shown.text)
    if not page.action:
        raise ConsentFailed(where="the consent page", why=page.headline or "it has no form")
    # The answer redirects the browser back to auth, which checks the cookie it set at the start.
    form = fill_form(page, creator=creator)
    back = await web.post(shown.url.join(page.action), data=form, follow_redirects=True)
    _require_success(back, "the page after the consent")
    return parse_page(back.text)


def _require_success(answer: httpx.Response, where: str) -> None:
    if not answer.is_success:
        why = parse_page(answer.text).headline or f"HTTP {answer.status_code}"
        raise ConsentFailed(where=where, why=why)
