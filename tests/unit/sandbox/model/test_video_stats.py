"""Statistics that only grow."""

from itertools import pairwise

import pytest

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model.publications import Post, PublicPeriod
from tiktok_sandbox.model.video_stats import video_stats
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"


@pytest.mark.parametrize("what", ["view_count", "like_count", "comment_count", "share_count"])
def test_stats_only_grow_and_ever_more_slowly(what: str) -> None:
    post = Post(
        post_id=7_600_000_000_000_000_019, privacy_level="x", posted_at=0.0, public_periods=(PublicPeriod(since=100.0),)
    )
    days = [video_stats(post, 100.0 + day * 86_400)[what] for day in range(400)]
    steps = [later - earlier for earlier, later in pairwise(days)]

    assert video_stats(post, 100.0)[what] == 0
    assert video_stats(post, 0.0)[what] == 0
    assert min(steps) >= 0
    assert steps[0] > 4 * steps[10] > 0
    assert days[-1] < 2**31


async def test_stats_grow_and_never_shrink(connected: SandboxClient, clock: Clock) -> None:
    await connected.post_video(CONTENT)
    clock.advance(2)
    [post] = (await connected.ledger())["posts"]
    seen = []
    for _ in range(5):
        clock.advance(30)
        seen += (await connected.videos(post["post_id"])).json()["data"]["videos"]

    views = [each["view_count"] for each in seen]
    assert views == sorted(set(views))
    assert {(each["id"], each["create_time"]) for each in seen} == {(post["post_id"], int(post["public_at"]))}
