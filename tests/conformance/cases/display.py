"""4: the profile, and public videos with their numbers."""

from typing import Any

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_refused
from conformance.request_bodies import EVERYONE, mp4_bytes, url_source
from conformance.sandbox_client import FILE_HOST, PROCESSING, PUBLIC
from conformance.scenario import Scenario

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
def _(scenario: Scenario, scope: tuple[str, ...]) -> None:
    name = next(each for each, fields in _PROFILE.items() if fields == scope)
    check_keys(scenario.account(scopes=[name]).user_info(*scope).data["user"], scope)


_OUTSIDE = {
    f"{field} with {granted} alone": (field, granted)
    for scope, fields in _PROFILE.items()
    for field in fields[:1]
    for granted in _PROFILE
    if granted != scope
}


@case("4.1", "a field outside the scopes fails the whole call: {field}", field=_OUTSIDE)
def _(scenario: Scenario, field: tuple[str, str]) -> None:
    own = _PROFILE[field[1]][0]
    check_refused(scenario.account(scopes=[field[1]]).user_info(own, field[0]), 401, "scope_not_authorized")


@case("4.1", "only what is asked for comes back")
def _(scenario: Scenario) -> None:
    check_keys(scenario.account().user_info("username", "open_id").data["user"], ["open_id", "username"])


@case("4.1", "fields cannot be {fields}", fields={"left out": None, "empty": "", "unknown": "open_id,shoe_size"})
def _(scenario: Scenario, fields: str | None) -> None:
    query = {} if fields is None else {"fields": fields}
    check_refused(scenario.account().call("/v2/user/info/", method="GET", query=query), 400, "invalid_params")


@case("4.1", "the profile is the person's")
def _(scenario: Scenario) -> None:
    account = scenario.account(nickname="A ✓", bio_description="Hello", is_verified=True, follower_count=7)
    found = account.user_info("open_id", "username", "display_name", "bio_description", "is_verified", "follower_count")
    check_equal(
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


@case("4.1", "texts are strings, counts numbers, is_verified a boolean")
def _(scenario: Scenario) -> None:
    fields = [field for each in _PROFILE.values() for field in each]
    user = scenario.account().user_info(*fields).data["user"]
    for name in fields:
        kind = int if name.endswith("_count") else bool if name == "is_verified" else str
        check_equal(type(user[name]).__name__, kind.__name__, name)


@case("4.1", "the same person has an open_id for each app and one union_id")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    elsewhere = scenario.account(scenario.app(), username=account.username)
    one, other = (each.user_info("open_id", "union_id").data["user"] for each in (account, elsewhere))
    check(one["open_id"] != other["open_id"], "one open_id in two apps")
    check_equal(one["union_id"], other["union_id"])


@case("4.1", "video_count and likes_count grow with public videos")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_equal(account.user_info("video_count", "likes_count").data["user"], {"video_count": 0, "likes_count": 0})
    account.post_publicly()
    account.post_publicly(privacy_level="SELF_ONLY")
    scenario.advance(7_000)
    user = account.with_new_token().user_info("video_count", "likes_count").data["user"]
    check_equal(user["video_count"], 1)
    check(user["likes_count"] > 0, "no likes after an hour")


@case("4.1", "{picture} can be had", picture=["avatar_url", "avatar_url_100", "avatar_large_url"])
def _(scenario: Scenario, picture: str) -> None:
    check_equal(scenario.sandbox.send("GET", scenario.account().user_info(picture).data["user"][picture]).status, 200)


def _posted(scenario: Scenario, account: Account, count: int) -> list[str]:
    """So many public videos, one moment after another; newest first."""
    found = []
    for _ in range(count):
        publish_id = account.with_new_token().upload_video()
        scenario.advance(1)
        found.append(publish_id)
    scenario.advance(PROCESSING + PUBLIC + 1)
    return [account.with_new_token().video_id(each) for each in reversed(found)]


def _ids(account: Account, **body: object) -> list[str]:
    return [each["id"] for each in account.with_new_token().videos(**body).data["videos"]]


@case("4.2", "a person without videos has an empty list")
def _(scenario: Scenario) -> None:
    data = scenario.account().videos().data
    check_equal((data["videos"], data["has_more"]), ([], False))


@case("4.2", "a page has videos, cursor and has_more")
def _(scenario: Scenario) -> None:
    check_keys(scenario.account().videos().data, ["videos", "cursor", "has_more"])


@case("4.2", "newest first")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    ids = _posted(scenario, account, 3)
    check_equal(_ids(account), ids)


@case("4.2", "a page has 10 videos unless said otherwise, 20 at most")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=99)
    ids = _posted(scenario, account, 21)
    check_equal(_ids(account), ids[:10])
    check_equal(_ids(account, max_count=20), ids[:20])


@case("4.2", "pages follow one another without a gap or a repetition")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    ids = _posted(scenario, account, 5)
    body: dict[str, int] = {"max_count": 2}
    found, pages = [], 0
    while pages < 5:
        data = account.with_new_token().videos(**body).data
        found += [each["id"] for each in data["videos"]]
        pages += 1
        if not data["has_more"]:
            break
        body = {"max_count": 2, "cursor": data["cursor"]}
    check_equal((found, pages), (ids, 3))


@case("4.2", "the cursor is milliseconds, though create_time is seconds")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    _posted(scenario, account, 2)
    data = account.with_new_token().videos("id", "create_time", max_count=1).data
    check_equal(data["cursor"] // 1_000, data["videos"][0]["create_time"])


@case("4.2", "any moment may be the cursor: videos from before it")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    (old,) = _posted(scenario, account, 1)
    between = int(scenario.now() * 1_000)
    (new,) = _posted(scenario, account, 1)
    check_equal(_ids(account, cursor=between), [old])
    check_equal(_ids(account), [new, old])
    check_equal(_ids(account, cursor=0), [])


@case("4.2", "max_count {count} is invalid_params", count={"0": 0, "21": 21, "-1": -1, "as a text": "5"})
def _(scenario: Scenario, count: object) -> None:
    check_refused(scenario.account().videos(max_count=count), 400, "invalid_params")


@case("4.2", "fields cannot be {fields}", fields={"left out": None, "empty": "", "unknown": "id,watch_time"})
def _(scenario: Scenario, fields: str | None) -> None:
    query = {} if fields is None else {"fields": fields}
    check_refused(scenario.account().call("/v2/video/list/", {}, query=query), 400, "invalid_params")


@case("4.2", "fields in the body are not fields")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account().call("/v2/video/list/", {"fields": "id"}), 400, "invalid_params")


@case("4.2", "a body may be left out")
def _(scenario: Scenario) -> None:
    check_equal(scenario.account().call("/v2/video/list/?fields=id").code, "ok")


@case("4.2", "{level} posts are not listed", level=["SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS"])
def _(scenario: Scenario, level: str) -> None:
    account = scenario.account()
    account.post_publicly(privacy_level=level)
    check_equal(_ids(account), [])


@case("4.2", "a post in moderation is not listed yet")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    account.upload_and_process()
    check_equal(_ids(account), [])


@case("4.2", "a post that was taken down is not listed")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    scenario.publication(account.post_publicly(), "takedown")
    check_equal(_ids(account), [])


@case("4.2", "another person's videos are not listed")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    account.post_publicly()
    check_equal(_ids(scenario.account(account.app)), [])


@case("4.2", "videos that came through another app are the person's, too")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    account.post_publicly()
    check_equal(len(_ids(scenario.account(scenario.app(), username=account.username))), 1)


@case("4.2", "a fetched video and a posted draft are listed like others")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(verified_urls=[FILE_HOST]))
    account.wait_for_download(account.init(url_source(scenario.file(mp4_bytes(90)))).data["publish_id"])
    scenario.publication(account.upload_and_process(draft=True), "post", privacy_level=EVERYONE)
    scenario.advance(PUBLIC + 1)
    check_equal(len(_ids(account)), 2)


@case("4.3", "videos are found by id, and only those asked for")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    ids = _posted(scenario, account, 3)
    check_equal({each["id"] for each in account.with_new_token().query(ids[:2]).data["videos"]}, set(ids[:2]))


@case("4.3", "other people's, unknown and invalid ids are left out")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    own, other = _posted(scenario, account, 1), _posted(scenario, scenario.account(account.app), 1)
    reply = account.with_new_token().query([*own, *other, "7600000000000000001", "nonsense"])
    check_equal([each["id"] for each in reply.data["videos"]], own)


@case("4.3", "a video that is no longer public is not found")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.post_publicly()
    video_id = account.video_id(publish_id)
    scenario.publication(publish_id, "visibility", privacy_level="SELF_ONLY")
    check_equal(account.query([video_id]).data["videos"], [])


@case("4.3", "20 ids are accepted")
def _(scenario: Scenario) -> None:
    check_equal(scenario.account().query([str(number) for number in range(20)]).code, "ok")


@case("4.3", "21 ids are invalid_params")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account().query([str(number) for number in range(21)]), 400, "invalid_params")


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
def _(scenario: Scenario, body: object) -> None:
    check_refused(scenario.account().call("/v2/video/query/?fields=id", body), 400, "invalid_params")


@case("4.3", "fields cannot be {fields}", fields={"left out": None, "empty": "", "unknown": "id,watch_time"})
def _(scenario: Scenario, fields: str | None) -> None:
    query = {} if fields is None else {"fields": fields}
    body: dict[str, object] = {"filters": {"video_ids": []}}
    check_refused(scenario.account().call("/v2/video/query/", body, query=query), 400, "invalid_params")


def _video(scenario: Scenario, account: Account, *fields: str, **post_info: Any) -> dict[str, object]:
    """A public video as the Display API shows it."""
    publish_id = account.post_publicly(**post_info)
    (found,) = account.query([account.video_id(publish_id)], *(fields or tuple(_VIDEO))).data["videos"]
    return dict(found)


@case("4.4", "{field} is there, and of its kind", field=list(_VIDEO))
def _(scenario: Scenario, field: str) -> None:
    found = _video(scenario, scenario.account(), field)
    check_keys(found, [field])
    check_equal(type(found[field]).__name__, _VIDEO[field].__name__)


@case("4.4", "title and description are cut after 150 characters")
def _(scenario: Scenario) -> None:
    found = _video(scenario, scenario.account(), "title", "video_description", title="b" * 151)
    check_equal((found["title"], found["video_description"]), ("b" * 150, "b" * 150))


@case("4.4", "a shorter title comes back whole")
def _(scenario: Scenario) -> None:
    check_equal(_video(scenario, scenario.account(), "title", title="Ein Ätna ✓")["title"], "Ein Ätna ✓")


@case("4.4", "{address} leads somewhere", address=["cover_image_url", "share_url", "embed_link"])
def _(scenario: Scenario, address: str) -> None:
    found = _video(scenario, scenario.account(), address)
    check_equal(scenario.sandbox.send("GET", str(found[address])).status, 200)


@case("4.4", "create_time is when it became public, in seconds")
def _(scenario: Scenario) -> None:
    created = _video(scenario, scenario.account(), "create_time")["create_time"]
    assert isinstance(created, int)
    check(0 <= scenario.now() - created <= 5, f"{created}")


@case("4.4", "counts grow with time and never shrink")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    video_id = account.video_id(account.post_publicly())
    found = []
    for seconds in (0, 600, 3_600, 86_400, 30 * 86_400):
        scenario.advance(seconds)
        (video,) = account.with_new_token().query([video_id], *COUNTS).data["videos"]
        found.append([video[name] for name in COUNTS])
    series = list(zip(*found, strict=True))
    check(all(list(each) == sorted(each) for each in series), f"{found}")
    check(all(each[-1] > each[0] for each in series), f"{found}")


@case("4.4", "list and query agree about a video at the same moment")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    video_id = account.video_id(account.post_publicly())
    fields = ("id", "title", "create_time", "share_url")
    check_equal(account.videos(*fields).data["videos"], account.query([video_id], *fields).data["videos"])


@case("4.4", "there is no {field}", field=["watch_time", "average_watch_time", "reach", "saves"])
def _(scenario: Scenario, field: str) -> None:
    check_refused(scenario.account().videos("id", field), 400, "invalid_params")
