"""The Display API: a person's profile, and public posts with numbers that grow as they age."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from sandbox.answers import Answer, done, failed
from sandbox.creators import Creator
from sandbox.posting import Post, Publication, shown_posts

MOST_IDS: Final = 20
SHORTENED: Final = 150

_FIELDS_OF_SCOPE: Final = {
    "user.info.basic": {
        "open_id",
        "union_id",
        "avatar_url",
        "avatar_url_100",
        "avatar_large_url",
        "display_name",
    },
    "user.info.profile": {"bio_description", "profile_deep_link", "username", "is_verified"},
    "user.info.stats": {"follower_count", "following_count", "likes_count", "video_count"},
}


class VideoFilters(Struct, frozen=True, kw_only=True):
    """Which posts are asked for."""

    video_ids: list[str]


class VideoQuery(Struct, frozen=True, kw_only=True):
    """The body of video/query."""

    filters: VideoFilters


def _fields(asked: str) -> list[str]:
    return [field for field in asked.split(",") if field]


def user_info(creator: Creator, scopes: tuple[str, ...], asked: str, videos: int, base_url: str) -> Answer:
    """The asked fields; one field outside the granted scopes fails the whole call."""
    person = _person(creator, videos, base_url)
    fields = _fields(asked)
    if not fields or not set(fields) <= set(person):
        return failed("invalid_params", "Fields is not set correctly")
    allowed = set[str]().union(*(_FIELDS_OF_SCOPE.get(scope, set()) for scope in scopes))
    if not set(fields) <= allowed:
        return failed("scope_not_authorized")
    return done({"user": {field: person[field] for field in fields}})


def _person(creator: Creator, videos: int, base_url: str) -> dict[str, object]:
    username = creator.profile.username
    avatar = f"{base_url}/avatar/{username}.jpg"
    return {
        "open_id": creator.open_id,
        "union_id": creator.open_id[::-1],
        "avatar_url": avatar,
        "avatar_url_100": avatar,
        "avatar_large_url": avatar,
        "display_name": creator.nickname,
        "bio_description": "",
        "profile_deep_link": f"{base_url}/@{username}",
        "username": username,
        "is_verified": False,
        "follower_count": 1_000,
        "following_count": 10,
        "likes_count": 0,
        "video_count": videos,
    }


def query_videos(
    publications: Iterable[Publication], creator: Creator, *, body: bytes, asked: str, base_url: str, now: float
) -> Answer:
    """The asked posts that are public and this person's own; others are left out in silence."""
    fields = _fields(asked)
    try:
        wanted = msgspec.json.decode(body, type=VideoQuery).filters.video_ids
    except msgspec.MsgspecError:
        return failed("invalid_params", "The request body is incorrect")
    if len(wanted) > MOST_IDS:
        return failed("invalid_params", "Too many video ids")
    videos = {
        str(post.post_id): video(each, post, creator, base_url, now)
        for each in publications
        for post in shown_posts(each, now)
    }
    if not fields or not set(fields) <= VIDEO_FIELDS:
        return failed("invalid_params", "Fields is not set correctly")
    found = [videos[video_id] for video_id in dict.fromkeys(wanted) if video_id in videos]
    return done(
        {"videos": [{field: each[field] for field in fields} for each in found], "cursor": 0, "has_more": False}
    )


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


def video(publication: Publication, post: Post, creator: Creator, base_url: str, now: float) -> dict[str, object]:
    """A public post as the Display API shows it; nobody has looked into the file, so its dimensions are made up."""
    post_id = str(post.post_id)
    public_at = post.public_at or now
    embed = f"{base_url}/embed/{post_id}"
    return {
        "id": post_id,
        "create_time": int(public_at),
        "cover_image_url": f"{base_url}/cover/{post_id}.jpg",
        "share_url": f"{base_url}/@{creator.profile.username}/video/{post_id}?utm_campaign=tt4d_open_api",
        "video_description": publication.post_info.title[:SHORTENED],
        "duration": 15,
        "height": 1920,
        "width": 1080,
        "title": publication.post_info.title[:SHORTENED],
        "embed_html": f'<iframe src="{embed}"></iframe>',
        "embed_link": embed,
        **_numbers(post.post_id, now - public_at),
    }


def _numbers(post_id: int, age: float) -> dict[str, object]:
    """Totals that depend on the post and its age alone, so they never shrink and a restart changes nothing."""
    popularity = 10 + post_id % 41
    views = int(popularity * max(age, 0.0) ** 0.9)
    return {
        "view_count": views,
        "like_count": views // 9,
        "comment_count": views // 80,
        "share_count": views // 50,
    }
