"""What a request may ask for, before anything is done about it. Every refusal names field, value and limit."""

from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from common.clock import UtcDatetime
from common.contract.post import MAX_SCHEDULE_AHEAD, PostRequested, PrivacyLevel
from tiktok.limits import TITLE_UTF16_UNITS

OLDEST = timedelta(days=7)
"""Requests are remembered for longer than this, so that a replay cannot outlive the memory."""

DEFAULT_VALIDITY = timedelta(hours=24)


def fault_of(request: PostRequested, now: UtcDatetime) -> str | None:
    """What no source, creator or moment could put right."""
    units = len(request.caption.encode("utf-16-le", errors="surrogatepass")) // 2
    if units > TITLE_UTF16_UNITS:
        return f"caption: it has {units} UTF-16 code units, TikTok takes at most {TITLE_UTF16_UNITS}"
    if request.brand_content and request.privacy_level is PrivacyLevel.SELF_ONLY:
        return "privacy_level: branded content cannot be set to SELF_ONLY"
    for name, time in (("publish_at", request.publish_at), ("not_after", request.not_after)):
        if time is not None and time > now + MAX_SCHEDULE_AHEAD:
            limit = f"at most {MAX_SCHEDULE_AHEAD.days} days ahead, {(now + MAX_SCHEDULE_AHEAD).isoformat()}"
            return f"{name}: {time.isoformat()} is too far ahead, a post's times lie {limit}"
    if request.publish_at is not None and request.not_after is not None and request.not_after < request.publish_at:
        return f"not_after: {request.not_after.isoformat()} is before publish_at, {request.publish_at.isoformat()}"
    return None


def creator_fault_of(
    request: PostRequested,
    *,
    privacy_levels: tuple[str, ...],
    comment_disabled: bool,
    duet_disabled: bool,
    stitch_disabled: bool,
) -> str | None:
    """What the creator's settings at TikTok do not allow now."""
    if request.privacy_level not in privacy_levels:
        return (
            f"privacy_level: {request.privacy_level} is not among what TikTok offers this creator now: "
            f"{', '.join(privacy_levels) or 'nothing'}"
        )
    asked = (
        ("allow_comment", request.allow_comment, comment_disabled),
        ("allow_duet", request.allow_duet, duet_disabled),
        ("allow_stitch", request.allow_stitch, stitch_disabled),
    )
    refused = [name for name, wanted, disabled in asked if wanted and disabled]
    return f"{refused[0]}: true, but the creator has switched this off at TikTok" if refused else None


def validity_of(request: PostRequested, now: UtcDatetime) -> UtcDatetime:
    """Until when the post may go out. A time that `fault_of` refuses as too far ahead counts as the farthest."""
    farthest = now + MAX_SCHEDULE_AHEAD
    if request.not_after is not None:
        return min(request.not_after, farthest)
    return min(request.publish_at or now, farthest) + DEFAULT_VALIDITY


def is_too_old(recorded_at: UtcDatetime | None, now: UtcDatetime) -> bool:
    """Whether the request may be older than what is remembered of finished posts."""
    return recorded_at is not None and now - recorded_at > OLDEST


def shown_source(url: str) -> str:
    """Name a source without what may be secret in its address: credentials, and the query, which may be a signature."""
    try:
        parts = urlsplit(url)
        place = parts.hostname
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return ""
    if not place:
        return ""  # credentials may stand anywhere in what is no address
    return urlunsplit((parts.scheme, f"[{place}]{port}" if ":" in place else f"{place}{port}", parts.path, "", ""))
