"""The publisher's own numbers. The runtime counts facts, commits and lag; these are about TikTok and the door."""

from enum import StrEnum

from prometheus_client import Counter


class PollOutcome(StrEnum):
    """How a question about a post ended."""

    PROCESSING = "processing"
    COMPLETE = "complete"
    FAILED = "failed"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    UNSETTLED = "unsettled"
    TOKEN_REJECTED = "token_rejected"  # noqa: S105 - an outcome's name, not a secret
    NO_CREDENTIAL = "no_credential"


class SubmissionOutcome(StrEnum):
    """How a request over HTTP ended, once its body was understood."""

    ACCEPTED = "accepted"
    NOT_READY = "not_ready"
    UNKNOWN_ACCOUNT = "unknown_account"
    WRONG_TENANT = "wrong_tenant"
    NOT_DURABLE = "not_durable"


UNDOCUMENTED = "undocumented"
"""The label of every word of TikTok's that its documentation does not hold: ids of strangers are no labels."""

POLLS = Counter(
    "publisher_polls_total",
    "Questions about posts put to TikTok, by how they ended.",
    ["outcome"],
)
FAILURES = Counter(
    "publisher_tiktok_failures_total",
    "Polls that found a post given up by TikTok, by its reason; `undocumented` needs a look at the table of reasons.",
    ["reason"],
)
UNRECOGNISED_STATUSES = Counter(
    "publisher_unrecognised_statuses_total",
    "Polls answered by a status that is not documented; taken for processing.",
)
SUBMISSIONS = Counter(
    "publisher_submissions_total",
    "Requests for posts over HTTP, by how they ended.",
    ["outcome"],
)
