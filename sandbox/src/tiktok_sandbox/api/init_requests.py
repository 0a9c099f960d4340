"""What an init asks for: the three bodies, read strictly, and the checks that need no table."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model.answers import Answer, failed
from tiktok_sandbox.model.chunk_plan import ChunkLimits, ChunkPlan, why_refused
from tiktok_sandbox.model.publications import Medium, Mode, PostInfo, Source

LONGEST_TITLE: Final = 2_200
LONGEST_PHOTO_TITLE: Final = 90
LONGEST_DESCRIPTION: Final = 4_000
MOST_PHOTOS: Final = 35

BODY_WRONG: Final = "The request post info or source info is empty or incorrect"
SOURCE_WRONG: Final = "The request source info is empty or incorrect"
KIND_WRONG: Final = "Invalid media_type or post_mode"


class SourceInfo(Struct, frozen=True, kw_only=True):
    """Where the bytes come from; sizes belong to FILE_UPLOAD, addresses to PULL_FROM_URL."""

    source: str
    video_size: int = 0
    chunk_size: int = 0
    total_chunk_count: int = 0
    video_url: str = ""
    photo_images: tuple[str, ...] = ()
    photo_cover_index: int | None = None


class VideoInit(Struct, frozen=True, kw_only=True):
    """The body of video/init."""

    post_info: PostInfo
    source_info: SourceInfo


class InboxInit(Struct, frozen=True, kw_only=True):
    """The body of inbox/video/init; a caption sent along is for nobody."""

    source_info: SourceInfo


class ContentInit(Struct, frozen=True, kw_only=True):
    """The body of content/init."""

    media_type: str
    post_mode: str
    post_info: PostInfo
    source_info: SourceInfo
    is_aigc: bool = False


class Wanted(Struct, frozen=True, kw_only=True):
    """An init whose body is in order."""

    medium: Medium
    mode: Mode
    source: Source
    post_info: PostInfo
    plan: ChunkPlan = ChunkPlan(size=0, chunk_size=0, count=0)
    urls: tuple[str, ...] = ()
    cover_index: int = 0

    @property
    def is_draft(self) -> bool:
        """Whether it goes to the inbox."""
        return self.mode is Mode.MEDIA_UPLOAD


class AsksFor(Struct, frozen=True, kw_only=True):
    """As much of any init as rules and scopes look at."""

    title: str | None = None
    post_mode: str = ""


class _Titled(Struct, frozen=True, kw_only=True):
    title: str | None = None


class _Loose(Struct, frozen=True, kw_only=True):
    post_mode: str = ""
    post_info: _Titled = _Titled()


def asks_for(body: bytes) -> AsksFor:
    """Read an init leniently: rules look at it before it is judged."""
    try:
        loose = msgspec.json.decode(body, type=_Loose)
    except msgspec.MsgspecError:
        return AsksFor()
    return AsksFor(title=loose.post_info.title, post_mode=loose.post_mode)


def read_init(endpoint: Endpoint, body: bytes, limits: ChunkLimits, *, allow_http: bool) -> Wanted | Answer:
    """The body of any of the three inits, or how it is refused."""
    try:
        wanted = _READERS[endpoint](body, limits)
    except msgspec.MsgspecError:
        return failed("invalid_params", BODY_WRONG)
    if isinstance(wanted, Answer):
        return wanted
    schemes = {"https", "http"} if allow_http else {"https"}
    if not all(_host(url) and urlsplit(url).scheme in schemes for url in wanted.urls):
        return failed("invalid_params", SOURCE_WRONG)
    return _refuse_texts(wanted) or wanted


def _read_video(body: bytes, limits: ChunkLimits) -> Wanted | Answer:
    asked = msgspec.json.decode(body, type=VideoInit)
    return _video(asked.source_info, Mode.DIRECT_POST, asked.post_info, limits)


def _read_inbox(body: bytes, limits: ChunkLimits) -> Wanted | Answer:
    asked = msgspec.json.decode(body, type=InboxInit)
    return _video(asked.source_info, Mode.MEDIA_UPLOAD, PostInfo(), limits)


def _video(source: SourceInfo, mode: Mode, info: PostInfo, limits: ChunkLimits) -> Wanted | Answer:
    match source.source:
        case Source.FILE_UPLOAD:
            plan = ChunkPlan(size=source.video_size, chunk_size=source.chunk_size, count=source.total_chunk_count)
            message = why_refused(plan, limits)
            if message:
                return failed("invalid_params", message)
            return Wanted(medium=Medium.VIDEO, mode=mode, source=Source.FILE_UPLOAD, post_info=info, plan=plan)
        case Source.PULL_FROM_URL if source.video_url:
            pull, urls = Source.PULL_FROM_URL, (source.video_url,)
            return Wanted(medium=Medium.VIDEO, mode=mode, source=pull, post_info=info, urls=urls)
        case _:
            return failed("invalid_params", SOURCE_WRONG)


def _read_content(body: bytes, limits: ChunkLimits) -> Wanted | Answer:  # noqa: ARG001 -- one signature for all
    asked = msgspec.json.decode(body, type=ContentInit)
    if asked.media_type != Medium.PHOTO or asked.post_mode not in set(Mode):
        return failed("invalid_params", KIND_WRONG)
    source, cover = asked.source_info, asked.source_info.photo_cover_index
    count = len(source.photo_images)
    if source.source != Source.PULL_FROM_URL or not 1 <= count <= MOST_PHOTOS:
        return failed("invalid_params", SOURCE_WRONG)
    if cover is None or not 0 <= cover < count:
        return failed("invalid_params", SOURCE_WRONG)
    is_aigc = asked.is_aigc or asked.post_info.is_aigc
    return Wanted(
        medium=Medium.PHOTO,
        mode=Mode(asked.post_mode),
        source=Source.PULL_FROM_URL,
        # Photos can be neither stitched nor made duets of.
        post_info=structs.replace(asked.post_info, is_aigc=is_aigc, disable_duet=True, disable_stitch=True),
        urls=source.photo_images,
        cover_index=cover,
    )


_READERS: Final = {
    Endpoint.VIDEO_INIT: _read_video,
    Endpoint.INBOX_INIT: _read_inbox,
    Endpoint.CONTENT_INIT: _read_content,
}


def _refuse_texts(wanted: Wanted) -> Answer | None:
    longest = LONGEST_TITLE if wanted.medium is Medium.VIDEO else LONGEST_PHOTO_TITLE
    if _utf16_units(wanted.post_info.title) > longest:
        return failed("invalid_params", "The title is too long")
    if _utf16_units(wanted.post_info.description) > LONGEST_DESCRIPTION:
        return failed("invalid_params", "The description is too long")
    return None


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def owns(verified: tuple[str, ...], url: str) -> bool:
    """Whether an app has verified where this url points.

    A domain covers its subdomains and every path; a prefix covers what begins with exactly that text. An
    address of numbers cannot be verified.
    """
    host = _host(url)
    if _is_number(host):
        return False
    for known in verified:
        if "://" in known:
            if url.startswith(known):
                return True
        elif host == known.lower() or host.endswith("." + known.lower()):
            return True
    return False


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()
    return True
