"""The bodies of the three inits: parsing, and the checks that need no state."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model.answers import Answer, error
from tiktok_sandbox.model.chunk_plan import ChunkLimits, ChunkPlan, plan_error
from tiktok_sandbox.model.publications import Medium, Mode, PostInfo, Source

MAX_TITLE_LENGTH: Final = 2_200
MAX_PHOTO_TITLE_LENGTH: Final = 90
MAX_DESCRIPTION_LENGTH: Final = 4_000
MAX_PHOTOS: Final = 35

INVALID_BODY: Final = "The request post info or source info is empty or incorrect"
INVALID_SOURCE: Final = "The request source info is empty or incorrect"
INVALID_KIND: Final = "Invalid media_type or post_mode"


class SourceInfo(Struct, frozen=True, kw_only=True):
    """Where the bytes come from. Sizes belong to FILE_UPLOAD, URLs to PULL_FROM_URL."""

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
    """The body of inbox/video/init. A caption in it is ignored."""

    source_info: SourceInfo


class ContentInit(Struct, frozen=True, kw_only=True):
    """The body of content/init."""

    media_type: str
    post_mode: str
    post_info: PostInfo
    source_info: SourceInfo
    is_aigc: bool = False


class InitRequest(Struct, frozen=True, kw_only=True):
    """A valid init of any of the three endpoints."""

    medium: Medium
    mode: Mode
    source: Source
    post_info: PostInfo
    plan: ChunkPlan = ChunkPlan(size=0, chunk_size=0, count=0)
    urls: tuple[str, ...] = ()
    cover_index: int = 0

    @property
    def is_draft(self) -> bool:
        """Whether it goes to the creator's inbox."""
        return self.mode is Mode.MEDIA_UPLOAD


class InitPreview(Struct, frozen=True, kw_only=True):
    """The parts of an init that rules and scopes look at."""

    title: str | None = None
    post_mode: str = ""


class _PreviewPostInfo(Struct, frozen=True, kw_only=True):
    title: str | None = None


class _PreviewBody(Struct, frozen=True, kw_only=True):
    post_mode: str = ""
    post_info: _PreviewPostInfo = _PreviewPostInfo()


def preview_init(body: bytes) -> InitPreview:
    """Read an init leniently: rules look at it before it is validated."""
    try:
        loose = msgspec.json.decode(body, type=_PreviewBody)
    except msgspec.MsgspecError:
        return InitPreview()
    return InitPreview(title=loose.post_info.title, post_mode=loose.post_mode)


def read_init(endpoint: Endpoint, body: bytes, limits: ChunkLimits, *, allow_http: bool) -> InitRequest | Answer:
    """Return the parsed body of any of the three inits, or its refusal."""
    try:
        request = _READERS[endpoint](body, limits)
    except msgspec.MsgspecError:
        return error("invalid_params", INVALID_BODY)
    if isinstance(request, Answer):
        return request
    # The setting exists for tests on one machine, where a file server has no certificate.
    schemes = {"https", "http"} if allow_http else {"https"}
    if not all(_host(url) and urlsplit(url).scheme in schemes for url in request.urls):
        return error("invalid_params", INVALID_SOURCE)
    return _text_error(request) or request


def _read_video(body: bytes, limits: ChunkLimits) -> InitRequest | Answer:
    parsed = msgspec.json.decode(body, type=VideoInit)
    return _video(parsed.source_info, Mode.DIRECT_POST, parsed.post_info, limits)


def _read_inbox(body: bytes, limits: ChunkLimits) -> InitRequest | Answer:
    parsed = msgspec.json.decode(body, type=InboxInit)
    return _video(parsed.source_info, Mode.MEDIA_UPLOAD, PostInfo(), limits)


def _video(source: SourceInfo, mode: Mode, info: PostInfo, limits: ChunkLimits) -> InitRequest | Answer:
    """Return the request of a video, uploaded or downloaded."""
    match source.source:
        case Source.FILE_UPLOAD:
            plan = ChunkPlan(size=source.video_size, chunk_size=source.chunk_size, count=source.total_chunk_count)
            message = plan_error(plan, limits)
            if message:
                return error("invalid_params", message)
            return InitRequest(medium=Medium.VIDEO, mode=mode, source=Source.FILE_UPLOAD, post_info=info, plan=plan)
        case Source.PULL_FROM_URL if source.video_url:
            pull, urls = Source.PULL_FROM_URL, (source.video_url,)
            return InitRequest(medium=Medium.VIDEO, mode=mode, source=pull, post_info=info, urls=urls)
        case _:
            return error("invalid_params", INVALID_SOURCE)


def _read_content(body: bytes, limits: ChunkLimits) -> InitRequest | Answer:  # noqa: ARG001 -- one signature for all
    """Return the request of photos, which TikTok only downloads."""
    parsed = msgspec.json.decode(body, type=ContentInit)
    if parsed.media_type != Medium.PHOTO or parsed.post_mode not in set(Mode):
        return error("invalid_params", INVALID_KIND)
    source, cover = parsed.source_info, parsed.source_info.photo_cover_index
    count = len(source.photo_images)
    if source.source != Source.PULL_FROM_URL or not 1 <= count <= MAX_PHOTOS:
        return error("invalid_params", INVALID_SOURCE)
    if cover is None or not 0 <= cover < count:
        return error("invalid_params", INVALID_SOURCE)
    is_aigc = parsed.is_aigc or parsed.post_info.is_aigc
    return InitRequest(
        medium=Medium.PHOTO,
        mode=Mode(parsed.post_mode),
        source=Source.PULL_FROM_URL,
        # Photos can be neither stitched nor made duets of.
        post_info=structs.replace(parsed.post_info, is_aigc=is_aigc, disable_duet=True, disable_stitch=True),
        urls=source.photo_images,
        cover_index=cover,
    )


_READERS: Final = {
    Endpoint.VIDEO_INIT: _read_video,
    Endpoint.INBOX_INIT: _read_inbox,
    Endpoint.CONTENT_INIT: _read_content,
}


def _text_error(request: InitRequest) -> Answer | None:
    """Return the refusal of a text that is too long, or None."""
    longest = MAX_TITLE_LENGTH if request.medium is Medium.VIDEO else MAX_PHOTO_TITLE_LENGTH
    if _utf16_units(request.post_info.title) > longest:
        return error("invalid_params", "The title is too long")
    if _utf16_units(request.post_info.description) > MAX_DESCRIPTION_LENGTH:
        return error("invalid_params", "The description is too long")
    return None


def _utf16_units(text: str) -> int:
    """Return the length as TikTok counts it: an emoji is two."""
    # A lone surrogate is valid JSON, and must be counted rather than fail the call.
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_verified_url(verified: tuple[str, ...], url: str) -> bool:
    """Return whether an app has verified the domain or prefix of this URL.

    A domain covers its subdomains and every path. A prefix covers what begins with exactly that text. An IP address
    cannot be verified.
    """
    host = _host(url)
    if _is_ip_address(host):
        return False
    for entry in verified:
        if "://" in entry:
            if url.startswith(entry):
                return True
        elif host == entry.lower() or host.endswith("." + entry.lower()):
            return True
    return False


def _is_ip_address(host: str) -> bool:
    """Return whether a host is an IP address, or looks like one to a URL parser."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # `127.1` and `0x7f.1` are addresses to many resolvers. No real domain ends in digits.
        return host.rpartition(".")[2].isdigit()
    return True
