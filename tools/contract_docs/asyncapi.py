"""The contract as an AsyncAPI 3.0 document: channels are topics, operations are their writers and readers."""

from collections.abc import Mapping
from inspect import cleandoc

from common.contract.body import Body
from common.contract.registry import (
    BODIES,
    CLOUDEVENTS_HEADERS,
    DEAD_LETTER_HEADERS,
    READERS,
    REGISTRY,
    REQUIRED_DEAD_LETTER_HEADERS,
    REQUIRED_HEADERS,
    bodies_on,
    is_contract,
    keyed_by,
    writers_of,
)
from common.contract.topics import ALL_TOPICS, DEFAULT_PARTITIONS, SERVICES, Topic
from contract_docs.schemas import Document, shared_schemas

ASYNCAPI_VERSION = "3.0.0"
CONTRACT_VERSION = "1.0.0"
"""Raised by hand: a new optional field or event is a minor step, anything else a major one."""

_KAFKA_BINDING = "0.5.0"


def asyncapi_document() -> Document:
    """Build the whole document."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Postbus events",
            "version": CONTRACT_VERSION,
            "description": "CloudEvents 1.0 in Kafka's binary mode with JSON bodies, keyed by account or tenant.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in ALL_TOPICS},
        "operations": {name: operation for topic in ALL_TOPICS for name, operation in _operations(topic).items()},
        "components": {
            "messages": {
                **{body.versioned_name(): _message(body) for body in BODIES},
                "state": _state_message(),
                "dead_letter": _dead_letter_message(),
            },
            "schemas": {
                **shared_schemas("#/components/schemas/{name}"),
                "CloudEventsHeaders": _headers(CLOUDEVENTS_HEADERS, REQUIRED_HEADERS),
                "DeadLetterHeaders": _headers(DEAD_LETTER_HEADERS, REQUIRED_DEAD_LETTER_HEADERS),
            },
        },
    }


def message_names(topic: Topic) -> tuple[str, ...]:
    """Name the messages of a topic."""
    if is_contract(topic):
        return tuple(body.versioned_name() for body in bodies_on(topic))
    return ("state",) if topic.compacted else ("dead_letter",)


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "summary": topic.purpose,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in message_names(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": DEFAULT_PARTITIONS,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "x-partition-key": keyed_by(topic),
        "x-writers": list(topic.writers),
        "x-readers": list(READERS[topic]),
        "x-internal": not is_contract(topic),
        **({"x-bare-body": REGISTRY.bare_types[topic.name]} if topic.name in REGISTRY.bare_types else {}),
    }


def _configuration(topic: Topic) -> Document:
    if topic.retention is None:
        return {"cleanup.policy": ["compact"]}
    return {"cleanup.policy": ["delete"], "retention.ms": int(topic.retention.total_seconds() * 1000)}


def _operations(topic: Topic) -> Document:
    operations: Document = {}
    for writer in topic.writers:
        sent = tuple(name for name in message_names(topic) if _sends(writer, topic, name))
        operations[f"{_identifier(writer)}.send.{topic.name}"] = _operation("send", writer, topic, sent)
    for reader in READERS[topic]:
        operations[f"{_identifier(reader)}.receive.{topic.name}"] = _operation(
            "receive", reader, topic, message_names(topic)
        )
    return operations


def _operation(action: str, party: str, topic: Topic, messages: tuple[str, ...]) -> Document:
    does = "writes to" if action == "send" else "reads"
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{party.capitalize()} {does} {topic.name}.",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in messages],
        "tags": [{"name": party if party in SERVICES else "outside"}],
    }


def _sends(writer: str, topic: Topic, message: str) -> bool:
    return all(writer in writers_of(body) for body in bodies_on(topic) if body.versioned_name() == message)


def _message(body: type[Body]) -> Document:
    return {
        "name": body.ce_type,
        "title": body.__name__,
        "summary": cleandoc(body.__doc__ or ""),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/CloudEventsHeaders"},
        "payload": {"$ref": f"#/components/schemas/{body.__name__}"},
        "bindings": {"kafka": {"key": _key(body), "bindingVersion": _KAFKA_BINDING}},
        "x-senders": list(writers_of(body)),
    }


def _state_message() -> Document:
    return {
        "name": "state",
        "title": "A service's own state",
        "summary": "One record for each state, and one for the position in the inputs. No other service reads it.",
        "contentType": "application/json",
        "payload": {"type": "object", "description": "Only the service knows its form."},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _KAFKA_BINDING}},
    }


def _dead_letter_message() -> Document:
    return {
        "name": "dead_letter",
        "title": "A record from outside that could not be read",
        "summary": "The unchanged record (value, key, headers), with its origin and the reason in further headers.",
        "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
        "payload": {"description": "The bytes that were sent; often not JSON."},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _KAFKA_BINDING}},
    }


def _headers(described: Mapping[str, str], required: tuple[str, ...]) -> Document:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": meaning} for name, meaning in described.items()},
        "required": list(required),
    }


def _key(body: type[Body]) -> Document:
    return {"type": "string", "description": f"The body's `{body.keyed_by}`; Kafka's default partitioner (murmur2)."}


def _identifier(party: str) -> str:
    return party.replace(" ", "_")
