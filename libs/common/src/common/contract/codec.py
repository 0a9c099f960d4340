"""Events as Kafka records: CloudEvents 1.0 in binary mode with a JSON body (msgspec both ways).

Errors:
    EventError
    ├── UnknownEvent      no body of that type belongs on that topic
    └── MalformedEvent    the body is not what its type says; names the field and the value's fault
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Generic, TypeVar

import msgspec

from common.contract.account import (
    AccountAtRisk,
    AccountConnected,
    AccountConnectRefused,
    AccountDescribed,
    AccountDisconnected,
    AccountForgotten,
    AccountReauthorizationRequired,
    ConnectRequested,
    CredentialIssued,
    CredentialWithdrawn,
    DisconnectRequested,
    GrantSalvaged,
    PairResealed,
    TokenRejected,
)
from common.contract.audit import AuditRecorded
from common.contract.body import Body
from common.contract.metrics import MetricsCollected
from common.contract.post import (
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostRequestConflict,
    PostRequested,
    PostReturned,
    PostUnresolved,
    PostUploaded,
)
from common.contract.tenant import (
    ApiKeyIssued,
    ApiKeyRevoked,
    AppRequested,
    AppResealed,
    KeyRequested,
    KeyRevocationRequested,
    TenantDescribed,
    TenantRequested,
)
from common.contract.tiktok import TikTokNotified
from common.service.redaction import redact

BODIES: tuple[type[Body], ...] = (
    PostRequested,
    PostAccepted,
    PostDelayed,
    PostProgressed,
    PostUploaded,
    PostUnresolved,
    PostReturned,
    PostPublished,
    PostAvailable,
    PostFailed,
    PostRequestConflict,
    AccountConnected,
    AccountConnectRefused,
    AccountAtRisk,
    AccountReauthorizationRequired,
    AccountDisconnected,
    ConnectRequested,
    DisconnectRequested,
    TokenRejected,
    GrantSalvaged,
    PairResealed,
    TenantRequested,
    AppRequested,
    AppResealed,
    KeyRequested,
    KeyRevocationRequested,
    TikTokNotified,
    AuditRecorded,
    CredentialIssued,
    CredentialWithdrawn,
    AccountDescribed,
    AccountForgotten,
    TenantDescribed,
    ApiKeyIssued,
    ApiKeyRevoked,
    MetricsCollected,
)
BARE_TYPES = {PostRequested.topic.name: PostRequested.ce_type}
"""What a record without CloudEvents headers is taken for, on the topics that outsiders write to."""

Headers = Sequence[tuple[str, bytes | None]]
"""As Kafka has them: a header may be there without a value."""

B_co = TypeVar("B_co", bound=Body, covariant=True)
_BY_TYPE: Mapping[tuple[str, str], type[Body]] = {(body.topic.name, body.ce_type): body for body in BODIES}
_encoder = msgspec.json.Encoder()


class EventError(Exception):
    """A record that cannot be read as an event of the contract."""


class UnknownEvent(EventError):
    """No event of this type belongs on this topic."""

    def __init__(self, *, topic: str, ce_type: str) -> None:
        """Name the topic and the type."""
        super().__init__(f"`{redact(ce_type)}` is not an event type of topic `{topic}`")


class MalformedEvent(EventError):
    """The body does not fit its type."""

    def __init__(self, *, ce_type: str, fault: str) -> None:
        """Say which event and what is wrong with it; `fault` names the field and the limit."""
        super().__init__(f"{ce_type}: {redact(fault)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope(Generic[B_co]):
    """An event with its CloudEvents attributes. `id` names this record, `traceparent` is W3C Trace Context."""

    id: str
    source: str
    time: datetime | None
    traceparent: str | None
    body: B_co


@cache
def _decoder(body: type[Body]) -> Callable[[bytes], Body]:
    return msgspec.json.Decoder(body).decode


def encode(envelope: Envelope[Body]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Turn an event into a record's value and headers."""
    body = envelope.body
    headers = [
        *_constant_headers(type(body), envelope.source),
        ("ce_id", envelope.id.encode()),
        ("ce_subject", body.subject.encode()),
    ]
    if envelope.time is not None:
        headers.append(("ce_time", _time_text(envelope.time)))
    if envelope.traceparent is not None:
        headers.append(("traceparent", envelope.traceparent.encode()))
    return _encoder.encode(body), headers


@lru_cache(maxsize=256)
def _constant_headers(body: type[Body], source: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", body.ce_type.encode()),
        ("ce_source", source.encode()),
        ("content-type", b"application/json"),
    )


@lru_cache(maxsize=4)
def _time_text(time: datetime) -> bytes:
    """All events of one transaction carry the same time."""
    return time.isoformat().encode()


def decode(*, topic: str, value: bytes, headers: Headers) -> Envelope[Body]:
    """Read a record of `topic`.

    Raises:
        UnknownEvent: the type in `ce_type` does not belong on this topic, or there is none.
        MalformedEvent: the body is not JSON or does not fit the type; the message names the field.
    """
    texts = {name: raw.decode(errors="replace") for name, raw in headers if raw is not None}
    ce_type = texts.get("ce_type", BARE_TYPES.get(topic, ""))
    body_type = _BY_TYPE.get((topic, ce_type))
    if body_type is None:
        raise UnknownEvent(topic=topic, ce_type=ce_type)
    try:
        body = _decoder(body_type)(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(ce_type=ce_type, fault=str(error)) from error
    return Envelope(
        id=texts.get("ce_id", ""),
        source=texts.get("ce_source", ""),
        time=_time_of(texts.get("ce_time")),
        traceparent=texts.get("traceparent"),
        body=body,
    )


def _time_of(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
