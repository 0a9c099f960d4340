"""Who sends which event and who reads which topic: what the bodies alone do not tell, for the generated documents."""

from collections.abc import Mapping

from common.contract.account import ConnectRequested, DisconnectRequested, GrantSalvaged, PairResealed, TokenRejected
from common.contract.body import AccountBody, Body
from common.contract.codec import BODIES
from common.contract.post import (
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostRequestConflict,
    PostReturned,
    PostUnresolved,
    PostUploaded,
)
from common.contract.tenant import AppRequested, AppResealed, KeyRequested, KeyRevocationRequested, TenantRequested
from common.contract.topics import (
    ACCOUNT_EVENTS,
    AUDIT_EVENTS,
    AUTH_ACCOUNTS,
    AUTH_API_KEYS,
    AUTH_COMMANDS,
    AUTH_CREDENTIALS,
    AUTH_TENANTS,
    CONTRACT,
    METRICS_EVENTS,
    POST_EVENTS,
    POST_REQUESTS,
    SERVICES,
    TIKTOK_WEBHOOKS,
    Topic,
    dead_letters,
    state_topic,
)

PRODUCT_BACKENDS = "product backends"

READERS: Mapping[Topic, tuple[str, ...]] = {
    POST_REQUESTS: ("uploader",),
    POST_EVENTS: ("uploader", "publisher", "analytics", PRODUCT_BACKENDS),
    ACCOUNT_EVENTS: ("analytics", PRODUCT_BACKENDS),
    AUTH_COMMANDS: ("auth",),
    TIKTOK_WEBHOOKS: ("auth",),
    METRICS_EVENTS: ("analytics", PRODUCT_BACKENDS),
    AUTH_CREDENTIALS: ("auth", "uploader", "publisher", "analytics"),
    AUTH_ACCOUNTS: ("auth", "uploader", "publisher", "analytics"),
    AUTH_TENANTS: ("auth",),
    AUTH_API_KEYS: ("auth", "publisher", "analytics"),
    AUDIT_EVENTS: ("operators",),
    **{state_topic(service): (service,) for service in SERVICES},
    **{dead_letters(service): ("operators",) for service in SERVICES},
}

_SENDERS: Mapping[type[Body], tuple[str, ...]] = {
    PostAccepted: ("uploader",),
    PostDelayed: ("uploader",),
    PostProgressed: ("uploader",),
    PostUploaded: ("uploader",),
    PostUnresolved: ("uploader", "publisher"),
    PostReturned: ("publisher",),
    PostPublished: ("publisher",),
    PostAvailable: ("publisher",),
    PostFailed: ("uploader", "publisher"),
    PostRequestConflict: ("uploader",),
    TokenRejected: ("uploader", "publisher", "analytics"),
    **dict.fromkeys(
        (
            ConnectRequested,
            DisconnectRequested,
            GrantSalvaged,
            PairResealed,
            TenantRequested,
            AppRequested,
            AppResealed,
            KeyRequested,
            KeyRevocationRequested,
        ),
        ("auth",),
    ),
}

CLOUDEVENTS_HEADERS: Mapping[str, str] = {
    "ce_specversion": "Always 1.0.",
    "ce_id": "Names this record; a record sent twice keeps it.",
    "ce_type": "What the event is, such as `post.requested`.",
    "ce_source": "Who wrote it.",
    "ce_subject": "The post's id for events about posts, else the account's.",
    "ce_time": "When it was written, RFC 3339 with an offset.",
    "content-type": "Always application/json.",
    "traceparent": "W3C Trace Context; carried through every event that follows from this one.",
}
REQUIRED_HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source")
DEAD_LETTER_HEADERS: Mapping[str, str] = {
    "dlq_reason": "Why the record could not be read.",
    "dlq_topic": "The topic it came from.",
    "dlq_partition": "The partition it came from.",
    "dlq_offset": "Its offset there.",
    "dlq_size": "Bytes its value has; only where that was too large, and this is its beginning.",
}
REQUIRED_DEAD_LETTER_HEADERS = ("dlq_reason", "dlq_topic", "dlq_partition", "dlq_offset")


def bodies_on(topic: Topic) -> tuple[type[Body], ...]:
    """List the events of a topic, in the contract's order."""
    return tuple(body for body in BODIES if body.topic == topic)


def keyed_by(topic: Topic) -> str:
    """Name the field that a topic's records are keyed by, or each of them."""
    names = dict.fromkeys(body.keyed_by for body in bodies_on(topic))
    return " or ".join(names) or AccountBody.keyed_by


def senders_of(body: type[Body]) -> tuple[str, ...]:
    """Name who writes an event: every writer of its topic, where only some of them do not."""
    return _SENDERS.get(body, body.topic.writers)


def is_contract(topic: Topic) -> bool:
    """Whether a topic is part of the contract, rather than a service's own."""
    return topic in CONTRACT
