"""Statistics of a public post, which grow with its age."""

from math import log1p
from typing import Final

from tiktok_sandbox.model.publications import Post

GROWTH_SLOWS_AFTER_SECONDS: Final = 21_600.0


def public_since(post: Post, now: float) -> float:
    """Return when everyone could first see the post, or `now` if it is not public yet."""
    return now if post.public_at is None else post.public_at


def video_stats(post: Post, now: float) -> dict[str, int]:
    """Return totals that depend only on the post and its age.

    They never shrink, and a restart changes nothing. Views grow steadily in the first hours and ever more slowly
    after.
    """
    age = max(now - public_since(post, now), 0.0)
    # Posts differ, but the same post always has the same rate.
    per_second = 10 + post.post_id % 41
    views = int(per_second * GROWTH_SLOWS_AFTER_SECONDS * log1p(age / GROWTH_SLOWS_AFTER_SECONDS))
    return {
        "view_count": views,
        "like_count": views // 9,
        "comment_count": views // 80,
        "share_count": views // 50,
    }
