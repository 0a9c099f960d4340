"""The tables at the demo's end show events with their details, and samples by age."""

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from stack.demo import tables
from stack.demo.read_api import MetricSample, TimelineEvent

AT = datetime(2026, 1, 1, tzinfo=UTC)


def rendered(table: Table) -> str:
    output = io.StringIO()
    Console(file=output, width=200).print(table)
    return output.getvalue()


def test_timeline_counts_from_its_first_event() -> None:
    events = [
        TimelineEvent(type="post.accepted", at=AT),
        TimelineEvent(
            type="post.available",
            at=AT + timedelta(seconds=2.5),
            details={"video_ids": ["1", "2"], "attempt": 1, "hidden": "x"},
        ),
    ]
    text = rendered(tables.timeline(events))
    assert "0.0 s" in text
    assert "2.5 s" in text
    assert "attempt 1, video_ids 1 2" in text
    assert "hidden" not in text


def test_metrics_show_counts_with_separators() -> None:
    sample = MetricSample(
        video_id="7", at=AT, age_seconds=4, view_count=12_345, like_count=6, comment_count=7, share_count=8
    )
    text = rendered(tables.metrics([sample]))
    assert "4 s" in text
    assert "12,345" in text
