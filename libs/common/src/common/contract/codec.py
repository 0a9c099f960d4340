"""Events as Kafka records: CloudEvents 1.0 in binary mode with a JSON body (msgspec both ways).

Errors:
    EventError
    ├── UnknownEvent      the topic has no event of that type
    ├── UnknownVersion    the topic has the event, but not in that version; names the known ones
    └── MalformedEvent    the body does not match its type; names the field and what is wrong with it
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Generic, TypeVar

import msgspec

from common.contract.body import Body
from common.contract.registry import REGISTRY, Event, Registry
from common.service.redaction import redact

Headers = Sequence[tuple[str, bytes | None]]
"""A record's headers as Kafka has them: a header may be present without a value."""

B_co = TypeVar("B_co", bound=Body, covariant=True)
_encoder = msgspec.json.Encoder()


class EventError(Exception):
    """A record that cannot be read as an event of the contract."""


class UnknownEvent(EventError):
    """The topic has no event of this type."""

    def __init__(self, *, topic: str, ce_type: str) -> None:
        super().__init__(f"`{redact(ce_type)}` is not an event type of topic `{topic}`")


class UnknownVersion(EventError):
    """The topic has this event, but not in the version that the record names.

    It was written by a newer release than the reader's. Guessing the meaning of its fields could post a wrong video,
    so the record is not read.
    """

    def __init__(self, *, ce_type: str, dataschema: str, known: Sequence[int]) -> None:
        versions = ", ".join(map(str, known))
        super().__init__(
            f"`{redact(dataschema)}` is not a known version of `{ce_type}`; known versions: {versions}. "
            "Deploy the readers of an event before its writers."
        )


class MalformedEvent(EventError):
    """The body does not match its type."""

    def __init__(self, *, ce_type: str, fault: str) -> None:
        """`fault` names the field and the limit."""
        super().__init__(f"{ce_type}: {redact(fault)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope(Generic[B_co]):
    """An event with its CloudEvents attributes. `id` identifies this record; `traceparent` is W3C Trace Context."""

    id: str
    source: str
    time: datetime | None
    traceparent: str | None
    body: B_co


@cache
def _decoder(body: type[Body]) -> Callable[[bytes], Body]:
    return msgspec.json.Decoder(body).decode


def encode(envelope: Envelope[Body]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Turn an event into a record's value and headers.

    Version 1 is the default and is not named in the headers, so that records without headers are version 1 too.
    """
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
    dataschema = () if body.schema_version == 1 else (("ce_dataschema", body.schema_id().encode()),)
    return (
        # CloudEvents prefixes its own attributes with `ce_` in Kafka, but not the content type.
        ("ce_specversion", b"1.0"),
        ("ce_type", body.ce_type.encode()),
        ("ce_source", source.encode()),
        *dataschema,
        ("content-type", b"application/json"),
    )


@lru_cache(maxsize=4)
def _time_text(time: datetime) -> bytes:
    """Format a time. All events of one transaction carry the same one, so the last few are kept."""
    return time.isoformat().encode()


def decode(*, topic: str, value: bytes, headers: Headers, registry: Registry = REGISTRY) -> Envelope[Body]:
    """Read a record of `topic`. A body of an older version is upgraded to the newest one.

    Raises:
        UnknownEvent: the topic has no event of the type in `ce_type`, or the record names no type.
        UnknownVersion: `ce_dataschema` names a version that is not registered.
        MalformedEvent: the body is not JSON or does not match the type; the message names the field.
    """
    # Headers may come from other systems: bytes that are no UTF-8 must not stop the reader.
    texts = {name: raw.decode(errors="replace") for name, raw in headers if raw is not None}
    ce_type = texts.get("ce_type", registry.bare_types.get(topic, ""))
    event = _find(registry, topic=topic, ce_type=ce_type, dataschema=texts.get("ce_dataschema", ""))
    try:
        body = _decoder(event.body)(value)
    # RecursionError: a body can be nested so deeply that the decoder gives up.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(ce_type=ce_type, fault=str(error)) from error
    return Envelope(
        id=texts.get("ce_id", ""),
        source=texts.get("ce_source", ""),
        time=_time_of(texts.get("ce_time")),
        traceparent=texts.get("traceparent"),
        body=registry.upgraded(body),
    )


def _find(registry: Registry, *, topic: str, ce_type: str, dataschema: str) -> Event:
    event = registry.find(topic, ce_type, dataschema)
    if event is not None:
        return event
    # The two errors need different repairs: an upgrade of the reader, or of the writer.
    known = registry.versions(topic, ce_type)
    if known:
        raise UnknownVersion(ce_type=ce_type, dataschema=dataschema, known=known)
    raise UnknownEvent(topic=topic, ce_type=ce_type)


def _time_of(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    # The time only informs. A record is not refused for it.
    except ValueError:
        return None
