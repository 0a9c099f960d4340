"""Analytics' own metrics. Labels come from enums and topic names, never from ids."""

from enum import StrEnum

from prometheus_client import Counter


class CollectionResult(StrEnum):
    """How a call for a post's statistics ended."""

    COLLECTED = "collected"
    NOT_VISIBLE = "not_visible"
    REFUSED = "refused"
    RETRYABLE_FAILURE = "retryable_failure"
    CREDENTIAL_REJECTED = "credential_rejected"
    NO_CREDENTIAL = "no_credential"


COLLECTIONS = Counter(
    "analytics_collections_total",
    "Calls for a post's statistics, by result.",
    ["result"],
)
PROJECTED = Counter(
    "analytics_projected_records_total",
    "Records written to MongoDB. After a crash a few are written and counted again.",
    ["topic"],
)
UNSTORABLE = Counter(
    "analytics_unstorable_changes_total",
    "Changes that MongoDB cannot hold and that were skipped. If it rises, the read side lacks something: see the log.",
    ["topic"],
)
PROJECTOR_RETRIES = Counter(
    "analytics_projector_retries_total",
    "Calls to MongoDB or Kafka that the projector repeated. If it rises steadily, one of them is down.",
)
