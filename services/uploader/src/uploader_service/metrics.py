"""The uploader's metrics about sources and TikTok. The runtime counts facts, commits and lag."""

from enum import StrEnum

from prometheus_client import Counter, Histogram


class EffectKind(StrEnum):
    """Which effect was carried out."""

    PROBE = "probe_source"
    CREATOR = "query_creator"
    INIT = "init"
    CHUNK = "send_chunk"
    STATUS = "query_status"


class ResultKind(StrEnum):
    """How the effect ended."""

    DONE = "done"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    SOURCE = "source_failed"
    NO_CREDENTIAL = "no_credential"
    UNREADABLE = "unreadable_url"
    TAKEN_OVER = "taken_over"


EFFECTS = Counter("uploader_effects_total", "Effects that ended, by kind and result.", labelnames=("effect", "result"))
BYTES = Counter("uploader_stored_bytes_total", "Bytes of chunks that TikTok confirmed as stored.")
CHUNK_SECONDS = Histogram(
    "uploader_chunk_seconds",
    "Seconds per chunk, from the first byte read at the source to TikTok's answer of any kind.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
