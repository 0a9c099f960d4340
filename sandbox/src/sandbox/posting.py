"""A direct post from init to being public: what init accepts, and what status tells at any moment."""

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct, structs

from sandbox.answers import Answer, done, failed
from sandbox.chunks import ChunkLimits, ChunkPlan, why_refused
from sandbox.creators import Creator, why_blocked
from sandbox.settings import Delays

LONGEST_TITLE: Final = 2_200
DAY_SECONDS: Final = 86_400.0
PUBLIC: Final = "PUBLIC_TO_EVERYONE"


class PostInfo(Struct, frozen=True, kw_only=True):
    """What the creator chose."""

    title: str = ""
    privacy_level: str = ""
    disable_comment: bool = False
    disable_duet: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    video_cover_timestamp_ms: int = 0


class SourceInfo(Struct, frozen=True, kw_only=True):
    """Where the bytes come from; sizes belong to FILE_UPLOAD."""

    source: str
    video_size: int = 0
    chunk_size: int = 0
    total_chunk_count: int = 0
    video_url: str = ""


class VideoInit(Struct, frozen=True, kw_only=True):
    """The body of video/init."""

    post_info: PostInfo
    source_info: SourceInfo


class Wanted(Struct, frozen=True, kw_only=True):
    """An init that passed every check."""

    post_info: PostInfo
    plan: ChunkPlan


class Arrival(Struct, frozen=True, kw_only=True):
    """What became of the bytes once all of them were there; moments may lie ahead."""

    received_at: float
    decided_at: float
    public_at: float
    sha256: str
    fail_reason: str = ""


class Publication(Struct, frozen=True, kw_only=True):
    """One accepted init and everything that came of it."""

    publish_id: str
    post_id: int
    open_id: str
    post_info: PostInfo
    plan: ChunkPlan
    delays: Delays
    inited_at: float
    uploaded_bytes: int = 0
    arrival: Arrival | None = None


class StatusCode(StrEnum):
    """What status/fetch can say about a direct post by file upload."""

    PROCESSING_UPLOAD = "PROCESSING_UPLOAD"
    PUBLISH_COMPLETE = "PUBLISH_COMPLETE"
    FAILED = "FAILED"


def read_init(
    body: bytes, creator: Creator, *, audited: bool, posts_today: int, limits: ChunkLimits
) -> Wanted | Answer:
    """Check an init: its shape first, then its source, then whether this creator may post like this now."""
    try:
        asked = msgspec.json.decode(body, type=VideoInit)
    except msgspec.MsgspecError:
        return failed("invalid_params", "The request post info or source info is empty or incorrect")
    source = asked.source_info
    plan = ChunkPlan(size=source.video_size, chunk_size=source.chunk_size, count=source.total_chunk_count)
    refusal = _refuse_source(source, plan, limits) or _refuse_post(
        asked.post_info, creator, audited=audited, posts_today=posts_today
    )
    return refusal or Wanted(post_info=asked.post_info, plan=plan)


def _refuse_source(source: SourceInfo, plan: ChunkPlan, limits: ChunkLimits) -> Answer | None:
    match source.source:
        case "FILE_UPLOAD":
            message = why_refused(plan, limits)
            return failed("invalid_params", message) if message else None
        case "PULL_FROM_URL":
            return failed("url_ownership_unverified")
        case _:
            return failed("invalid_params", "The request source info is empty or incorrect")


def _refuse_post(info: PostInfo, creator: Creator, *, audited: bool, posts_today: int) -> Answer | None:
    if _utf16_units(info.title) > LONGEST_TITLE:
        return failed("invalid_params", "The title is too long")
    blocked = why_blocked(creator, posts_today)
    if blocked:
        return failed(blocked)
    if not audited and not (creator.profile.private_account and info.privacy_level == "SELF_ONLY"):
        return failed("unaudited_client_can_only_post_to_private_accounts")
    if info.privacy_level not in creator.privacy_levels:
        return failed("privacy_level_option_mismatch")
    return None


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def title_of(body: bytes) -> str | None:
    """The title an init asks for, read leniently: rules look at it before the init is judged."""
    try:
        return msgspec.json.decode(body, type=VideoInit).post_info.title
    except msgspec.MsgspecError:
        return None


def grown(publication: Publication, uploaded_bytes: int) -> Publication:
    """One more chunk is stored."""
    return structs.replace(publication, uploaded_bytes=uploaded_bytes)


def arrived(publication: Publication, sha256: str, fail_reason: str, now: float) -> Publication:
    """Every byte is there; the verdict follows after the delays, however often anyone asks."""
    decided_at = now + publication.delays.processing
    arrival = Arrival(
        received_at=now,
        decided_at=decided_at,
        public_at=decided_at + publication.delays.public,
        sha256=sha256,
        fail_reason=fail_reason,
    )
    return structs.replace(publication, uploaded_bytes=publication.plan.size, arrival=arrival)


def status_code(publication: Publication, now: float) -> StatusCode:
    """Where a publication stands."""
    arrival = publication.arrival
    if arrival is None or now < arrival.decided_at:
        return StatusCode.PROCESSING_UPLOAD
    return StatusCode.FAILED if arrival.fail_reason else StatusCode.PUBLISH_COMPLETE


def is_public(publication: Publication, now: float) -> bool:
    """Whether everyone can see the post, so that its id is told and its numbers grow."""
    arrival = publication.arrival
    if arrival is None or arrival.fail_reason or publication.post_info.privacy_level != PUBLIC:
        return False
    return now >= arrival.public_at


def answer_status(publication: Publication, now: float) -> Answer:
    """What status/fetch tells; the misspelt key and ids as JSON numbers are TikTok's."""
    code = status_code(publication, now)
    data: dict[str, object] = {"status": code.value, "uploaded_bytes": publication.uploaded_bytes}
    if code is StatusCode.FAILED and publication.arrival is not None:
        data["fail_reason"] = publication.arrival.fail_reason
    if is_public(publication, now):
        data["publicaly_available_post_id"] = [publication.post_id]
    return done(data)


def posts_of_last_day(publications: dict[str, Publication], open_id: str, now: float) -> int:
    """How many posts count against the daily cap: of the last day, with all bytes arrived and not failed."""
    return sum(
        1
        for each in publications.values()
        if each.open_id == open_id
        and each.arrival is not None
        and not each.arrival.fail_reason
        and each.arrival.received_at > now - DAY_SECONDS
    )
