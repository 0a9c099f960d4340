"""What the demo found, what of it must hold, and its last line."""

from collections.abc import Iterator
from typing import Final

import msgspec

KILLS: Final = 2
AGES: Final = 2


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """A `kill -9`: whom it hit, what share of the bytes had arrived at TikTok, and whether that was all of them."""

    service: str
    pid: int
    share: float
    complete: bool


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is judged, and a few figures worth knowing."""

    posts_at_tiktok: int
    sha256_equal: bool
    kills: tuple[Kill, ...]
    post_published_events: int
    ages_collected: int
    dead_inits: int
    bytes: int
    bytes_broken_off: int


def faults(found: Findings) -> Iterator[str]:
    """Say what does not hold, in sentences; nothing when all is well."""
    if found.posts_at_tiktok != 1:
        yield f"TikTok posted it {found.posts_at_tiktok} times, not once"
    if not found.sha256_equal:
        yield "the bytes that TikTok has are not those of the file"
    if len(found.kills) != KILLS:
        yield f"there were {len(found.kills)} kills, not {KILLS}"
    yield from (
        f"the {kill.service} was killed at {kill.share:.0%} of the bytes"
        for kill in found.kills
        if kill.complete is (kill.service == "uploader")
    )
    if not found.bytes_broken_off:
        yield "no chunk broke off, so the uploader was not killed amid one"
    if found.post_published_events != 1:
        yield f"post.published was there {found.post_published_events} times, not once"
    if found.ages_collected < AGES:
        yield f"numbers were stored at {found.ages_collected} ages, not at {AGES} or more"


def result_line(found: Findings, *, seconds: float) -> str:
    """The last line: for programs, in one line."""
    result = {
        "posts_at_tiktok": found.posts_at_tiktok,
        "sha256_equal": found.sha256_equal,
        "kills": len(found.kills),
        "killed": {kill.service: f"{kill.share:.0%}" for kill in found.kills},
        "post_published_events": found.post_published_events,
        "ages_collected": found.ages_collected,
        "dead_inits": found.dead_inits,
        "bytes": found.bytes,
        "bytes_broken_off": found.bytes_broken_off,
        "seconds": round(seconds, 1),
    }
    return "RESULT " + msgspec.json.format(msgspec.json.encode(result), indent=0).decode()
