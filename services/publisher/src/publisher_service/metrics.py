"""The publisher's own numbers. The runtime counts facts, commits and lag; these are about TikTok and the door."""

from enum import StrEnum

from prometheus_client import Counter

from tiktok.webhooks import Event


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


ACCEPTED = "accepted"
"""The label of requests that were written down; the others are counted by the code of their problem."""


class Verdict(StrEnum):
    """What became of something that came to TikTok's webhook."""

    WRITTEN = "written"
    NO_PERSON = "no_person"
    OFF = "off"
    NOT_GENUINE = "not_genuine"
    STALE = "stale"
    UNREADABLE = "unreadable"
    ANOTHER_APP = "another_app"
    NOT_DURABLE = "not_durable"


UNREAD = "unread"
"""The label of what was refused before anybody looked at which event it is."""
OTHER = "other"
"""The label of every event that TikTok does not document."""
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
    "Understood requests for posts over HTTP: `accepted`, or the code of the problem they were answered with.",
    ["outcome"],
)
WEBHOOKS = Counter(
    "publisher_webhooks_total",
    "What came to TikTok's webhook, by event and by what became of it; `written` is on `tiktok.webhooks`.",
    ["event", "verdict"],
)


def label_of(event: str) -> str:
    """Give an event's label: its name where TikTok documents it."""
    return event if event in tuple(Event) else OTHER
