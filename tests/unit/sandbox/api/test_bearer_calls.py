"""Tokens and scopes of API calls."""

import pytest

from harness.sandbox_client import Visitor, error_code
from harness.sandbox_drafts import INBOX, UPLOAD_SCOPES, upload_source


@pytest.mark.parametrize("token", ["", "act.unknown"])
async def test_unknown_token_is_invalid(visitor: Visitor, token: str) -> None:
    answer = await visitor.call("/v2/post/publish/creator_info/query/", token=token)

    assert (answer.status_code, error_code(answer)) == (401, "access_token_invalid")


async def test_call_without_the_scope_is_refused(visitor: Visitor) -> None:
    await visitor.connect(scope="user.info.basic")

    answers = [await visitor.creator_info(), await visitor.init(5), await visitor.videos("1")]

    assert [(each.status_code, error_code(each)) for each in answers] == [(401, "scope_not_authorized")] * 3


async def test_stats_scope_alone_allows_statistics(visitor: Visitor) -> None:
    await visitor.connect(scope="user.info.stats")
    headers = {"Authorization": f"Bearer {visitor.token}"}

    stats = await visitor.http.get("/v2/user/info/?fields=video_count", headers=headers)
    name = await visitor.http.get("/v2/user/info/?fields=display_name", headers=headers)

    assert stats.json()["data"]["user"] == {"video_count": 0}
    assert error_code(name) == "scope_not_authorized"


async def test_inbox_needs_another_scope_than_posting(visitor: Visitor) -> None:
    publisher = await visitor.connect(scope="video.publish")
    refused = await publisher.call(INBOX, {"source_info": upload_source(5)})
    uploader = await visitor.connect(scope=UPLOAD_SCOPES)

    assert (refused.status_code, error_code(refused)) == (401, "scope_not_authorized")
    assert error_code(await uploader.init(5)) == "scope_not_authorized"
