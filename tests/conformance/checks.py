"""Replies, and checks that say what they found instead."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP reply."""

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
        check(isinstance(found, dict), f"a JSON object was expected, not {self.body[:200]!r}")
        assert isinstance(found, dict)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error part of the usual envelope."""
        found = self.json.get("error")
        check(isinstance(found, dict), f"an envelope with `error` was expected, not {self.body[:200]!r}")
        assert isinstance(found, dict)
        return found

    @property
    def code(self) -> str:
        """The code of the usual envelope."""
        return str(self.error.get("code"))

    @property
    def data(self) -> dict[str, Any]:
        """The data of a call that must have succeeded."""
        found: dict[str, Any] = check_success(self).json.get("data", {})
        return found

    @property
    def callback(self) -> dict[str, str]:
        """The query of the address a browser is sent back to."""
        check(self.status in {302, 303, 307}, f"a redirect was expected, not {self.status}: {self.body[:200]!r}")
        return dict(parse_qsl(urlsplit(self.headers["location"]).query, keep_blank_values=True))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def check(condition: object, otherwise: str) -> None:
    """Fail with a sentence if the condition is false."""
    if not condition:
        raise AssertionError(otherwise)


def check_equal(found: object, wanted: object, what: str = "") -> None:
    """Check that two values are equal and both or neither are booleans."""
    is_same = found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
    check(is_same, f"{what + ': ' if what else ''}{wanted!r} was expected, not {found!r}")


def check_success(reply: Reply) -> Reply:
    """Check that a call in the usual envelope succeeded."""
    check(reply.status == 200 and reply.code == "ok", f"success was expected, not {reply.status} {reply.body[:300]!r}")
    return reply


def check_refused(reply: Reply, status: int, code: str, message: str | None = None) -> None:
    """Check that a call in the usual envelope failed with this status, code and, if given, exact message."""
    check_equal((reply.status, reply.code), (status, code))
    if message is not None:
        check_equal(reply.error.get("message"), message)


def check_oauth_refused(reply: Reply, status: int, error: str, description: str | None = None) -> None:
    """Check that a call to the token endpoints failed; there the error is a flat string."""
    check_equal((reply.status, reply.json.get("error")), (status, error))
    if description is not None:
        check_equal(reply.json.get("error_description"), description)


def check_page_refused(reply: Reply, parameter: str) -> None:
    """Check that the consent page shows its own error page with the parameter."""
    check(400 <= reply.status < 500, f"an error page was expected, not {reply.status}")
    check("location" not in reply.headers, "the browser must not be sent back")
    check(parameter in reply.text, f"the page should name {parameter}: {reply.text[-300:]}")


def check_keys(found: Iterable[str], wanted: Iterable[str]) -> None:
    """Check that these are all the keys."""
    check_equal(sorted(found), sorted(wanted), "keys")


def check_unanswered(call: Callable[[], Reply]) -> None:
    """Check that the connection ends without a complete answer."""
    try:
        found = call()
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        return
    check(condition=False, otherwise=f"no answer was expected, not {found.status} {found.body[:200]!r}")
