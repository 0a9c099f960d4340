"""4: the profile, and public videos with their numbers."""

from typing import Any

from conformance.account import Account
from conformance.book import case
from conformance.place import FILES, PROCESSING, PUBLIC
from conformance.reply import has_keys, holds, refused, same
from conformance.stage import Stage
from conformance.wishes import EVERYONE, by_url, movie

_PROFILE = {
    "user.info.basic": ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"),
    "user.info.profile": ("bio_description", "profile_deep_link", "username", "is_verified"),
    "user.info.stats": ("follower_count", "following_count", "likes_count", "video_count"),
}
_VIDEO: dict[str, type] = {
    "id": str,
    "create_time": int,
    "cover_image_url": str,
    "share_url": str,
    "video_description": str,
    "duration": int,
    "height": int,
    "width": int,
    "title": str,
    "embed_html": str,
    "embed_link": str,
    "like_count": int,
    "comment_count": int,
    "share_count": int,
    "view_count": int,
}
COUNTS = ("like_count", "comment_count", "share_count", "view_count")


@case("4.1", "{scope} gives its fields", scope=_PROFILE)
def _(stage: Stage, scope: tuple[str, ...]) -> None:
    name = next(each for each, fields in _PROFILE.items() if fields == scope)
    has_keys(stage.account(scopes=[name]).user_info(*scope).data["user"], scope)


_OUTSIDE = {
    f"{field} with {granted} alone": (field, granted)
    for scope, fields in _PROFILE.items()
    for field in fields[:1]
    for granted in _PROFILE
    if granted != scope
}


@case("4.1", "a field outside the scopes fails the whole call: {field}", field=_OUTSIDE)
def _(stage: Stage, field: tuple[str, str]) -> None:
    own = _PROFILE[field[1]][0]
    refused(stage.account(scopes=[field[1]]).user_info(own, field[0]), 401, "scope_not_authorized")


@case("4.1", "only what is asked for comes back")
def _(stage: Stage) -> None:
    has_keys(stage.account().user_info("username", "open_id").data["user"], ["open_id", "username"])


@case("4.1", "fields cannot be {fields}", fields={"left out": None, "empty": "", "unknown": "open_id,shoe_size"})
def _(stage: Stage, fields: str | None) -> None:
    query = {} if fields is None else {"fields": fields}
    refused(stage.account().call("/v2/user/info/", method="GET", query=query), 400, "invalid_params")


@case("4.1", "the profile is the person's")
def _(stage: Stage) -> None:
    account = stage.account(nickname="A ✓", bio_description="Hello", is_verified=True, follower_count=7)
    found = account.user_info("open_id", "username", "display_name", "bio_description", "is_verified", "follower_count")
    same(
        found.data["user"],
        {
            "open_id": account.open_id,
            "username": account.username,
            "display_name": "A ✓",
            "bio_description": "Hello",
            "is_verified": True,
            "follower_count": 7,
        },
    )


@case("4.1", "texts are texts, counts are numbers, and verified is true or false")
def _(stage: Stage) -> None:
    fields = [field for each in _PROFILE.values() for field in each]
    user = stage.account().user_info(*fields).data["user"]
    for name in fields:
        kind = int if name.endswith("_count") else bool if name == "is_verified" else str
        same(type(user[name]).__name__, kind.__name__, name)


@case("4.1", "the same person has an open_id for each app and one union_id")
def _(stage: Stage) -> None:
    account = stage.account()
    elsewhere = stage.account(stage.app(), username=account.username)
    one, other = (each.user_info("open_id", "union_id").data["user"] for each in (account, elsewhere))
    holds(one["open_id"] != other["open_id"], "one open_id in two apps")
    same(one["union_id"], other["union_id"])


@case("4.1", "video_count and likes_count grow with public videos")
def _(stage: Stage) -> None:
    account = stage.account()
    same(account.user_info("video_count", "likes_count").data["user"], {"video_count": 0, "likes_count": 0})
    account.posted()
    account.posted(privacy_level="SELF_ONLY")
    stage.advance(7_000)
    user = account.again().user_info("video_count", "likes_count").data["user"]
    same(user["video_count"], 1)
    holds(user["likes_count"] > 0, "no likes after an hour")


@case("4.1", "{picture} can be had", picture=["avatar_url", "avatar_url_100", "avatar_large_url"])
def _(stage: Stage, picture: str) -> None:
    same(stage.place.send("GET", stage.account().user_info(picture).data["user"][picture]).status, 200)


def _posted(stage: Stage, account: Account, count: int) -> list[str]:
    """So many public videos, one moment after another; newest first."""
    found = []
    for _ in range(count):
        publish_id = account.again().uploaded()
        stage.advance(1)
        found.append(publish_id)
    stage.advance(PROCESSING + PUBLIC + 1)
    return [account.again().video_id(each) for each in reversed(found)]


def _ids(account: Account, **body: object) -> list[str]:
    return [each["id"] for each in account.again().videos(**body).data["videos"]]


@case("4.2", "somebody without videos has an empty list, and no more")
def _(stage: Stage) -> None:
    data = stage.account().videos().data
    same((data["videos"], data["has_more"]), ([], False))


@case("4.2", "a page has videos, cursor and has_more")
def _(stage: Stage) -> None:
    has_keys(stage.account().videos().data, ["videos", "cursor", "has_more"])


@case("4.2", "newest first")
def _(stage: Stage) -> None:
    account = stage.account()
    ids = _posted(stage, account, 3)
    same(_ids(account), ids)


@case("4.2", "a page has 10 videos unless said otherwise, 20 at most")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=99)
    ids = _posted(stage, account, 21)
    same(_ids(account), ids[:10])
    same(_ids(account, max_count=20), ids[:20])


@case("4.2", "pages follow one another without a gap or a repetition")
def _(stage: Stage) -> None:
    account = stage.account()
    ids = _posted(stage, account, 5)
    body: dict[str, int] = {"max_count": 2}
    found, pages = [], 0
    while pages < 5:
        data = account.again().videos(**body).data
        found += [each["id"] for each in data["videos"]]
        pages += 1
        if not data["has_more"]:
            break
        body = {"max_count": 2, "cursor": data["cursor"]}
    same((found, pages), (ids, 3))


@case("4.2", "the cursor is milliseconds, though create_time is seconds")
def _(stage: Stage) -> None:
    account = stage.account()
    _posted(stage, account, 2)
    data = account.again().videos("id", "create_time", max_count=1).data
    same(data["cursor"] // 1_000, data["videos"][0]["create_time"])


@case("4.2", "any moment may be the cursor: videos from before it")
def _(stage: Stage) -> None:
    account = stage.account()
    (old,) = _posted(stage, account, 1)
    between = int(stage.now() * 1_000)
    (new,) = _posted(stage, account, 1)
    same(_ids(account, cursor=between), [old])
    same(_ids(account), [new, old])
    same(_ids(account, cursor=0), [])


@case("4.2", "max_count {count} is invalid_params", count={"0": 0, "21": 21, "-1": -1, "as a text": "5"})
def _(stage: Stage, count: object) -> None:
    refused(stage.account().videos(max_count=count), 400, "invalid_params")


@case("4.2", "fields cannot be {fields}", fields={"left out": None, "empty": "", "unknown": "id,watch_time"})
def _(stage: Stage, fields: str | None) -> None:
    query = {} if fields is None else {"fields": fields}
    refused(stage.account().call("/v2/video/list/", {}, query=query), 400, "invalid_params")


@case("4.2", "fields in the body are not fields")
def _(stage: Stage) -> None:
    refused(stage.account().call("/v2/video/list/", {"fields": "id"}), 400, "invalid_params")


@case("4.2", "a body may be left out")
def _(stage: Stage) -> None:
    same(stage.account().call("/v2/video/list/?fields=id").code, "ok")


@case("4.2", "{level} posts are not listed", level=["SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS"])
def _(stage: Stage, level: str) -> None:
    account = stage.account()
    account.posted(privacy_level=level)
    same(_ids(account), [])


@case("4.2", "a post in moderation is not listed yet")
def _(stage: Stage) -> None:
    account = stage.account()
    account.processed()
    same(_ids(account), [])


@case("4.2", "a post that was taken down is not listed")
def _(stage: Stage) -> None:
    account = stage.account()
    stage.publication(account.posted(), "takedown")
    same(_ids(account), [])


@case("4.2", "another person's videos are not listed")
def _(stage: Stage) -> None:
    account = stage.account()
    account.posted()
    same(_ids(stage.account(account.app)), [])


@case("4.2", "videos that came through another app are the person's, too")
def _(stage: Stage) -> None:
    account = stage.account()
    account.posted()
    same(len(_ids(stage.account(stage.app(), username=account.username))), 1)


@case("4.2", "a fetched video and a posted draft are listed like others")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(verified_urls=[FILES]))
    account.fetched(account.init(by_url(stage.file(movie(90)))).data["publish_id"])
    stage.publication(account.processed(draft=True), "post", privacy_level=EVERYONE)
    stage.advance(PUBLIC + 1)
    same(len(_ids(account)), 2)


@case("4.3", "videos are found by id, and only those asked for")
def _(stage: Stage) -> None:
    account = stage.account()
    ids = _posted(stage, account, 3)
    same({each["id"] for each in account.again().query(ids[:2]).data["videos"]}, set(ids[:2]))


@case("4.3", "ids of other people, unknown ones and nonsense are left out in silence")
def _(stage: Stage) -> None:
    account = stage.account()
    own, other = _posted(stage, account, 1), _posted(stage, stage.account(account.app), 1)
    reply = account.again().query([*own, *other, "7600000000000000001", "nonsense"])
    same([each["id"] for each in reply.data["videos"]], own)


@case("4.3", "a video that is no longer public is not found")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.posted()
    video_id = account.video_id(publish_id)
    stage.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    same(account.query([video_id]).data["videos"], [])


@case("4.3", "20 ids are accepted")
def _(stage: Stage) -> None:
    same(stage.account().query([str(number) for number in range(20)]).code, "ok")


@case("4.3", "21 ids are invalid_params")
def _(stage: Stage) -> None:
    refused(stage.account().query([str(number) for number in range(21)]), 400, "invalid_params")


@case(
    "4.3",
    "{body} is invalid_params",
    body={
        "a body without filters": {},
        "filters without video_ids": {"filters": {}},
        "ids as numbers": {"filters": {"video_ids": [7600000000000000001]}},
        "a body that is no JSON": b"{",
    },
)
def _(stage: Stage, body: object) -> None:
    refused(stage.account().call("/v2/video/query/?fields=id", body), 400, "invalid_params")


@case("4.3", "fields cannot be {fields}", fields={"left out": None, "empty": "", "unknown": "id,watch_time"})
def _(stage: Stage, fields: str | None) -> None:
    query = {} if fields is None else {"fields": fields}
    body: dict[str, object] = {"filters": {"video_ids": []}}
    refused(stage.account().call("/v2/video/query/", body, query=query), 400, "invalid_params")


def _video(stage: Stage, account: Account, *fields: str, **post_info: Any) -> dict[str, object]:
    """A public video as the Display API shows it."""
    publish_id = account.posted(**post_info)
    (found,) = account.query([account.video_id(publish_id)], *(fields or tuple(_VIDEO))).data["videos"]
    return dict(found)


@case("4.4", "{field} is there, and of its kind", field=list(_VIDEO))
def _(stage: Stage, field: str) -> None:
    found = _video(stage, stage.account(), field)
    has_keys(found, [field])
    same(type(found[field]).__name__, _VIDEO[field].__name__)


@case("4.4", "title and description are cut after 150 characters")
def _(stage: Stage) -> None:
    found = _video(stage, stage.account(), "title", "video_description", title="b" * 151)
    same((found["title"], found["video_description"]), ("b" * 150, "b" * 150))


@case("4.4", "a shorter title comes back whole")
def _(stage: Stage) -> None:
    same(_video(stage, stage.account(), "title", title="Ein Ätna ✓")["title"], "Ein Ätna ✓")


@case("4.4", "{address} leads somewhere", address=["cover_image_url", "share_url", "embed_link"])
def _(stage: Stage, address: str) -> None:
    found = _video(stage, stage.account(), address)
    same(stage.place.send("GET", str(found[address])).status, 200)


@case("4.4", "create_time is when it became public, in seconds")
def _(stage: Stage) -> None:
    created = _video(stage, stage.account(), "create_time")["create_time"]
    assert isinstance(created, int)
    holds(0 <= stage.now() - created <= 5, f"{created}")


@case("4.4", "counts grow with time and never shrink")
def _(stage: Stage) -> None:
    account = stage.account()
    video_id = account.video_id(account.posted())
    found = []
    for seconds in (0, 600, 3_600, 86_400, 30 * 86_400):
        stage.advance(seconds)
        (video,) = account.again().query([video_id], *COUNTS).data["videos"]
        found.append([video[name] for name in COUNTS])
    series = list(zip(*found, strict=True))
    holds(all(list(each) == sorted(each) for each in series), f"{found}")
    holds(all(each[-1] > each[0] for each in series), f"{found}")


@case("4.4", "list and query agree about a video at the same moment")
def _(stage: Stage) -> None:
    account = stage.account()
    video_id = account.video_id(account.posted())
    fields = ("id", "title", "create_time", "share_url")
    same(account.videos(*fields).data["videos"], account.query([video_id], *fields).data["videos"])


@case("4.4", "there is no {field}", field=["watch_time", "average_watch_time", "reach", "saves"])
def _(stage: Stage, field: str) -> None:
    refused(stage.account().videos("id", field), 400, "invalid_params")
