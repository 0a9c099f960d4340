"""The end of the story as tables: what happened when, and the numbers."""

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from stack.demo.read_api import Happened, Numbers


def timeline(happened: Sequence[Happened]) -> Table:
    """Lay out a post's timeline; times count from its first line."""
    table = Table(title="Timeline, from the analytics API", title_justify="left")
    table.add_column("after", justify="right")
    table.add_column("at")
    table.add_column("event")
    table.add_column("details")
    for each in happened:
        after = (each.at - happened[0].at).total_seconds()
        table.add_row(f"{after:.1f} s", _clock(each.at), each.type, _in_words(each))
    return table


def numbers(series: Sequence[Numbers]) -> Table:
    """Lay out a video's numbers by its age."""
    table = Table(title="Numbers, from the analytics API", title_justify="left")
    table.add_column("video")
    for name in ("age", "views", "likes", "comments", "shares"):
        table.add_column(name, justify="right")
    for each in series:
        counts = (each.view_count, each.like_count, each.comment_count, each.share_count)
        table.add_row(each.video_id, f"{each.age_seconds} s", *(f"{count:,}" for count in counts))
    return table


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _in_words(happened: Happened) -> str:
    told = ("reason", "message", "attempt", "bytes_total", "video_ids")
    found = {name: happened.details[name] for name in told if happened.details.get(name)}
    return ", ".join(f"{name} {_plain(value)}" for name, value in found.items())


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
