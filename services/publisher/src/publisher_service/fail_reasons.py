"""The table of TikTok's fail reasons: whether another attempt is allowed, and the message for people.

A reason is retryable if the same video may pass on another attempt. Then the post goes back to the uploader, which
decides when to try. Add a row when `publisher_tiktok_failures_total{reason="undocumented"}` rises.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FailReason:
    """What a reason means for the post. `message` is shown to the tenant."""

    retryable: bool
    message: str


FAIL_REASONS: Mapping[str, FailReason] = {
    "file_format_check_failed": FailReason(
        retryable=False,
        message="TikTok does not accept this file format. Use MP4, MOV or WebM.",
    ),
    "duration_check_failed": FailReason(
        retryable=False,
        message="TikTok does not accept a video of this length from this creator. Use another length.",
    ),
    "frame_rate_check_failed": FailReason(
        retryable=False,
        message="TikTok does not accept this frame rate. Use 23 to 60 frames a second.",
    ),
    "picture_size_check_failed": FailReason(
        retryable=False,
        message="TikTok does not accept this picture size. Each side needs 360 to 4096 pixels.",
    ),
    "internal": FailReason(
        retryable=True,
        message="TikTok had an internal error while it processed the video.",
    ),
    # Postbus uploads every byte itself, so TikTok fetches nothing. Listed because the table is complete.
    "video_pull_failed": FailReason(
        retryable=True,
        message="TikTok could not fetch the video from its address.",
    ),
    "photo_pull_failed": FailReason(
        retryable=True,
        message="TikTok could not fetch the photos from their addresses.",
    ),
    "publish_cancelled": FailReason(
        retryable=False,
        message="The post was cancelled at TikTok before it went out.",
    ),
    "auth_removed": FailReason(
        retryable=False,
        message="The creator withdrew the permission to post. Connect the account again.",
    ),
    "spam_risk_too_many_posts": FailReason(
        retryable=True,
        message="The creator has reached TikTok's limit of posts within 24 hours, counted over all apps.",
    ),
    "spam_risk_user_banned_from_posting": FailReason(
        retryable=False,
        message="TikTok has barred this creator from posting.",
    ),
    "spam_risk_text": FailReason(
        retryable=False,
        message="TikTok considers the caption risky or spam. Change it before you request the post again.",
    ),
    "spam_risk": FailReason(
        retryable=False,
        message="TikTok considers the post risky or spam.",
    ),
}
"""Every reason that TikTok documents (`status/fetch` and webhooks, September 2026)."""


def lookup(fail_reason: str) -> FailReason:
    """Return what a reason means. An undocumented one is final: another attempt on a guess may do harm."""
    known = FAIL_REASONS.get(fail_reason)
    if known is not None:
        return known
    return FailReason(retryable=False, message="TikTok gave the post up for a reason that it does not document.")


def unresolved_message(*, refused: bool) -> str:
    """Return the message of `post.unresolved`: whether TikTok refused to answer, or has not decided."""
    if refused:
        return (
            "TikTok does not answer questions about this post. It may be out. Look at the account before you request "
            "it again."
        )
    return "TikTok has not decided about the post within 24 hours. It may still go out. Do not request it again."
