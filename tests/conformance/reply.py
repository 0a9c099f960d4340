"""What came back, and what is expected of it: each expectation tells what it found instead."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        holds(isinstance(found, dict), f"a JSON object was expected, not {self.body[:200]!r}")
        assert isinstance(found, dict)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error part of the usual envelope."""
        found = self.json.get("error")
        holds(isinstance(found, dict), f"an envelope with `error` was expected, not {self.body[:200]!r}")
        assert isinstance(found, dict)
        return found

    @property
    def code(self) -> str:
        """The code of the usual envelope."""
        return str(self.error.get("code"))

    @property
    def data(self) -> dict[str, Any]:
        """The data of a call that must have succeeded."""
        found: dict[str, Any] = granted(self).json.get("data", {})
        return found

    @property
    def callback(self) -> dict[str, str]:
        """The query of the address a browser is sent back to."""
        holds(self.status in {302, 303, 307}, f"a redirect was expected, not {self.status}: {self.body[:200]!r}")
        return dict(parse_qsl(urlsplit(self.headers["location"]).query, keep_blank_values=True))

    @property
    def words(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def holds(condition: object, otherwise: str) -> None:
    """Fail with a sentence unless it is so."""
    if not condition:
        raise AssertionError(otherwise)


def same(found: object, wanted: object, what: str = "") -> None:
    """Two values are equal, and of one type."""
    is_same = found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
    holds(is_same, f"{what + ': ' if what else ''}{wanted!r} was expected, not {found!r}")


def granted(reply: Reply) -> Reply:
    """A call in the usual envelope succeeded."""
    holds(reply.status == 200 and reply.code == "ok", f"success was expected, not {reply.status} {reply.body[:300]!r}")
    return reply


def refused(reply: Reply, status: int, code: str, message: str | None = None) -> None:
    """A call in the usual envelope failed with this status, code and, if given, exact message."""
    same((reply.status, reply.code), (status, code))
    if message is not None:
        same(reply.error.get("message"), message)


def oauth_refused(reply: Reply, status: int, error: str, description: str | None = None) -> None:
    """A call to the token endpoints failed; there the error is a flat string."""
    same((reply.status, reply.json.get("error")), (status, error))
    if description is not None:
        same(reply.json.get("error_description"), description)


def page_refused(reply: Reply, parameter: str) -> None:
    """The consent page answers with an error page of its own that names the parameter."""
    holds(400 <= reply.status < 500, f"an error page was expected, not {reply.status}")
    holds("location" not in reply.headers, "the browser must not be sent back")
    holds(parameter in reply.words, f"the page should name {parameter}: {reply.words[-300:]}")


def has_keys(found: Iterable[str], wanted: Iterable[str]) -> None:
    """All of these and no others."""
    same(sorted(found), sorted(wanted), "keys")


def unanswered(call: Callable[[], Reply]) -> None:
    """The connection ends without a whole answer."""
    try:
        found = call()
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        return
    holds(condition=False, otherwise=f"no answer was expected, not {found.status} {found.body[:200]!r}")
