"""What creators and TikTok do to a publication, through the admin API."""

import re

import pytest

from harness.sandbox_client import SandboxClient
from harness.sandbox_drafts import UPLOAD_SCOPES, change_publication, status_data, upload_draft
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"


async def test_draft_stays_in_the_inbox_until_it_is_posted(uploader: SandboxClient, clock: Clock) -> None:
    publish_id = await upload_draft(uploader)
    early = await status_data(uploader, publish_id)
    clock.advance(1)
    delivered = await status_data(uploader, publish_id)
    clock.advance(7_000)

    assert re.fullmatch(r"v_inbox_file~v2\.\d{19}", publish_id)
    assert early == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(CONTENT)}
    assert delivered == {"status": "SEND_TO_USER_INBOX", "uploaded_bytes": len(CONTENT)}
    assert await status_data(uploader, publish_id) == delivered
    assert (await uploader.ledger())["posts"] == []


async def test_draft_posted_twice_is_two_posts(uploader: SandboxClient, clock: Clock) -> None:
    publish_id = await upload_draft(uploader)
    clock.advance(1)
    for _ in range(2):
        assert (await change_publication(uploader, publish_id, "post")).status_code == 200
    checked = await status_data(uploader, publish_id)
    clock.advance(1)

    public = await status_data(uploader, publish_id)

    assert checked == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    posts = (await uploader.ledger())["posts"]
    assert len({each["post_id"] for each in posts}) == 2
    assert public["publicaly_available_post_id"] == [int(each["post_id"]) for each in posts]


@pytest.mark.parametrize("seconds", [0, 0.9])
async def test_only_a_draft_in_the_inbox_can_be_posted(uploader: SandboxClient, clock: Clock, seconds: float) -> None:
    publish_id = await upload_draft(uploader)
    clock.advance(seconds)

    assert (await change_publication(uploader, publish_id, "post")).status_code == 409


async def test_draft_posted_privately_shows_no_id(uploader: SandboxClient, clock: Clock) -> None:
    publish_id = await upload_draft(uploader)
    clock.advance(1)
    await change_publication(uploader, publish_id, "post", privacy_level="SELF_ONLY")
    clock.advance(100)

    assert "publicaly_available_post_id" not in await status_data(uploader, publish_id)


async def test_removed_post_loses_its_id_and_stays_complete(connected: SandboxClient, clock: Clock) -> None:
    publish_id = await connected.post_video(CONTENT)
    early = await change_publication(connected, publish_id, "takedown")
    clock.advance(2)
    shown = await status_data(connected, publish_id)
    await change_publication(connected, publish_id, "takedown")
    gone = await status_data(connected, publish_id)
    await change_publication(connected, publish_id, "visibility", privacy_level="PUBLIC_TO_EVERYONE")

    assert early.status_code == 409
    assert "publicaly_available_post_id" in shown
    assert gone == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    assert await status_data(connected, publish_id) == gone


async def test_private_post_made_public_has_an_id_after_moderation(connected: SandboxClient, clock: Clock) -> None:
    publish_id = await connected.post_video(CONTENT, level="SELF_ONLY")
    clock.advance(100)
    await change_publication(connected, publish_id, "visibility", privacy_level="PUBLIC_TO_EVERYONE")
    seen = []
    for body in ("", "", "SELF_ONLY", "PUBLIC_TO_EVERYONE"):
        if body:
            await change_publication(connected, publish_id, "visibility", privacy_level=body)
        seen.append("publicaly_available_post_id" in await status_data(connected, publish_id))
        clock.advance(1)

    assert seen == [False, True, False, True]


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("visibility", {"privacy_level": "NO_ONE"}, 409),
        ("visibility", {}, 422),
        ("takedown", {"post_id": "1"}, 409),
        ("takedown", {"publish": "1"}, 422),
        ("fail", {}, 409),
        ("post", {}, 409),
    ],
)
async def test_impossible_change_of_a_post_is_refused(
    connected: SandboxClient, clock: Clock, act: str, body: dict[str, object], status: int
) -> None:
    publish_id = await connected.post_video(CONTENT)
    clock.advance(2)

    assert (await change_publication(connected, publish_id, act, **body)).status_code == status


async def test_unknown_publication_is_not_found(client: SandboxClient) -> None:
    assert (await change_publication(client, "v_pub_file~v2-1.1", "takedown")).status_code == 404


async def test_failed_uploads_url_answers_404(connected: SandboxClient) -> None:
    publish_id, url = await connected.open_upload(10)
    wrong = await change_publication(connected, publish_id, "fail", reason="bad_luck")
    await change_publication(connected, publish_id, "fail", reason="spam_risk_text")

    late = await connected.put(url, bytes(10), 0, 10)

    assert wrong.status_code == 409
    assert late.status_code == 404
    assert (await status_data(connected, publish_id))["fail_reason"] == "spam_risk_text"


async def test_expired_upload_answers_403(connected: SandboxClient) -> None:
    publish_id, url = await connected.open_upload(10)
    await change_publication(connected, publish_id, "expire")

    assert (await connected.put(url, bytes(10), 0, 10)).status_code == 403
    assert (await status_data(connected, publish_id))["status"] == "PROCESSING_UPLOAD"


async def test_each_post_of_a_draft_is_a_video_of_its_own(client: SandboxClient, clock: Clock) -> None:
    uploader = await client.connect(scope=f"{UPLOAD_SCOPES},video.list")
    publish_id = await upload_draft(uploader)
    clock.advance(1)
    for level in ("PUBLIC_TO_EVERYONE", "SELF_ONLY", "PUBLIC_TO_EVERYONE"):
        await change_publication(uploader, publish_id, "post", privacy_level=level)
    clock.advance(1)
    ids = [each["post_id"] for each in (await uploader.ledger())["posts"]]

    found = (await uploader.videos(*ids)).json()["data"]["videos"]

    assert [each["id"] for each in found] == [ids[0], ids[2]]
