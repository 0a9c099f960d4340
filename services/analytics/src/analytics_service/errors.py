"""What can go wrong in analytics.

Errors:
    AnalyticsError
    ├── InvalidAges         the collecting schedule in the settings is wrong: correct it and start again
    ├── NotACursor          a client's `after` was not made here: it must be an unchanged `next` of ours
    ├── StoreUnavailable    MongoDB does not answer or refuses for now: repeat the call, every write may be repeated
    ├── Unstorable          MongoDB cannot hold a change: that change alone is skipped, logged and counted
    └── UnreadableRecord    a record of our own that this version cannot read: the process ends and names it
"""

from common.streams import Record


class AnalyticsError(Exception):
    """Base of the errors of analytics."""


class InvalidAges(AnalyticsError, ValueError):
    """The collecting schedule is wrong."""

    def __init__(self, text: str) -> None:
        """Quote the text."""
        super().__init__(f"not a schedule of ages: `{text}`. Ages have to rise and look like `1m,5m,1h,1d`.")


class NotACursor(AnalyticsError, ValueError):
    """A text that is given as a cursor was not made here."""

    def __init__(self) -> None:
        """State what it has to be."""
        super().__init__("has to be the unchanged `next` of an earlier answer about this post")


class StoreUnavailable(AnalyticsError):
    """MongoDB does not answer, or refuses for now."""

    def __init__(self, cause: Exception) -> None:
        """Name the kind of error. Its text may quote documents, so it stays in the cause."""
        super().__init__(f"MongoDB did not carry the call out: {type(cause).__name__}.")


class Unstorable(AnalyticsError):
    """MongoDB cannot hold one of the changes, so repeating the write would fail forever."""

    def __init__(self, cause: Exception) -> None:
        """Name the kind of error. Its text may quote documents, so it stays in the cause."""
        super().__init__(f"MongoDB cannot hold the change: {type(cause).__name__}.")


class UnreadableRecord(AnalyticsError):
    """A record of our own contract cannot be read. Skipping it would lose an event of a post for good."""

    def __init__(self, record: Record) -> None:
        """Name its topic, partition and offset."""
        where = f"{record.topic_partition.topic}/{record.topic_partition.partition} at {record.offset}"
        super().__init__(f"Cannot read the record in {where}. Deploy a version that can; the partition then continues.")
