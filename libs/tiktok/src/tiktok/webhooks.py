"""TikTok's webhooks: verifies the signature of a body, and reads the notification in it."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, TypeAlias

import msgspec

from tiktok.limits import WEBHOOK_BYTES, WEBHOOK_TOLERANCE

SIGNATURE_HEADER: Final = "TikTok-Signature"
"""Its value is `t=<seconds since 1970>,s=<HMAC-SHA256 in hex>`."""

Scalar: TypeAlias = str | int | float | bool | None

_PARTS: Final = 8
"""Splits of the header at most. TikTok sends two parts."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SHA256_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
# Above it a reader that takes numbers for doubles loses digits.
_EXACT_IN_A_DOUBLE: Final = 2**53 - 1

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Moment = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]  # up to the year 9999, as far as dates go


class Event(StrEnum):
    """The events that TikTok documents for posting and consent. Any other is kept under its own name."""

    PUBLISH_FAILED = "post.publish.failed"
    PUBLISH_COMPLETE = "post.publish.complete"
    INBOX_DELIVERED = "post.publish.inbox_delivered"
    PUBLICLY_AVAILABLE = "post.publish.publicly_available"
    NO_LONGER_PUBLICLY_AVAILABLE = "post.publish.no_longer_publicaly_available"
    AUTHORIZATION_REMOVED = "authorization.removed"


class SignatureFault(StrEnum):
    """Why a body is not known to come from TikTok."""

    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Genuine:
    """TikTok signed this body, just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """TikTok signed this body at another time: it is a replay, or a clock is wrong. Seconds since 1970."""

    signed_at: int


@dataclass(frozen=True, slots=True)
class NotGenuine:
    """Nothing shows that TikTok sent this."""

    fault: SignatureFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification. `created_at` is in seconds since 1970; `open_id` is empty if it concerns no person.

    `content` is flat. Ids are strings, and so are integers that a double would round. Objects and lists are their JSON
    text. The same notification may come more than once, and in any order.
    """

    client_key: str
    event: str
    open_id: str
    created_at: int
    content: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The body is no notification. The reason names the field, never its value."""

    reason: str


def verify_signature(
    header: str | None, body: bytes, *, client_secret: str, now: datetime, tolerance: timedelta = WEBHOOK_TOLERANCE
) -> Genuine | Stale | NotGenuine:
    """Return whether TikTok signed exactly these bytes, at most `tolerance` before or after `now`.

    `header` is the value of `TikTok-Signature`. The comparison takes the same time for every wrong signature.
    """
    if not header:
        return NotGenuine(SignatureFault.MISSING)
    parts = _parts_of(header)
    moment, signature = parts.get("t", ""), parts.get("s", "")
    if not _SECONDS.fullmatch(moment) or not _SHA256_HEX.fullmatch(signature):
        return NotGenuine(SignatureFault.MALFORMED)
    # Signed are the bytes that arrived. Parsed and written again, the JSON could differ.
    signed = hmac.new(client_secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    if not hmac.compare_digest(signed.digest(), bytes.fromhex(signature)):
        return NotGenuine(SignatureFault.WRONG)
    # After the signature: until then the time could be anything that the sender chose.
    if abs(now.timestamp() - int(moment)) > tolerance.total_seconds():
        return Stale(signed_at=int(moment))
    return Genuine()


def read_notification(body: bytes) -> Notification | Unreadable:
    """Read a body. New fields are ignored and new events kept; neither is an error."""
    if len(body) > WEBHOOK_BYTES:
        return Unreadable(f"more than {WEBHOOK_BYTES} bytes")
    try:
        envelope = msgspec.json.decode(body, type=_EnvelopeWire)
        content = _content_of(envelope.content)
    # ValueError: an integer of more digits than Python converts. RecursionError: nested without end.
    except (msgspec.DecodeError, ValueError, RecursionError) as fault:
        return Unreadable(_reason(fault))
    return Notification(
        client_key=envelope.client_key,
        event=envelope.event,
        open_id="" if envelope.user_openid is None else str(envelope.user_openid),
        created_at=envelope.create_time,
        content=content,
    )


class _EnvelopeWire(msgspec.Struct, frozen=True, kw_only=True):
    client_key: _Name
    event: _Name
    create_time: _Moment
    user_openid: Annotated[str, msgspec.Meta(max_length=256)] | int | None = None
    content: str | dict[str, msgspec.Raw] | None = None


def _parts_of(header: str) -> dict[str, str]:
    """Return the header's parts by name; none if a name comes twice, since either could be the forged one."""
    # The limit bounds the work that a hostile header can cause.
    pairs = [part.strip().partition("=") for part in header.split(",", _PARTS)]
    parts = {name: value for name, _, value in pairs}
    return parts if len(parts) == len(pairs) else {}


def _content_of(content: str | dict[str, msgspec.Raw] | None) -> dict[str, Scalar]:
    """Return the content by name. TikTok sends it as JSON text inside JSON, so it may be parsed twice."""
    match content:
        case None | "":
            return {}
        case str():
            return _content_of(msgspec.json.decode(content, type=dict[str, msgspec.Raw]))
        case dict():
            return {name: _scalar(name, raw) for name, raw in content.items()}


def _scalar(name: str, raw: msgspec.Raw) -> Scalar:
    """Return one value of the content, without the loss of any digit.

    A name that ends in `_id` is always a string, so that one field has one type. Objects and lists
    are returned as their JSON text.
    """
    try:
        value: Scalar = msgspec.json.decode(raw, type=Scalar)
    except msgspec.ValidationError:
        # An object or a list: its text loses nothing, and the content stays flat.
        return bytes(raw).decode()
    # `bool` is a subclass of `int`, and has to stay true or false.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if name.endswith("_id") or abs(value) > _EXACT_IN_A_DOUBLE else value
    return value


def _reason(fault: Exception) -> str:
    """Return what is wrong with the body, without repeating any of its values."""
    # The text of Python's own errors may quote the body.
    return str(fault) if isinstance(fault, msgspec.DecodeError) else type(fault).__name__
