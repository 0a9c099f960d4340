"""The topics of the contract: their writers, and how long Kafka keeps their records."""

from dataclasses import dataclass
from datetime import timedelta

DEFAULT_PARTITIONS = 24
"""Partitions of every keyed topic. Fixed for the life of a cluster, because a key's partition depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One Kafka topic. A `retention` of None keeps the newest record of each key for ever (compaction).

    `from_outside`: product backends write to it, so an unreadable record is a dead letter. On a topic of our own an
    unreadable record is a bug and stops the partition.
    """

    name: str
    purpose: str
    writers: tuple[str, ...]
    retention: timedelta | None = timedelta(days=7)
    from_outside: bool = False

    @property
    def compacted(self) -> bool:
        """Whether Kafka keeps only the newest record of each key."""
        return self.retention is None


# The only topic of the contract that is written outside, so the only one with dead letters.
POST_REQUESTS = Topic(
    name="post.requests",
    purpose="Requests for posts.",
    writers=("product backends", "publisher"),
    from_outside=True,
)
POST_EVENTS = Topic(
    name="post.events",
    purpose="Everything that happened to a post, in order.",
    writers=("uploader", "publisher"),
    retention=timedelta(days=30),
)
ACCOUNT_EVENTS = Topic(
    name="account.events",
    purpose="Accounts connected, at risk, in need of a new consent, disconnected.",
    writers=("auth",),
    retention=timedelta(days=30),
)
AUTH_COMMANDS = Topic(
    name="auth.commands",
    purpose="Commands to auth from its HTTP edge, and access tokens that TikTok refused.",
    # Any service that calls TikTok may find a token refused.
    writers=("auth", "uploader", "publisher", "analytics"),
)
TIKTOK_WEBHOOKS = Topic(
    name="tiktok.webhooks",
    purpose="TikTok's webhooks about accounts, their signatures checked.",
    writers=("publisher",),
)
AUDIT_EVENTS = Topic(
    name="audit.events",
    purpose="Every connection, disconnection, creation and revocation, with who did it.",
    writers=("auth",),
    retention=timedelta(days=400),
)
METRICS_EVENTS = Topic(
    name="metrics.events",
    purpose="A video's counters, each time they were collected.",
    writers=("analytics",),
    retention=timedelta(days=30),
)
# Views are compacted: a new reader finds the newest state of every key, however old it is.
AUTH_CREDENTIALS = Topic(
    name="auth.credentials",
    purpose="View: the newest access token of each account, sealed to each service.",
    writers=("auth",),
    retention=None,
)
AUTH_ACCOUNTS = Topic(
    name="auth.accounts",
    purpose="View: the tenant and the TikTok user of each account.",
    writers=("auth",),
    retention=None,
)
AUTH_TENANTS = Topic(
    name="auth.tenants",
    purpose="View: the tenants, each with its return URLs and its own TikTok app.",
    writers=("auth",),
    retention=None,
)
AUTH_API_KEYS = Topic(
    name="auth.api_keys",
    purpose="View: the API keys as hashes, each with its scopes and its expiry.",
    writers=("auth",),
    retention=None,
)

SERVICES = ("auth", "uploader", "publisher", "analytics")


def state_topic(service: str) -> Topic:
    """Return the topic of a service's own state. No other service reads it."""
    return Topic(name=f"{service}.state", purpose=f"State of {service}.", writers=(service,), retention=None)


def dead_letters(service: str) -> Topic:
    """Return the topic for records from outside that a service could not read, with origin and reason."""
    return Topic(
        name=f"{service}.dead_letters",
        purpose=f"Records from outside that {service} could not read, with the reason.",
        writers=(service,),
        retention=timedelta(days=30),
    )


CONTRACT = (
    POST_REQUESTS,
    POST_EVENTS,
    ACCOUNT_EVENTS,
    AUTH_COMMANDS,
    TIKTOK_WEBHOOKS,
    AUDIT_EVENTS,
    METRICS_EVENTS,
    AUTH_CREDENTIALS,
    AUTH_ACCOUNTS,
    AUTH_TENANTS,
    AUTH_API_KEYS,
)
# Also the topics of one service, since all of them are created and checked together.
ALL_TOPICS = (*CONTRACT, *(state_topic(name) for name in SERVICES), *(dead_letters(name) for name in SERVICES))
