"""The topics of the contract: who writes each, and how Kafka keeps it."""

from dataclasses import dataclass
from datetime import timedelta

DEFAULT_PARTITIONS = 24
"""Partitions of every keyed topic. Fixed for a cluster's life: a key's partition depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One Kafka topic. `retention` of None keeps the newest record of each key for ever (compaction)."""

    name: str
    purpose: str
    writers: tuple[str, ...]
    retention: timedelta | None = timedelta(days=7)
    from_outside: bool = False

    @property
    def compacted(self) -> bool:
        """Whether Kafka keeps only the newest record of each key."""
        return self.retention is None


POST_REQUESTS = Topic(
    name="post.requests",
    purpose="What product backends want posted.",
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
    purpose="Accounts connected, at risk, in need of their person, disconnected.",
    writers=("auth",),
    retention=timedelta(days=30),
)
AUTH_COMMANDS = Topic(
    name="auth.commands",
    purpose="What people asked of auth, and tokens that TikTok refused.",
    writers=("auth", "uploader", "publisher", "analytics"),
)
TIKTOK_WEBHOOKS = Topic(
    name="tiktok.webhooks",
    purpose="What TikTok told our webhook about an account, its signature checked.",
    writers=("publisher",),
)
AUDIT_EVENTS = Topic(
    name="audit.events",
    purpose="Who connected, disconnected, created or revoked what.",
    writers=("auth",),
    retention=timedelta(days=400),
)
METRICS_EVENTS = Topic(
    name="metrics.events",
    purpose="A video's numbers, each time they were collected.",
    writers=("analytics",),
    retention=timedelta(days=30),
)
AUTH_CREDENTIALS = Topic(
    name="auth.credentials",
    purpose="View: the newest access token of each account, sealed to each service.",
    writers=("auth",),
    retention=None,
)
AUTH_ACCOUNTS = Topic(
    name="auth.accounts",
    purpose="View: which tenant and which TikTok user an account is.",
    writers=("auth",),
    retention=None,
)
AUTH_TENANTS = Topic(
    name="auth.tenants",
    purpose="View: the tenants, each with where its people may be sent back to and its own TikTok app.",
    writers=("auth",),
    retention=None,
)
AUTH_API_KEYS = Topic(
    name="auth.api_keys",
    purpose="View: the API keys, as hashes, with what each may do and until when.",
    writers=("auth",),
    retention=None,
)

SERVICES = ("auth", "uploader", "publisher", "analytics")


def state_topic(service: str) -> Topic:
    """Name a service's own state; nobody else reads it."""
    return Topic(name=f"{service}.state", purpose=f"State of {service}.", writers=(service,), retention=None)


def dead_letters(service: str) -> Topic:
    """Name where a service puts outside input it could not read, with why and where it came from."""
    return Topic(
        name=f"{service}.dead_letters",
        purpose=f"Outside input that {service} could not read, with why.",
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
ALL_TOPICS = (*CONTRACT, *(state_topic(name) for name in SERVICES), *(dead_letters(name) for name in SERVICES))
