"""The publisher's own metrics. The runtime counts facts, commits and lag; these are about TikTok and the HTTP edge."""

from enum import StrEnum

from prometheus_client import Counter

from tiktok.webhooks import Event


class PollResult(StrEnum):
    """How a poll ended."""

    PROCESSING = "processing"
    COMPLETE = "complete"
    FAILED = "failed"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    RETRYABLE_FAILURE = "retryable_failure"
    CREDENTIAL_REJECTED = "credential_rejected"
    NO_CREDENTIAL = "no_credential"


ACCEPTED = "accepted"
"""The label of requests that were written to Kafka. The others are counted by the code of their problem."""


class WebhookResult(StrEnum):
    """What was done with a request to TikTok's webhook."""

    WRITTEN = "written"
    NO_PERSON = "no_person"
    OFF = "off"
    NOT_GENUINE = "not_genuine"
    STALE = "stale"
    UNREADABLE = "unreadable"
    ANOTHER_APP = "another_app"
    NOT_DURABLE = "not_durable"


UNREAD = "unread"
"""The label of requests that were refused before their event was read."""
OTHER = "other"
"""The label of every event that TikTok does not document."""
UNDOCUMENTED = "undocumented"
"""The label of every fail reason that TikTok does not document.

Labels come from fixed lists: text from outside would create a new time series with every value.
"""

POLLS = Counter(
    "publisher_polls_total",
    "Status calls about posts, by result.",
    ["result"],
)
FAILURES = Counter(
    "publisher_tiktok_failures_total",
    "Polls that found a post given up by TikTok, by its reason. `undocumented` rises: add the reason to the table.",
    ["reason"],
)
UNRECOGNISED_STATUSES = Counter(
    "publisher_unrecognised_statuses_total",
    "Polls answered with an undocumented status, which is treated as still processing.",
)
SUBMISSIONS = Counter(
    "publisher_submissions_total",
    "Valid requests for posts over HTTP, by result: `accepted`, or the code of the problem in the answer.",
    ["result"],
)
WEBHOOKS = Counter(
    "publisher_webhooks_total",
    "Requests to TikTok's webhook, by event and by result. Those with `written` are on `tiktok.webhooks`.",
    ["event", "result"],
)


def label_of(event: str) -> str:
    """Return an event's label: its name if TikTok documents it."""
    return event if event in tuple(Event) else OTHER
