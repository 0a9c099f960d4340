"""Results of processing, and rules that change them."""

from harness.sandbox_client import SMALL, NewClient, SandboxClient
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.runtime.clock import Clock


async def _shown(client: SandboxClient, publish_id: str) -> list[int]:
    data = (await client.status(publish_id)).json()["data"]
    found: list[int] = data.get("publicaly_available_post_id", [])
    return found


async def test_processing_fails_a_post_when_the_day_is_used_up(new_client: NewClient, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=1),))
    client = await (await new_client(settings)).connect("busy")
    both = [await client.open_upload(5) for _ in range(2)]
    for _, url in both:
        await client.put(url, b"bytes", 0, 5)
    clock.advance(1)

    states = [(await client.status(publish_id)).json()["data"] for publish_id, _ in both]

    assert [each["status"] for each in states] == ["PUBLISH_COMPLETE", "FAILED"]
    assert states[1]["fail_reason"] == "spam_risk_too_many_posts"


async def test_takedown_rule_removes_the_video_after_its_seconds(connected: SandboxClient, clock: Clock) -> None:
    await connected.add_rule(endpoint="processing", action="takedown", seconds=60)
    publish_id = await connected.post_video(b"bytes")
    clock.advance(61)
    before = await _shown(connected, publish_id)
    clock.advance(1)

    assert len(before) == 1
    assert await _shown(connected, publish_id) == []


async def test_slow_rule_lengthens_processing(connected: SandboxClient, clock: Clock) -> None:
    await connected.add_rule(endpoint="processing", action="slow", seconds=3_600)
    publish_id = await connected.post_video(b"bytes")
    clock.advance(3_600)
    before = (await connected.status(publish_id)).json()["data"]["status"]
    clock.advance(1)

    assert before == "PROCESSING_UPLOAD"
    assert (await connected.status(publish_id)).json()["data"]["status"] == "PUBLISH_COMPLETE"


async def test_fail_rule_fails_the_post_with_its_reason(connected: SandboxClient, clock: Clock) -> None:
    await connected.add_rule(endpoint="processing", action="fail", reason="picture_size_check_failed")
    publish_id = await connected.post_video(b"bytes")
    clock.advance(1)

    data = (await connected.status(publish_id)).json()["data"]

    assert (data["status"], data["fail_reason"]) == ("FAILED", "picture_size_check_failed")
