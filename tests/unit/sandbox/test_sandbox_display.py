"""The Display API: pages of public posts, numbers that only grow, and links that lead somewhere."""

from itertools import pairwise
from typing import Any

import httpx
import pytest

from harness.sandbox_client import SCOPES, SMALL, Meet, Visitor, error_code
from tiktok_sandbox.api.display import VIDEO_FIELDS
from tiktok_sandbox.model.publications import Post, PublicPeriod
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.model.video_stats import video_stats
from tiktok_sandbox.runtime.clock import Clock

ALL = ",".join(sorted(VIDEO_FIELDS))
TITLE = "<script>alert(1)</script>"


async def _list(visitor: Visitor, fields: str = "id,create_time", **body: object) -> httpx.Response:
    return await visitor.call(f"/v2/video/list/?fields={fields}", body)


async def _publish(visitor: Visitor, clock: Clock, count: int, *, apart: float = 0.0) -> None:
    """Several public posts, oldest first; also more than one minute's and one day's allowance."""
    for number in range(count):
        if number % 5 == 0:
            clock.advance(60)
        await visitor.posted(b"bytes", title=f"{TITLE} {number}")
        clock.advance(apart)
    clock.advance(2)


@pytest.fixture
async def busy(meet: Meet) -> Visitor:
    """Somebody who may post all day."""
    person = Profile(username="busy", daily_post_cap=1_000)
    return await (await meet(Settings(chunk_limits=SMALL, creators=(person,)))).connect("busy")


async def test_ten_are_listed_newest_first_unless_told_otherwise(busy: Visitor, clock: Clock) -> None:
    await _publish(busy, clock, 11, apart=3)

    data = (await _list(busy)).json()["data"]

    times = [each["create_time"] for each in data["videos"]]
    assert len(times) == 10
    assert times == sorted(times, reverse=True)
    assert data["has_more"] is True
    assert data["cursor"] // 1_000 == times[-1]


@pytest.mark.parametrize("apart", [0.0, 7.0])
async def test_pages_hold_every_post_once_also_those_of_one_moment(busy: Visitor, clock: Clock, apart: float) -> None:
    await _publish(busy, clock, 13, apart=apart)
    found: list[str] = []
    cursor: dict[str, int] = {}
    more = True
    while more:
        data = (await busy.call("/v2/video/list/?fields=id", {"max_count": 4, **cursor})).json()["data"]
        found += [each["id"] for each in data["videos"]]
        cursor, more = {"cursor": data["cursor"]}, data["has_more"]

    posted = [each["post_id"] for each in (await busy.ledger())["posts"]]
    assert len(found) == 13
    assert set(found) == set(posted)


async def test_any_moment_is_a_cursor(busy: Visitor, clock: Clock) -> None:
    await _publish(busy, clock, 3, apart=100)
    newest, middle, oldest = (await _list(busy)).json()["data"]["videos"]

    data = (await _list(busy, cursor=(middle["create_time"] + 1) * 1_000)).json()["data"]
    before_all = (await _list(busy, cursor=oldest["create_time"] * 1_000 - 1)).json()["data"]

    assert newest["id"] not in [each["id"] for each in data["videos"]]
    assert [each["id"] for each in data["videos"]] == [middle["id"], oldest["id"]]
    assert (before_all["videos"], before_all["has_more"]) == ([], False)


async def test_only_what_everyone_can_see_and_only_ones_own_is_listed(busy: Visitor, clock: Clock) -> None:
    public = await busy.posted(b"bytes")
    await busy.posted(b"bytes", level="SELF_ONLY")
    early = (await _list(busy)).json()["data"]["videos"]
    clock.advance(2)
    listed = (await _list(busy)).json()["data"]["videos"]
    await busy.http.post(f"/_sandbox/publications/{public}/takedown")
    taken = (await _list(busy)).json()["data"]["videos"]

    assert (len(early), len(listed), len(taken)) == (0, 1, 0)
    await busy.connect("somebody-else")
    assert (await _list(busy)).json()["data"]["videos"] == []


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ("", {}),
        ("id,shoe_size", {}),
        ("id", {"max_count": 0}),
        ("id", {"max_count": 21}),
        ("id", {"max_count": "ten"}),
        ("id", {"cursor": "yesterday"}),
    ],
)
async def test_a_list_nobody_can_give_is_refused(connected: Visitor, fields: str, body: dict[str, object]) -> None:
    answer = await _list(connected, fields, **body)

    assert (answer.status_code, error_code(answer)) == (400, "invalid_params")
    assert "data" not in answer.json()


async def test_a_list_needs_no_body(connected: Visitor) -> None:
    headers = {"Authorization": f"Bearer {connected.token}"}

    answer = await connected.http.post("/v2/video/list/?fields=id", headers=headers)

    assert answer.json()["data"] == {"videos": [], "cursor": 0, "has_more": False}


async def test_listing_needs_its_scope(visitor: Visitor) -> None:
    await visitor.connect(scope="video.publish,user.info.basic")

    assert error_code(await _list(visitor)) == "scope_not_authorized"


async def test_each_endpoint_answers_600_times_a_minute(connected: Visitor, clock: Clock) -> None:
    answers = [await _list(connected, "id") for _ in range(601)]
    queried = await connected.videos("1", fields="id")
    clock.advance(60)

    assert [each.status_code for each in answers] == [200] * 600 + [429]
    assert error_code(answers[-1]) == "rate_limit_exceeded"
    assert (queried.status_code, (await _list(connected)).status_code) == (200, 200)


async def test_listed_and_queried_posts_are_the_same(busy: Visitor, clock: Clock) -> None:
    await _publish(busy, clock, 1)

    listed = (await _list(busy, ALL)).json()["data"]["videos"]
    queried = (await busy.videos(listed[0]["id"], fields=ALL)).json()["data"]["videos"]

    assert listed == queried
    assert set(listed[0]) == VIDEO_FIELDS


async def _links(visitor: Visitor) -> list[Any]:
    info = (await visitor.creator_info()).json()["data"]
    headers = {"Authorization": f"Bearer {visitor.token}"}
    fields = "avatar_url,avatar_url_100,avatar_large_url,profile_deep_link"
    user = (await visitor.http.get(f"/v2/user/info/?fields={fields}", headers=headers)).json()["data"]["user"]
    [video] = (await _list(visitor, "cover_image_url,share_url,embed_link")).json()["data"]["videos"]
    return [info["creator_avatar_url"], *user.values(), *video.values()]


async def test_no_link_is_dead_and_no_title_is_markup(busy: Visitor, clock: Clock) -> None:
    await busy.connect("busy", scope=f"{SCOPES},user.info.profile")
    await _publish(busy, clock, 1)

    for link in await _links(busy):
        answer = await busy.http.get(link)
        assert answer.status_code == 200, link
        assert TITLE not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/avatar/nobody.svg", "/cover/1.svg", "/embed/1", "/@nobody", "/@nobody/video/1"])
async def test_what_is_not_there_is_not_shown(visitor: Visitor, path: str) -> None:
    assert (await visitor.http.get(path)).status_code == 404
    assert "nobody" not in [each.profile.username for each in visitor.context.tables.creators.all()]


async def test_a_profile_has_what_the_account_was_set_up_with(busy: Visitor, clock: Clock) -> None:
    profile = {"username": "star", "is_verified": True, "follower_count": 7, "bio_description": "hello"}
    await busy.http.post("/_sandbox/creators", json=profile)
    scope = "user.info.basic,user.info.profile,user.info.stats,video.publish"
    await busy.connect("star", scope=scope)
    await _publish(busy, clock, 1)
    clock.advance(1_000)
    fields = "is_verified,bio_description,follower_count,likes_count,video_count"

    answer = await busy.http.get(f"/v2/user/info/?fields={fields}", headers={"Authorization": f"Bearer {busy.token}"})

    user = answer.json()["data"]["user"]
    assert user.pop("likes_count") > 0
    assert user == {"is_verified": True, "bio_description": "hello", "follower_count": 7, "video_count": 1}


async def test_statistics_alone_are_enough_to_ask_for_statistics(visitor: Visitor) -> None:
    await visitor.connect(scope="user.info.stats")
    headers = {"Authorization": f"Bearer {visitor.token}"}

    stats = await visitor.http.get("/v2/user/info/?fields=video_count", headers=headers)
    name = await visitor.http.get("/v2/user/info/?fields=display_name", headers=headers)

    assert stats.json()["data"]["user"] == {"video_count": 0}
    assert error_code(name) == "scope_not_authorized"


@pytest.mark.parametrize("what", ["view_count", "like_count", "comment_count", "share_count"])
def test_numbers_only_grow_and_ever_more_slowly(what: str) -> None:
    post = Post(
        post_id=7_600_000_000_000_000_019, privacy_level="x", posted_at=0.0, public_periods=(PublicPeriod(since=100.0),)
    )
    days = [video_stats(post, 100.0 + day * 86_400)[what] for day in range(400)]
    steps = [later - earlier for earlier, later in pairwise(days)]

    assert video_stats(post, 100.0)[what] == 0
    assert video_stats(post, 0.0)[what] == 0
    assert min(steps) >= 0
    assert steps[0] > 4 * steps[10] > 0
    assert days[-1] < 2**31
