"""What the actions of rules change and answer."""

import pytest

from harness.sandbox_client import SandboxClient, error_code
from tiktok_sandbox.runtime.clock import Clock


async def _shown(client: SandboxClient, publish_id: str) -> list[int]:
    data = (await client.status(publish_id)).json()["data"]
    found: list[int] = data.get("publicaly_available_post_id", [])
    return found


async def test_rate_limit_action_answers_as_tiktok(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="status", action="rate_limit")

    limited = await connected.status("v_pub_file~v2-1.1")

    assert (limited.status_code, error_code(limited)) == (429, "rate_limit_exceeded")


async def test_expired_upload_url_accepts_nothing(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(5)
    _, other = await connected.open_upload(5)
    await connected.add_rule(endpoint="upload", action="expire")

    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 403
    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 403
    assert (await connected.put(other, b"bytes", 0, 5)).status_code == 201


async def test_upload_url_can_expire_within_a_chunk(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(5)
    await connected.add_rule(endpoint="upload", at="body", after_bytes=2, action="expire")

    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 403


async def test_expired_access_token_can_be_refreshed(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="creator_info", action="expire")

    refused = await connected.creator_info()
    connected.token = (await connected.refresh(connected.tokens["refresh_token"])).json()["access_token"]

    assert (refused.status_code, error_code(refused)) == (401, "access_token_invalid")
    assert (await connected.creator_info()).status_code == 200


async def test_code_and_refresh_token_can_expire_at_the_exchange(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="token", action="expire", times=2)
    callback = await connected.consent()

    exchanged = await connected.exchange(callback["code"])
    refreshed = await connected.refresh(connected.tokens["refresh_token"])

    assert (exchanged.json()["error"], refreshed.json()["error"]) == ("invalid_grant", "invalid_grant")
    assert (await connected.creator_info()).status_code == 200


async def test_permission_can_end_at_any_call(connected: SandboxClient) -> None:
    publish_id, url = await connected.open_upload(5)
    await connected.add_rule(endpoint="upload", action="revoke")

    put = await connected.put(url, b"bytes", 0, 5)

    assert put.status_code == 404
    assert (await connected.status(publish_id)).status_code == 401
    assert (await connected.refresh(connected.tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_video_can_be_removed_before_a_call_is_answered(connected: SandboxClient, clock: Clock) -> None:
    first = await connected.post_video(b"bytes")
    second = await connected.post_video(b"bytes")
    clock.advance(5)
    await connected.add_rule(endpoint="status", action="takedown", publish_id=first)
    await connected.add_rule(endpoint="video_query", action="takedown")

    assert await _shown(connected, first) == []
    [post_id] = await _shown(connected, second)
    assert (await connected.videos(str(post_id))).json()["data"]["videos"] == []
    assert await _shown(connected, second) == []


@pytest.mark.parametrize(
    ("endpoint", "code", "status"),
    [
        ("creator_info", "spam_risk_too_many_posts", 200),
        ("creator_info", "access_token_invalid", 401),
        ("creator_info", "rate_limit_exceeded", 429),
        ("creator_info", "internal_error", 500),
        ("video_init", "spam_risk_too_many_posts", 403),
    ],
)
async def test_error_action_answers_with_tiktoks_status(
    connected: SandboxClient, endpoint: str, code: str, status: int
) -> None:
    await connected.add_rule(endpoint=endpoint, action="error", code=code)

    answer = await (connected.creator_info() if endpoint == "creator_info" else connected.init(5))

    assert (answer.status_code, error_code(answer)) == (status, code)


async def test_error_action_at_token_answers_a_flat_error(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="token", action="error", code="server_error")

    answer = await connected.refresh(connected.tokens["refresh_token"])

    assert answer.json()["error"] == "server_error"
    assert (await connected.refresh(connected.tokens["refresh_token"])).status_code == 200
