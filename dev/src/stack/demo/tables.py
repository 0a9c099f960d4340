"""Tables at the end of the demo: the post's timeline, and its metrics."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.table import Table

from stack.demo.read_api import MetricSample, TimelineEvent

SHOWN_DETAILS: Final = ("reason", "message", "attempt", "bytes_total", "video_ids")


def timeline(events: Sequence[TimelineEvent]) -> Table:
    """Lay out a post's timeline; times count from its first line."""
    table = Table(title="Timeline, from the analytics API", title_justify="left")
    table.add_column("after", justify="right")
    table.add_column("at")
    table.add_column("event")
    table.add_column("details")
    for event in events:
        after = (event.at - events[0].at).total_seconds()
        table.add_row(f"{after:.1f} s", _clock(event.at), event.type, _details(event))
    return table


def metrics(samples: Sequence[MetricSample]) -> Table:
    """Lay out a video's metrics by its age."""
    table = Table(title="Metrics, from the analytics API", title_justify="left")
    table.add_column("video")
    for name in ("age", "views", "likes", "comments", "shares"):
        table.add_column(name, justify="right")
    for sample in samples:
        counts = (sample.view_count, sample.like_count, sample.comment_count, sample.share_count)
        table.add_row(sample.video_id, f"{sample.age_seconds} s", *(f"{count:,}" for count in counts))
    return table


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _details(event: TimelineEvent) -> str:
    present = {name: event.details[name] for name in SHOWN_DETAILS if event.details.get(name)}
    return ", ".join(f"{name} {_plain(value)}" for name, value in present.items())


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
