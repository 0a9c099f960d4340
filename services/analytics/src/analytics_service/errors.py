"""What can go wrong in analytics.

Errors:
    AnalyticsError
    ├── InvalidAges         the collecting schedule in the settings cannot be read: fix it and start again
    ├── NotACursor          a client's `after` was not made here: it has to send a `next` of ours, unchanged
    ├── StoreUnavailable    MongoDB did not do what was asked: try again later, every write may be repeated
    ├── Unstorable          MongoDB cannot hold what a record says: only that change is passed over, loudly
    └── UnreadableRecord    a record of our own that this version cannot read: its partition stops, loudly
"""

from common.streams import Record


class AnalyticsError(Exception):
    """Analytics could not do what it is for."""


class InvalidAges(AnalyticsError, ValueError):
    """The collecting schedule cannot be read."""

    def __init__(self, text: str) -> None:
        """Quote what was given."""
        super().__init__(f"ages rise and look like `1m,5m,1h,1d`, not `{text}`")


class NotACursor(AnalyticsError, ValueError):
    """A text that should be a cursor was not made here."""

    def __init__(self) -> None:
        """Say what it has to be."""
        super().__init__("has to be the `next` of an earlier answer about this post, unchanged")


class StoreUnavailable(AnalyticsError):
    """MongoDB cannot be reached, or refused for now."""

    def __init__(self, cause: Exception) -> None:
        """Name the kind of fault; its text may quote documents, so it stays in the cause."""
        super().__init__(f"the store did not do it: {type(cause).__name__}")


class Unstorable(AnalyticsError):
    """Among what was to be written is something MongoDB cannot hold, however often it is tried."""

    def __init__(self, cause: Exception) -> None:
        """Name the kind of fault; its text may quote documents, so it stays in the cause."""
        super().__init__(f"the store cannot hold it: {type(cause).__name__}")


class UnreadableRecord(AnalyticsError):
    """A record of our own contract that cannot be read. Passing over it would lose a part of a post's story."""

    def __init__(self, record: Record) -> None:
        """Say where it lies."""
        where = f"{record.topic_partition.topic}/{record.topic_partition.partition} at {record.offset}"
        super().__init__(f"cannot read the record in {where}; deploy a version that can, then this partition goes on")
