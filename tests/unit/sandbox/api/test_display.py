"""The Display API: profile, pages of public posts, queries."""

import httpx
import pytest

from harness.sandbox_client import SMALL, NewClient, SandboxClient, error_code
from tiktok_sandbox.api.display import VIDEO_FIELDS
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.runtime.clock import Clock


async def _user(client: SandboxClient, fields: str) -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = await client.http.get("/v2/user/info/", params={"fields": fields}, headers=headers)
    return answer.status_code, answer.json()


TITLE = "<script>alert(1)</script>"


async def _list(client: SandboxClient, fields: str = "id,create_time", **body: object) -> httpx.Response:
    return await client.call(f"/v2/video/list/?fields={fields}", body)


async def _publish(client: SandboxClient, clock: Clock, count: int, *, apart: float = 0.0) -> None:
    """Several public posts, oldest first; also more than one minute's and one day's allowance."""
    for number in range(count):
        if number % 5 == 0:
            clock.advance(60)
        await client.post_video(b"bytes", title=f"{TITLE} {number}")
        clock.advance(apart)
    clock.advance(2)


@pytest.fixture
async def busy(new_client: NewClient) -> SandboxClient:
    """A creator with a daily cap that no test reaches."""
    person = Profile(username="busy", daily_post_cap=1_000)
    return await (await new_client(Settings(chunk_limits=SMALL, creators=(person,)))).connect("busy")


ALL = ",".join(sorted(VIDEO_FIELDS))


CONTENT = b"a small video"


async def test_user_info_has_exactly_the_requested_fields(connected: SandboxClient) -> None:
    status, body = await _user(connected, "open_id,display_name,username")

    assert status == 200
    assert body["data"] == {
        "user": {
            "open_id": connected.tokens["open_id"],
            "display_name": "Demo Creator",
            "username": "demo-creator",
        }
    }


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ("open_id,follower_count", 401, "scope_not_authorized"),
        ("open_id,shoe_size", 400, "invalid_params"),
        ("", 400, "invalid_params"),
    ],
)
async def test_user_info_with_one_forbidden_field_fails(
    connected: SandboxClient, fields: str, status: int, code: str
) -> None:
    found, body = await _user(connected, fields)

    assert found == status
    assert "data" not in body
    assert f"'code': '{code}'" in str(body["error"])


async def test_list_has_ten_posts_newest_first_by_default(busy: SandboxClient, clock: Clock) -> None:
    await _publish(busy, clock, 11, apart=3)

    data = (await _list(busy)).json()["data"]

    times = [each["create_time"] for each in data["videos"]]
    assert len(times) == 10
    assert times == sorted(times, reverse=True)
    assert data["has_more"] is True
    assert data["cursor"] // 1_000 == times[-1]


@pytest.mark.parametrize("apart", [0.0, 7.0])
async def test_pages_hold_every_post_once_even_at_equal_times(busy: SandboxClient, clock: Clock, apart: float) -> None:
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


async def test_any_time_is_a_valid_cursor(busy: SandboxClient, clock: Clock) -> None:
    await _publish(busy, clock, 3, apart=100)
    newest, middle, oldest = (await _list(busy)).json()["data"]["videos"]

    data = (await _list(busy, cursor=(middle["create_time"] + 1) * 1_000)).json()["data"]
    before_all = (await _list(busy, cursor=oldest["create_time"] * 1_000 - 1)).json()["data"]

    assert newest["id"] not in [each["id"] for each in data["videos"]]
    assert [each["id"] for each in data["videos"]] == [middle["id"], oldest["id"]]
    assert (before_all["videos"], before_all["has_more"]) == ([], False)


async def test_list_has_only_own_public_posts(busy: SandboxClient, clock: Clock) -> None:
    public = await busy.post_video(b"bytes")
    await busy.post_video(b"bytes", level="SELF_ONLY")
    early = (await _list(busy)).json()["data"]["videos"]
    clock.advance(2)
    listed = (await _list(busy)).json()["data"]["videos"]
    await busy.http.post(f"/_sandbox/publications/{public}/takedown")
    taken = (await _list(busy)).json()["data"]["videos"]

    assert (len(early), len(listed), len(taken)) == (0, 1, 0)
    await busy.connect("other-person")
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
async def test_invalid_list_is_refused(connected: SandboxClient, fields: str, body: dict[str, object]) -> None:
    answer = await _list(connected, fields, **body)

    assert (answer.status_code, error_code(answer)) == (400, "invalid_params")
    assert "data" not in answer.json()


async def test_list_needs_no_body(connected: SandboxClient) -> None:
    headers = {"Authorization": f"Bearer {connected.token}"}

    answer = await connected.http.post("/v2/video/list/?fields=id", headers=headers)

    assert answer.json()["data"] == {"videos": [], "cursor": 0, "has_more": False}


async def test_list_needs_its_scope(client: SandboxClient) -> None:
    await client.connect(scope="video.publish,user.info.basic")

    assert error_code(await _list(client)) == "scope_not_authorized"


async def test_listed_and_queried_posts_are_equal(busy: SandboxClient, clock: Clock) -> None:
    await _publish(busy, clock, 1)

    listed = (await _list(busy, ALL)).json()["data"]["videos"]
    queried = (await busy.videos(listed[0]["id"], fields=ALL)).json()["data"]["videos"]

    assert listed == queried
    assert set(listed[0]) == VIDEO_FIELDS


async def test_user_info_shows_the_configured_profile(busy: SandboxClient, clock: Clock) -> None:
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


async def test_query_returns_own_public_posts_once(connected: SandboxClient, clock: Clock) -> None:
    await connected.post_video(CONTENT)
    clock.advance(2)
    [post] = (await connected.ledger())["posts"]
    mine = (await connected.videos(post["post_id"], post["post_id"], "1")).json()["data"]["videos"]
    await connected.connect("other-person")

    theirs = (await connected.videos(post["post_id"])).json()["data"]["videos"]

    assert [each["id"] for each in mine] == [post["post_id"]]
    assert theirs == []


@pytest.mark.parametrize(("ids", "fields"), [(["1"] * 21, "id"), (["1"], ""), (["1"], "id,watch_time")])
async def test_invalid_query_is_refused(connected: SandboxClient, ids: list[str], fields: str) -> None:
    answer = await connected.videos(*ids, fields=fields)

    assert (answer.status_code, error_code(answer)) == (400, "invalid_params")


async def test_every_documented_field_can_be_requested(connected: SandboxClient, clock: Clock) -> None:
    documented = (
        "id,create_time,cover_image_url,share_url,video_description,duration,height,width,title,"
        "embed_html,embed_link,like_count,comment_count,share_count,view_count"
    )
    await connected.post_video(CONTENT, title="t" * 200)
    clock.advance(2)
    [post] = (await connected.ledger())["posts"]

    [video] = (await connected.videos(post["post_id"], fields=documented)).json()["data"]["videos"]

    assert ",".join(video) == documented
    assert len(video["title"]) == 150
