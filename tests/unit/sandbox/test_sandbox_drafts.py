"""The inbox: drafts a person posts, as often as they like, and at most five waiting."""

import re

import httpx
import pytest

from harness.sandbox_client import Visitor, error_code
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"
INBOX = "/v2/post/publish/inbox/video/init/"
UPLOADING = "user.info.basic,video.upload"


def source(size: int) -> dict[str, object]:
    return {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}


async def draft(visitor: Visitor, content: bytes = CONTENT) -> str:
    """A video all of whose bytes are on their way to the inbox."""
    answer = await visitor.call(INBOX, {"source_info": source(len(content))})
    data = answer.json()["data"]
    assert (await visitor.put(data["upload_url"], content, 0, len(content))).status_code == 201
    return str(data["publish_id"])


async def admin(visitor: Visitor, publish_id: str, act: str, **wish: object) -> httpx.Response:
    return await visitor.http.post(f"/_sandbox/publications/{publish_id}/{act}", json=wish)


async def data_of(visitor: Visitor, publish_id: str) -> dict[str, object]:
    found: dict[str, object] = (await visitor.status(publish_id)).json()["data"]
    return found


@pytest.fixture
async def uploader(visitor: Visitor) -> Visitor:
    return await visitor.connect(scope=UPLOADING)


async def test_a_draft_reaches_the_inbox_and_goes_no_further_by_itself(uploader: Visitor, clock: Clock) -> None:
    publish_id = await draft(uploader)
    early = await data_of(uploader, publish_id)
    clock.advance(1)
    delivered = await data_of(uploader, publish_id)
    clock.advance(7_000)

    assert re.fullmatch(r"v_inbox_file~v2\.\d{19}", publish_id)
    assert early == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(CONTENT)}
    assert delivered == {"status": "SEND_TO_USER_INBOX", "uploaded_bytes": len(CONTENT)}
    assert await data_of(uploader, publish_id) == delivered
    assert (await uploader.ledger())["posts"] == []


async def test_a_draft_posted_twice_is_two_posts(uploader: Visitor, clock: Clock) -> None:
    publish_id = await draft(uploader)
    clock.advance(1)
    for _ in range(2):
        assert (await admin(uploader, publish_id, "post")).status_code == 200
    checked = await data_of(uploader, publish_id)
    clock.advance(1)

    public = await data_of(uploader, publish_id)

    assert checked == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    posts = (await uploader.ledger())["posts"]
    assert len({each["post_id"] for each in posts}) == 2
    assert public["publicaly_available_post_id"] == [int(each["post_id"]) for each in posts]


@pytest.mark.parametrize("seconds", [0, 0.9])
async def test_what_is_not_in_the_inbox_cannot_be_posted(uploader: Visitor, clock: Clock, seconds: float) -> None:
    publish_id = await draft(uploader)
    clock.advance(seconds)

    assert (await admin(uploader, publish_id, "post")).status_code == 409


async def test_a_draft_posted_for_oneself_shows_no_id(uploader: Visitor, clock: Clock) -> None:
    publish_id = await draft(uploader)
    clock.advance(1)
    await admin(uploader, publish_id, "post", privacy_level="SELF_ONLY")
    clock.advance(100)

    assert "publicaly_available_post_id" not in await data_of(uploader, publish_id)


async def test_five_shares_wait_in_a_day_and_a_sixth_is_refused(uploader: Visitor, clock: Clock) -> None:
    shares = []
    for _ in range(5):
        shares.append(await draft(uploader))
        clock.advance(60)
    sixth = await uploader.call(INBOX, {"source_info": source(5)})
    await admin(uploader, shares[0], "post")
    after_one_was_posted = await uploader.call(INBOX, {"source_info": source(5)})
    full = await uploader.call(INBOX, {"source_info": source(5)})
    clock.advance(86_400)
    uploader = await uploader.connect(scope=UPLOADING)

    next_day = await uploader.call(INBOX, {"source_info": source(5)})

    assert (sixth.status_code, error_code(sixth)) == (403, "spam_risk_too_many_pending_share")
    assert (after_one_was_posted.status_code, full.status_code) == (200, 403)
    assert next_day.status_code == 200


async def test_the_inbox_asks_for_another_scope_than_posting(visitor: Visitor) -> None:
    publisher = await visitor.connect(scope="video.publish")
    refused = await publisher.call(INBOX, {"source_info": source(5)})
    uploader = await visitor.connect(scope=UPLOADING)

    assert (refused.status_code, error_code(refused)) == (401, "scope_not_authorized")
    assert error_code(await uploader.init(5)) == "scope_not_authorized"


async def test_a_draft_without_a_source_is_refused(uploader: Visitor) -> None:
    answer = await uploader.call(INBOX, {"post_info": {"title": "a clip"}})

    assert (answer.status_code, error_code(answer)) == (400, "invalid_params")


async def test_an_upload_is_not_cancellable(uploader: Visitor) -> None:
    publish_id = await draft(uploader)

    answer = await uploader.call("/v2/post/publish/cancel/", {"publish_id": publish_id})

    assert (answer.status_code, error_code(answer)) == (400, "publish_not_cancellable")


async def test_a_post_taken_down_loses_its_id_and_stays_complete(connected: Visitor, clock: Clock) -> None:
    publish_id = await connected.posted(CONTENT)
    early = await admin(connected, publish_id, "takedown")
    clock.advance(2)
    shown = await data_of(connected, publish_id)
    await admin(connected, publish_id, "takedown")
    gone = await data_of(connected, publish_id)
    await admin(connected, publish_id, "visibility", privacy_level="PUBLIC_TO_EVERYONE")

    assert early.status_code == 409
    assert "publicaly_available_post_id" in shown
    assert gone == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    assert await data_of(connected, publish_id) == gone


async def test_a_private_post_made_public_gets_its_id_after_moderation(connected: Visitor, clock: Clock) -> None:
    publish_id = await connected.posted(CONTENT, level="SELF_ONLY")
    clock.advance(100)
    await admin(connected, publish_id, "visibility", privacy_level="PUBLIC_TO_EVERYONE")
    seen = []
    for wish in ("", "", "SELF_ONLY", "PUBLIC_TO_EVERYONE"):
        if wish:
            await admin(connected, publish_id, "visibility", privacy_level=wish)
        seen.append("publicaly_available_post_id" in await data_of(connected, publish_id))
        clock.advance(1)

    assert seen == [False, True, False, True]


@pytest.mark.parametrize(
    ("act", "wish", "status"),
    [
        ("visibility", {"privacy_level": "NOBODY"}, 409),
        ("visibility", {}, 422),
        ("takedown", {"post_id": "1"}, 409),
        ("takedown", {"publish": "1"}, 422),
        ("fail", {}, 409),
        ("post", {}, 409),
    ],
)
async def test_what_cannot_be_done_to_a_post_is_refused(
    connected: Visitor, clock: Clock, act: str, wish: dict[str, object], status: int
) -> None:
    publish_id = await connected.posted(CONTENT)
    clock.advance(2)

    assert (await admin(connected, publish_id, act, **wish)).status_code == status


async def test_an_unknown_publication_is_not_found(visitor: Visitor) -> None:
    assert (await admin(visitor, "v_pub_file~v2-1.1", "takedown")).status_code == 404


async def test_a_failed_upload_ends_with_its_url(connected: Visitor) -> None:
    publish_id, url = await connected.opened(10)
    wrong = await admin(connected, publish_id, "fail", reason="bad_luck")
    await admin(connected, publish_id, "fail", reason="spam_risk_text")

    late = await connected.put(url, bytes(10), 0, 10)

    assert wrong.status_code == 409
    assert late.status_code == 404
    assert (await data_of(connected, publish_id))["fail_reason"] == "spam_risk_text"


async def test_an_expired_upload_answers_403(connected: Visitor) -> None:
    publish_id, url = await connected.opened(10)
    await admin(connected, publish_id, "expire")

    assert (await connected.put(url, bytes(10), 0, 10)).status_code == 403
    assert (await data_of(connected, publish_id))["status"] == "PROCESSING_UPLOAD"


async def test_each_post_of_a_draft_is_a_video_of_its_own(visitor: Visitor, clock: Clock) -> None:
    uploader = await visitor.connect(scope=f"{UPLOADING},video.list")
    publish_id = await draft(uploader)
    clock.advance(1)
    for level in ("PUBLIC_TO_EVERYONE", "SELF_ONLY", "PUBLIC_TO_EVERYONE"):
        await admin(uploader, publish_id, "post", privacy_level=level)
    clock.advance(1)
    ids = [each["post_id"] for each in (await uploader.ledger())["posts"]]

    found = (await uploader.videos(*ids)).json()["data"]["videos"]

    assert [each["id"] for each in found] == [ids[0], ids[2]]
