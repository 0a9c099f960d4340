"""The ledger: what is posted, and every init."""

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"


async def test_private_post_is_in_the_ledger_without_a_public_id(connected: SandboxClient, clock: Clock) -> None:
    publish_id = await connected.post_video(CONTENT, level="SELF_ONLY")
    clock.advance(3_600)
    data = (await connected.status(publish_id)).json()["data"]
    [post] = (await connected.ledger())["posts"]

    found = (await connected.videos(post["post_id"])).json()["data"]["videos"]

    assert data == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    assert found == []


async def test_post_that_fails_in_processing_is_not_in_the_ledger(connected: SandboxClient, clock: Clock) -> None:
    await connected.add_rule(endpoint="processing", action="error", code="duration_check_failed")
    publish_id = await connected.post_video(CONTENT)
    clock.advance(1)

    data = (await connected.status(publish_id)).json()["data"]
    ledger = await connected.ledger()

    assert (data["status"], data["fail_reason"]) == ("FAILED", "duration_check_failed")
    assert ledger["posts"] == []
    assert ledger["inits"][0]["fail_reason"] == "duration_check_failed"


async def test_init_without_bytes_is_listed_and_posts_nothing(connected: SandboxClient, clock: Clock) -> None:
    publish_id, _ = await connected.open_upload(10)
    clock.advance(1_000_000)

    ledger = await connected.ledger()

    assert ledger["posts"] == []
    assert [(each["publish_id"], each["uploaded_bytes"], each["bytes_read"]) for each in ledger["inits"]] == [
        (publish_id, 0, 0)
    ]
