"""What analytics counts. Labels come from enums and topic names, never from ids."""

from enum import StrEnum

from prometheus_client import Counter


class Outcome(StrEnum):
    """What came of asking TikTok for a post's numbers."""

    COLLECTED = "collected"
    NOT_LISTED = "not_listed"
    REFUSED = "refused"
    UNSETTLED = "unsettled"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - an outcome's name
    NO_CREDENTIAL = "no_credential"


COLLECTIONS = Counter(
    "analytics_collections_total",
    "Calls for a post's numbers, by what came of them.",
    ["outcome"],
)
PROJECTED = Counter(
    "analytics_projected_records_total",
    "Records written to the store; after a crash a few are written and counted again.",
    ["topic"],
)
UNSTORABLE = Counter(
    "analytics_unstorable_changes_total",
    "Changes the store cannot hold and that were passed over. Any: the read side lacks something; see the log.",
    ["topic"],
)
PROJECTOR_RETRIES = Counter(
    "analytics_projector_retries_total",
    "Calls to MongoDB or Kafka that the projector had to make again. Rising steadily: one of them is down.",
)
