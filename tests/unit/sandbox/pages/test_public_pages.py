"""The pages that links in answers lead to."""

from typing import Any

import httpx
import pytest

from harness.sandbox_client import SCOPES, SMALL, NewClient, SandboxClient
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.runtime.clock import Clock

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


async def _links(client: SandboxClient) -> list[Any]:
    info = (await client.creator_info()).json()["data"]
    headers = {"Authorization": f"Bearer {client.token}"}
    fields = "avatar_url,avatar_url_100,avatar_large_url,profile_deep_link"
    user = (await client.http.get(f"/v2/user/info/?fields={fields}", headers=headers)).json()["data"]["user"]
    [video] = (await _list(client, "cover_image_url,share_url,embed_link")).json()["data"]["videos"]
    return [info["creator_avatar_url"], *user.values(), *video.values()]


async def test_every_link_works_and_titles_are_escaped(busy: SandboxClient, clock: Clock) -> None:
    await busy.connect("busy", scope=f"{SCOPES},user.info.profile")
    await _publish(busy, clock, 1)

    for link in await _links(busy):
        answer = await busy.http.get(link)
        assert answer.status_code == 200, link
        assert TITLE not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/avatar/unknown.svg", "/cover/1.svg", "/embed/1", "/@unknown", "/@unknown/video/1"])
async def test_unknown_address_is_not_found(client: SandboxClient, path: str) -> None:
    assert (await client.http.get(path)).status_code == 404
    assert "unknown" not in [each.profile.username for each in client.context.tables.creators.all()]
