"""Tokens and scopes of API calls."""

import pytest

from harness.sandbox_client import SandboxClient, error_code
from harness.sandbox_drafts import INBOX, UPLOAD_SCOPES, upload_source


@pytest.mark.parametrize("token", ["", "act.unknown"])
async def test_unknown_token_is_invalid(client: SandboxClient, token: str) -> None:
    answer = await client.call("/v2/post/publish/creator_info/query/", token=token)

    assert (answer.status_code, error_code(answer)) == (401, "access_token_invalid")


async def test_call_without_the_scope_is_refused(client: SandboxClient) -> None:
    await client.connect(scope="user.info.basic")

    answers = [await client.creator_info(), await client.init(5), await client.videos("1")]

    assert [(each.status_code, error_code(each)) for each in answers] == [(401, "scope_not_authorized")] * 3


async def test_stats_scope_alone_allows_statistics(client: SandboxClient) -> None:
    await client.connect(scope="user.info.stats")
    headers = {"Authorization": f"Bearer {client.token}"}

    stats = await client.http.get("/v2/user/info/?fields=video_count", headers=headers)
    name = await client.http.get("/v2/user/info/?fields=display_name", headers=headers)

    assert stats.json()["data"]["user"] == {"video_count": 0}
    assert error_code(name) == "scope_not_authorized"


async def test_inbox_needs_another_scope_than_posting(client: SandboxClient) -> None:
    publisher = await client.connect(scope="video.publish")
    refused = await publisher.call(INBOX, {"source_info": upload_source(5)})
    uploader = await client.connect(scope=UPLOAD_SCOPES)

    assert (refused.status_code, error_code(refused)) == (401, "scope_not_authorized")
    assert error_code(await uploader.init(5)) == "scope_not_authorized"
