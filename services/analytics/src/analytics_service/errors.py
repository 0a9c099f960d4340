"""What can go wrong in analytics.

Errors:
    AnalyticsError
    ├── InvalidAges         the collecting schedule in the settings cannot be read: fix it and start again
    ├── StoreUnavailable    MongoDB did not do what was asked: try again later, every write may be repeated
    └── UnreadableRecord    a record of our own that this version cannot read: its partition stops, loudly
"""

from common.streams.log import Record


class AnalyticsError(Exception):
    """Analytics could not do what it is for."""


class InvalidAges(AnalyticsError, ValueError):
    """The collecting schedule cannot be read."""

    def __init__(self, text: str) -> None:
        """Quote what was given."""
        super().__init__(f"ages rise and look like `1m,5m,1h,1d`, not `{text}`")


class StoreUnavailable(AnalyticsError):
    """MongoDB cannot be reached, or refused for now."""

    def __init__(self, cause: Exception) -> None:
        """Name the kind of fault; its text may quote documents, so it stays in the cause."""
        super().__init__(f"the store did not do it: {type(cause).__name__}")


class UnreadableRecord(AnalyticsError):
    """A record of our own contract that cannot be read. Passing over it would lose a part of a post's story."""

    def __init__(self, record: Record) -> None:
        """Say where it lies."""
        where = f"{record.slice.topic}/{record.slice.partition} at {record.offset}"
        super().__init__(f"cannot read the record in {where}; deploy a version that can, then this partition goes on")
