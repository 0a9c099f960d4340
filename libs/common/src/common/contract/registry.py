"""The registry: each version of each event once, with its writers, and the readers of each topic.

The codec, the generated documents and the tests all read from here. An event that is missing here cannot be read: its
first record would stop the partition of every reader.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.contract import account, audit, metrics, post, tenant, tiktok, topics
from common.contract.body import AccountBody, Body
from common.contract.topics import CONTRACT, SERVICES, Topic

PRODUCT_BACKENDS = "product backends"
OPERATORS = "operators"

CLOUDEVENTS_HEADERS: Mapping[str, str] = {
    "ce_specversion": "Always 1.0.",
    "ce_id": "Identifies this record. A record that is sent twice keeps it.",
    "ce_type": "The event's type, such as `post.requested`.",
    "ce_source": "The service or backend that wrote it.",
    "ce_subject": "The post's id for events about posts, otherwise the record's key.",
    "ce_time": "When it was written, RFC 3339 with an offset.",
    "ce_dataschema": "The `$id` of the body's JSON Schema, which names the version. Absent for version 1.",
    "content-type": "Always application/json.",
    "traceparent": "W3C Trace Context; carried through every event that follows from this one.",
}
REQUIRED_HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source")
DEAD_LETTER_HEADERS: Mapping[str, str] = {
    "dlq_reason": "Why the record could not be read.",
    "dlq_topic": "The topic it came from.",
    "dlq_partition": "The partition it came from.",
    "dlq_offset": "Its offset there.",
    "dlq_size": "The size of its value in bytes; only if that was too large, and the dead letter holds its beginning.",
}
REQUIRED_DEAD_LETTER_HEADERS = ("dlq_reason", "dlq_topic", "dlq_partition", "dlq_offset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One version of an event.

    `writers` are the ones of its topic that write it. `upgrade` turns a body into one of the next version: every
    version but the newest has one, so that services handle the newest body only.
    """

    body: type[Body]
    writers: tuple[str, ...]
    upgrade: Callable[[Any], Body] | None = None

    @property
    def name(self) -> tuple[str, str]:
        """The topic's name and the event's type, which all versions of an event share."""
        return self.body.topic.name, self.body.ce_type


class Registry:
    """Finds the body class of a record by topic, type and version, and upgrades old bodies.

    Raises `ValueError` for a table that cannot work: a version twice, one missing in the row 1, 2, 3 …, or an
    `upgrade` where there is no next version.
    """

    def __init__(self, events: Iterable[Event], *, bare_types: Mapping[str, str]) -> None:
        """`bare_types` names, by topic, the type of a record without `ce_type`."""
        self.events = tuple(events)
        self.bare_types = bare_types
        self._versions: dict[tuple[str, str], list[int]] = {}
        self._by_schema: dict[tuple[str, str, str], Event] = {}
        self.upgrades: dict[type[Body], Callable[[Any], Body]] = {}
        # All versions are collected first, because each event is checked against the newest.
        for event in self.events:
            self._versions.setdefault(event.name, []).append(event.body.schema_version)
        for event in self.events:
            self._add(event)

    def _add(self, event: Event) -> None:
        body, versions = event.body, self._versions[event.name]
        # A gap would leave bodies that no chain of upgrades brings to the newest version.
        if versions != list(range(1, len(versions) + 1)):
            message = f"The versions of {event.body.ce_type} are {versions}. List each once, from 1 upwards."
            raise ValueError(message)
        # Without it an old body would reach services, which know the newest version only.
        if (event.upgrade is None) != (body.schema_version == versions[-1]):
            message = f"{body.__name__}: every version but the newest needs an upgrade to the next one."
            raise ValueError(message)
        self._by_schema[*event.name, body.schema_id()] = event
        if body.schema_version == 1:
            # A record that names no version is version 1.
            self._by_schema[*event.name, ""] = event
        if event.upgrade is not None:
            self.upgrades[body] = event.upgrade

    def find(self, topic: str, ce_type: str, dataschema: str) -> Event | None:
        """Return the version that a record's headers name; an empty `dataschema` is version 1."""
        return self._by_schema.get((topic, ce_type, dataschema))

    def versions(self, topic: str, ce_type: str) -> Sequence[int]:
        """Return the known versions of an event, none if the topic has no such event."""
        return self._versions.get((topic, ce_type), ())

    def upgraded(self, body: Body) -> Body:
        """Return the body in its event's newest version."""
        # Step by step: each new version needs one upgrade, not one from every older version.
        while (upgrade := self.upgrades.get(type(body))) is not None:
            body = upgrade(body)
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class _TopicEvents:
    """A topic, the services that read all of it, and its events with those that write them."""

    topic: Topic
    readers: tuple[str, ...]
    events: Mapping[type[Body], tuple[str, ...]]


_AUTH = ("auth",)
_UPLOADER = ("uploader",)
_PUBLISHER = ("publisher",)
_ANALYTICS = ("analytics",)
_TOKEN_READERS = ("uploader", "publisher", "analytics")

_TABLE = (
    _TopicEvents(
        topic=topics.POST_REQUESTS,
        readers=_UPLOADER,
        events={post.PostRequested: (PRODUCT_BACKENDS, "publisher")},
    ),
    _TopicEvents(
        topic=topics.POST_EVENTS,
        readers=("uploader", "publisher", "analytics", PRODUCT_BACKENDS),
        events={
            post.PostAccepted: _UPLOADER,
            post.PostDelayed: _UPLOADER,
            post.PostProgressed: _UPLOADER,
            post.PostUploaded: _UPLOADER,
            post.PostUnresolved: ("uploader", "publisher"),
            post.PostReturned: _PUBLISHER,
            post.PostPublished: _PUBLISHER,
            post.PostAvailable: _PUBLISHER,
            post.PostFailed: ("uploader", "publisher"),
            post.PostRequestConflict: _UPLOADER,
        },
    ),
    _TopicEvents(
        topic=topics.ACCOUNT_EVENTS,
        readers=("analytics", PRODUCT_BACKENDS),
        events={
            account.AccountConnected: _AUTH,
            account.AccountConnectRefused: _AUTH,
            account.AccountAtRisk: _AUTH,
            account.AccountReauthorizationRequired: _AUTH,
            account.AccountDisconnected: _AUTH,
        },
    ),
    _TopicEvents(
        topic=topics.AUTH_COMMANDS,
        readers=_AUTH,
        events={
            account.ConnectRequested: _AUTH,
            account.DisconnectRequested: _AUTH,
            account.TokenRejected: _TOKEN_READERS,
            account.TokenPairHandedOff: _AUTH,
            account.TokenPairResealed: _AUTH,
            tenant.TenantRequested: _AUTH,
            tenant.AppRequested: _AUTH,
            tenant.AppResealed: _AUTH,
            tenant.KeyRequested: _AUTH,
            tenant.KeyRevocationRequested: _AUTH,
        },
    ),
    _TopicEvents(topic=topics.TIKTOK_WEBHOOKS, readers=_AUTH, events={tiktok.TikTokNotified: _PUBLISHER}),
    _TopicEvents(topic=topics.AUDIT_EVENTS, readers=(OPERATORS,), events={audit.AuditRecorded: _AUTH}),
    _TopicEvents(
        topic=topics.AUTH_CREDENTIALS,
        readers=("auth", *_TOKEN_READERS),
        events={account.CredentialIssued: _AUTH, account.CredentialWithdrawn: _AUTH},
    ),
    _TopicEvents(
        topic=topics.AUTH_ACCOUNTS,
        readers=("auth", "uploader", "publisher"),
        events={account.AccountDescribed: _AUTH, account.AccountForgotten: _AUTH},
    ),
    _TopicEvents(topic=topics.AUTH_TENANTS, readers=_AUTH, events={tenant.TenantDescribed: _AUTH}),
    _TopicEvents(
        topic=topics.AUTH_API_KEYS,
        readers=("auth", "publisher", "analytics"),
        events={tenant.ApiKeyIssued: _AUTH, tenant.ApiKeyRevoked: _AUTH},
    ),
    _TopicEvents(
        topic=topics.METRICS_EVENTS,
        readers=("analytics", PRODUCT_BACKENDS),
        events={metrics.MetricsCollected: _ANALYTICS},
    ),
)

UPGRADES: Mapping[type[Body], Callable[[Any], Body]] = {}
"""How a body of an older version becomes one of the next. Every event is at version 1 today."""

REGISTRY = Registry(
    (
        Event(body=body, writers=writers, upgrade=UPGRADES.get(body))
        for row in _TABLE
        for body, writers in row.events.items()
    ),
    # Product backends may write plain JSON, so a request needs no CloudEvents headers.
    bare_types={topics.POST_REQUESTS.name: post.PostRequested.ce_type},
)

BODIES: tuple[type[Body], ...] = tuple(event.body for event in REGISTRY.events)

READERS: Mapping[Topic, tuple[str, ...]] = {
    **{row.topic: row.readers for row in _TABLE},
    **{topics.state_topic(service): (service,) for service in SERVICES},
    **{topics.dead_letters(service): (OPERATORS,) for service in SERVICES},
}
"""Who reads a topic. A reader decodes every event on it, also those it has no use for."""

_WRITERS: Mapping[type[Body], tuple[str, ...]] = {event.body: event.writers for event in REGISTRY.events}


def bodies_on(topic: Topic) -> tuple[type[Body], ...]:
    """List the events of a topic, in the order of the registry."""
    return tuple(body for body in BODIES if body.topic == topic)


def keyed_by(topic: Topic) -> str:
    """Name the field, or each of the fields, that a topic's records are keyed by."""
    names = dict.fromkeys(body.keyed_by for body in bodies_on(topic))
    return " or ".join(names) or AccountBody.keyed_by


def writers_of(body: type[Body]) -> tuple[str, ...]:
    """Name the writers of an event."""
    return _WRITERS[body]


def is_contract(topic: Topic) -> bool:
    """Whether a topic is part of the contract, rather than a service's own."""
    return topic in CONTRACT
