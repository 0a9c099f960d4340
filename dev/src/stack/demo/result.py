"""The demo's result: measurements, promises that do not hold, the last line."""

from collections.abc import Iterator
from typing import Final

import msgspec

KILLS: Final = 2
AGES: Final = 2


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """One `kill -9` of a service.

    `share` is the part of the bytes that TikTok had by then; `complete` means all of them.
    """

    service: str
    pid: int
    share: float
    complete: bool


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo measured. Only `dead_inits` and `bytes` are not checked."""

    posts_at_tiktok: int
    sha256_equal: bool
    kills: tuple[Kill, ...]
    post_published_events: int
    ages_collected: int
    dead_inits: int
    bytes: int
    bytes_discarded: int


def violations(result: DemoResult) -> Iterator[str]:
    """Describe each promise that does not hold; nothing if all hold."""
    if result.posts_at_tiktok != 1:
        yield f"TikTok published it {result.posts_at_tiktok} times, not once"
    if not result.sha256_equal:
        yield "the bytes at TikTok differ from the bytes of the file"
    if len(result.kills) != KILLS:
        yield f"there were {len(result.kills)} kills, not {KILLS}"
    # The uploader has to die before the last byte, the publisher after it: else the kill shows nothing.
    yield from (
        f"the {kill.service} was killed at {kill.share:.0%} of the bytes"
        for kill in result.kills
        if kill.complete is (kill.service == "uploader")
    )
    if not result.bytes_discarded:
        yield "no chunk broke off, so the uploader was not killed within one"
    if result.post_published_events != 1:
        yield f"post.published came {result.post_published_events} times, not once"
    if result.ages_collected < AGES:
        yield f"metrics were stored at {result.ages_collected} ages, not at {AGES} or more"


def result_line(result: DemoResult, *, seconds: float) -> str:
    """Return the last line: JSON for programs, without a line break."""
    fields = {
        "posts_at_tiktok": result.posts_at_tiktok,
        "sha256_equal": result.sha256_equal,
        "kills": len(result.kills),
        "killed": {kill.service: f"{kill.share:.0%}" for kill in result.kills},
        "post_published_events": result.post_published_events,
        "ages_collected": result.ages_collected,
        "dead_inits": result.dead_inits,
        "bytes": result.bytes,
        "bytes_discarded": result.bytes_discarded,
        "seconds": round(seconds, 1),
    }
    # indent=0 keeps spaces after commas and colons, but no line breaks.
    return "RESULT " + msgspec.json.format(msgspec.json.encode(fields), indent=0).decode()
