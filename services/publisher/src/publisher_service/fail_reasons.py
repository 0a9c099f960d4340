"""What TikTok's reason for giving an attempt up means: may the uploader try again, and what to tell people."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What follows from a reason. `again`: the post goes back to the uploader, which decides when to try."""

    again: bool
    message: str


RULINGS: Mapping[str, Ruling] = {
    "file_format_check_failed": Ruling(
        again=False,
        message="TikTok does not take this file's format. It takes MP4, MOV and WebM.",
    ),
    "duration_check_failed": Ruling(
        again=False,
        message="TikTok does not take a video of this length from this creator.",
    ),
    "frame_rate_check_failed": Ruling(
        again=False,
        message="TikTok does not take this video's frame rate. It takes 23 to 60 frames a second.",
    ),
    "picture_size_check_failed": Ruling(
        again=False,
        message="TikTok does not take this picture size. Each side has to have 360 to 4096 pixels.",
    ),
    "internal": Ruling(
        again=True,
        message="Something went wrong inside TikTok while it processed the video.",
    ),
    "video_pull_failed": Ruling(
        again=True,
        message="TikTok could not fetch the video from its address.",
    ),
    "photo_pull_failed": Ruling(
        again=True,
        message="TikTok could not fetch the photos from their addresses.",
    ),
    "publish_cancelled": Ruling(
        again=False,
        message="The post was cancelled at TikTok before it went out.",
    ),
    "auth_removed": Ruling(
        again=False,
        message="The creator withdrew the permission to post meanwhile. The account has to be connected again.",
    ),
    "spam_risk_too_many_posts": Ruling(
        again=True,
        message="The creator has reached TikTok's limit of posts within 24 hours, counted over all apps.",
    ),
    "spam_risk_user_banned_from_posting": Ruling(
        again=False,
        message="TikTok has barred this creator from posting.",
    ),
    "spam_risk_text": Ruling(
        again=False,
        message="TikTok considers the caption risky or spam. Change it before asking again.",
    ),
    "spam_risk": Ruling(
        again=False,
        message="TikTok considers the post risky or spam.",
    ),
}
"""Every reason TikTok documents (status/fetch and webhooks, September 2026)."""


def ruling(fail_reason: str) -> Ruling:
    """Look the reason up. One that nobody documented is final: trying again on a guess may do harm."""
    known = RULINGS.get(fail_reason)
    if known is not None:
        return known
    return Ruling(again=False, message="TikTok gave the post up for a reason it does not document.")


def no_verdict(*, refused: bool) -> str:
    """Say to people why a post is unresolved."""
    if refused:
        return "TikTok does not say what became of the post. It may be out: look at the account before asking again."
    return "TikTok has not decided about the post within 24 hours. It may still go out: do not ask again."
