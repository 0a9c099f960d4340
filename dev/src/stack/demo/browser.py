"""A person with a browser: follows the link, reads TikTok's page, ticks nothing off, picks an account and allows."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from stack.demo.errors import ConsentFailed


@dataclass(slots=True)
class Page:
    """What a person sees of a page: its headline, and its form as it is filled in when the page comes."""

    headline: str = ""
    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_headline = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._in_headline = self._in_headline or tag == "h1"
        if tag == "form":
            self.page.action = attributes.get("action", "")
        if tag == "input" and (attributes.get("type") != "checkbox" or "checked" in attributes):
            self.page.fields.append((attributes.get("name", ""), attributes.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        self._in_headline = self._in_headline and tag != "h1"

    def handle_data(self, data: str) -> None:
        if self._in_headline:
            self.page.headline += data


def look_at(html: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.page


def filled(page: Page, *, creator: str, decision: str = "allow") -> dict[str, list[str]]:
    """Fill the form in: this account, and the button that allows, or another one."""
    sent: dict[str, list[str]] = {}
    for name, value in page.fields:
        sent.setdefault(name, []).append(value)
    return {**sent, "creator": [creator], "decision": [decision]}


async def connect(web: httpx.AsyncClient, auth_url: str, *, key: str, creator: str) -> str:
    """Connect a TikTok account for the tenant of an API key; return the headline of the page it ended with.

    Raises:
        ConsentFailed: a page was not what it should be; says which and why.
    """
    headers = {"Authorization": f"Bearer {key}"}
    link = await web.post(f"{auth_url}/v1/accounts/connect", json={}, headers=headers)
    _demand(link, "the link")
    shown = await web.get(link.json()["authorization_url"], follow_redirects=True)
    _demand(shown, "the consent page")
    page = look_at(shown.text)
    if not page.action:
        raise ConsentFailed(where="the consent page", why=page.headline or "it has no form")
    # The answer sends the browser back to auth, with the cookie that was set when it left.
    form = filled(page, creator=creator)
    back = await web.post(shown.url.join(page.action), data=form, follow_redirects=True)
    _demand(back, "the way back")
    return look_at(back.text).headline


def _demand(answer: httpx.Response, where: str) -> None:
    if not answer.is_success:
        why = look_at(answer.text).headline or f"HTTP {answer.status_code}"
        raise ConsentFailed(where=where, why=why)
