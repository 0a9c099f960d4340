"""The uploader's own numbers. The runtime counts facts, commits and lag; these are about sources and TikTok."""

from enum import StrEnum

from prometheus_client import Counter, Histogram


class EffectKind(StrEnum):
    """What was done in the outside world."""

    PROBE = "probe"
    CREATOR = "ask_creator"
    INIT = "init"
    CHUNK = "send_chunk"
    STATUS = "ask_status"


class EffectOutcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    SOURCE = "source_failed"
    NO_CREDENTIAL = "no_credential"
    UNREADABLE = "unreadable_url"
    TAKEN_OVER = "taken_over"


EFFECTS = Counter(
    "uploader_effects_total", "Effects that ended, by kind and by how they ended.", labelnames=("effect", "outcome")
)
BYTES = Counter("uploader_stored_bytes_total", "Bytes of chunks that TikTok said it stored.")
CHUNK_SECONDS = Histogram(
    "uploader_chunk_seconds",
    "How long one chunk took from the first byte read to TikTok's answer, whatever it was.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
