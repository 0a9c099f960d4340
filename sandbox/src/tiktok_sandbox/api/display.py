"""The Display API: a person's profile, and public posts with their statistics."""

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from tiktok_sandbox.model.answers import Answer, error, success
from tiktok_sandbox.model.creators import Creator
from tiktok_sandbox.model.identifiers import union_id_of
from tiktok_sandbox.model.publications import Post, Publication, public_posts
from tiktok_sandbox.model.video_stats import public_since, video_stats

MAX_IDS: Final = 20
MAX_PAGE_SIZE: Final = 20
DEFAULT_PAGE_SIZE: Final = 10
MAX_DISPLAY_TITLE: Final = 150
INVALID_FIELDS: Final = "Fields is not set correctly"

_FIELDS_OF_SCOPE: Final = {
    "user.info.basic": {
        "open_id",
        "union_id",
        "avatar_url",
        "avatar_url_100",
        "avatar_large_url",
        "display_name",
    },
    "user.info.profile": {"bio_description", "profile_deep_link", "profile_web_link", "username", "is_verified"},
    "user.info.stats": {"follower_count", "following_count", "likes_count", "video_count"},
}


VIDEO_FIELDS: Final = frozenset(
    {
        "id",
        "create_time",
        "cover_image_url",
        "share_url",
        "video_description",
        "duration",
        "height",
        "width",
        "title",
        "embed_html",
        "embed_link",
        "like_count",
        "comment_count",
        "share_count",
        "view_count",
    }
)


class VideoFilters(Struct, frozen=True, kw_only=True):
    """The ids of the requested posts."""

    video_ids: list[str]


class VideoQuery(Struct, frozen=True, kw_only=True):
    """The body of video/query."""

    filters: VideoFilters


class VideoList(Struct, frozen=True, kw_only=True):
    """The body of video/list: posts from before `cursor`, a time in milliseconds."""

    cursor: int | None = None
    max_count: Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_PAGE_SIZE


def _fields(requested_fields: str) -> list[str]:
    return [field for field in requested_fields.split(",") if field]


def user_info(
    publications: Iterable[Publication],
    creator: Creator,
    *,
    scopes: tuple[str, ...],
    requested_fields: str,
    base_url: str,
    now: float,
) -> Answer:
    """Answer user/info with the requested fields.

    One field outside the granted scopes fails the whole call.
    """
    person = _profile_fields(creator, _public(publications, now), base_url, now)
    fields = _fields(requested_fields)
    if not fields or not set(fields) <= set(person):
        return error("invalid_params", INVALID_FIELDS)
    # Every granted scope adds its fields; the scopes of posting have none.
    allowed = set[str]().union(*(_FIELDS_OF_SCOPE.get(scope, set()) for scope in scopes))
    # Unknown fields were refused above, so what is missing here is a scope.
    if not set(fields) <= allowed:
        return error("scope_not_authorized")
    return success({"user": {field: person[field] for field in fields}})


def _public(publications: Iterable[Publication], now: float) -> list[tuple[Publication, Post]]:
    return [(each, post) for each in publications for post in public_posts(each, now)]


def _profile_fields(
    creator: Creator, shown: list[tuple[Publication, Post]], base_url: str, now: float
) -> dict[str, object]:
    """Return every field of user/info; the caller selects."""
    username = creator.profile.username
    return {
        "open_id": creator.open_id,
        "union_id": union_id_of(username),
        "avatar_url": avatar_url(base_url, username),
        "avatar_url_100": avatar_url(base_url, username),
        "avatar_large_url": avatar_url(base_url, username),
        "display_name": creator.nickname,
        "bio_description": creator.profile.bio_description,
        "profile_deep_link": f"{base_url}/@{quote(username)}",
        "profile_web_link": f"{base_url}/@{quote(username)}",
        "username": username,
        "is_verified": creator.profile.is_verified,
        "follower_count": creator.profile.follower_count,
        "following_count": creator.profile.following_count,
        "likes_count": sum(video_stats(post, now)["like_count"] for _, post in shown),
        "video_count": len(shown),
    }


def query_videos(
    publications: Iterable[Publication],
    creator: Creator,
    *,
    body: bytes,
    requested_fields: str,
    base_url: str,
    now: float,
) -> Answer:
    """Answer video/query with those requested posts that are public.

    Posts of other people and posts that are not public are left out without an error.
    """
    try:
        query = msgspec.json.decode(body, type=VideoQuery).filters.video_ids
    except msgspec.MsgspecError:
        return error("invalid_params", "The request body is incorrect")
    if len(query) > MAX_IDS:
        return error("invalid_params", "Too many video ids")
    fields = _fields(requested_fields)
    if not fields or not set(fields) <= VIDEO_FIELDS:
        return error("invalid_params", INVALID_FIELDS)
    public = {str(post.post_id): (each, post) for each, post in _public(publications, now)}
    # `dict.fromkeys`: an id that is asked for twice is answered once.
    found = [public[video_id] for video_id in dict.fromkeys(query) if video_id in public]
    videos = [video(each, post, creator, base_url, now) for each, post in found]
    return success({"videos": _select_fields(fields, videos), "cursor": 0, "has_more": False})


def _select_fields(fields: list[str], videos: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{field: each[field] for field in fields} for each in videos]


def list_videos(
    publications: Iterable[Publication],
    creator: Creator,
    *,
    body: bytes,
    requested_fields: str,
    base_url: str,
    now: float,
) -> Answer:
    """Answer video/list with a page of public posts, newest first.

    `cursor` is where the next page begins.
    """
    try:
        query = msgspec.json.decode(body or b"{}", type=VideoList)
    except msgspec.MsgspecError:
        return error("invalid_params", "The request body is incorrect")
    fields = _fields(requested_fields)
    if not fields or not set(fields) <= VIDEO_FIELDS:
        return error("invalid_params", INVALID_FIELDS)
    before = [each for each in _newest_first(publications, now) if query.cursor is None or each[0] < query.cursor]
    page = list(islice(before, query.max_count))
    videos = [video(each, post, creator, base_url, now) for _, each, post in page]
    # An empty page keeps the cursor, so that a client can ask again later.
    cursor = page[-1][0] if page else query.cursor or 0
    return success({"videos": _select_fields(fields, videos), "cursor": cursor, "has_more": len(before) > len(page)})


def _newest_first(publications: Iterable[Publication], now: float) -> list[tuple[int, Publication, Post]]:
    """Return the public posts with the millisecond of each, newest first.

    Two posts never share a millisecond: a page that ended between them would skip one.
    """
    dated: list[tuple[int, Publication, Post]] = []
    for each, post in sorted(
        _public(publications, now), key=lambda found: (public_since(found[1], now), found[1].post_id)
    ):
        milliseconds = int(public_since(post, now) * 1_000)
        dated.append((max(milliseconds, dated[-1][0] + 1) if dated else milliseconds, each, post))
    return dated[::-1]


def avatar_url(base_url: str, username: str) -> str:
    """Return the URL of a person's picture."""
    return f"{base_url}/avatar/{quote(username)}.svg"


def video(publication: Publication, post: Post, creator: Creator, base_url: str, now: float) -> dict[str, object]:
    """Return a public post as the Display API shows it.

    The file is not decoded, so length and size are constants.
    """
    post_id, username = str(post.post_id), quote(creator.profile.username)
    embed = f"{base_url}/embed/{post_id}"
    return {
        "id": post_id,
        "create_time": int(public_since(post, now)),
        "cover_image_url": f"{base_url}/cover/{post_id}.svg",
        "share_url": f"{base_url}/@{username}/video/{post_id}?utm_campaign=tt4d_open_api",
        "video_description": publication.post_info.title[:MAX_DISPLAY_TITLE],
        "duration": 15,
        "height": 1920,
        "width": 1080,
        "title": publication.post_info.title[:MAX_DISPLAY_TITLE],
        "embed_html": f'<iframe src="{embed}"></iframe>',
        "embed_link": embed,
        **video_stats(post, now),
    }
