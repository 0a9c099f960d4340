"""creator_info, init, status and cancel."""

import hashlib
import re

import pytest

from harness.sandbox_apps import SECOND_APP, client_of_app, settings_with_two_apps
from harness.sandbox_client import SMALL, NewClient, SandboxClient, error_code
from harness.sandbox_drafts import upload_draft
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"


async def test_init_keeps_what_the_account_forbids(new_client: NewClient) -> None:
    strict = Profile(username="strict", comment_disabled=True, private_account=True)
    client = await (await new_client(Settings(chunk_limits=SMALL, creators=(strict,)))).connect("strict")
    publish_id, _ = await client.open_upload(5, level="SELF_ONLY")

    info = client.context.tables.publications[publish_id].post_info

    assert (info.disable_comment, info.disable_duet, info.disable_stitch) == (True, True, True)


async def test_creator_info_of_a_public_account(connected: SandboxClient) -> None:
    data = (await connected.creator_info()).json()["data"]

    assert data["privacy_level_options"] == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert (data["creator_username"], data["creator_nickname"]) == ("demo-creator", "Demo Creator")
    assert not any(data[f"{what}_disabled"] for what in ("comment", "duet", "stitch"))


async def test_creator_info_of_a_private_account_has_no_public_level(client: SandboxClient) -> None:
    made = await client.http.post("/_sandbox/creators", json={"username": "shy", "private_account": True})
    await client.connect("shy")

    data = (await client.creator_info()).json()["data"]

    assert made.json()["open_id"] == client.tokens["open_id"]
    assert data["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert data["duet_disabled"]
    assert data["stitch_disabled"]


async def test_creator_info_of_a_banned_creator_is_an_error_in_200(new_client: NewClient) -> None:
    client = await new_client(Settings(creators=(Profile(username="banned", banned=True),)))
    await client.connect("banned")

    info, init = await client.creator_info(), await client.init(5)

    assert (info.status_code, error_code(info)) == (200, "spam_risk_user_banned_from_posting")
    assert "data" not in info.json()
    assert (init.status_code, error_code(init)) == (403, "spam_risk_user_banned_from_posting")


async def test_upload_cannot_be_cancelled(uploader: SandboxClient) -> None:
    publish_id = await upload_draft(uploader)

    answer = await uploader.call("/v2/post/publish/cancel/", {"publish_id": publish_id})

    assert (answer.status_code, error_code(answer)) == (400, "publish_not_cancellable")


async def test_init_returns_a_publish_id_and_an_upload_url(connected: SandboxClient) -> None:
    publish_id, url = await connected.open_upload(10)

    assert re.fullmatch(r"v_pub_file~v2-1\.\d{19}", publish_id)
    assert url.startswith("http://tiktok.example/upload/video/?upload_id=")
    assert len(url) <= 256


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_params"),
        ({"post_info": {}}, 400, "invalid_params"),
        ({"post_info": {"privacy_level": 1}, "source_info": {"source": "FILE_UPLOAD"}}, 400, "invalid_params"),
        ({"post_info": {}, "source_info": {"source": "PIGEON"}}, 400, "invalid_params"),
        ({"post_info": {}, "source_info": {"source": "FILE_UPLOAD"}}, 400, "invalid_params"),
        ({"post_info": {}, "source_info": {"source": "PULL_FROM_URL"}}, 400, "invalid_params"),
    ],
)
async def test_invalid_init_is_refused(connected: SandboxClient, body: object, status: int, code: str) -> None:
    answer = await connected.call("/v2/post/publish/video/init/", body)

    assert (answer.status_code, error_code(answer)) == (status, code)
    assert (await connected.ledger())["inits"] == []


async def test_status_of_a_post_changes_step_by_step(connected: SandboxClient, clock: Clock) -> None:
    publish_id = await connected.post_video(CONTENT)
    received_at = clock.now()
    seen = [(await connected.status(publish_id)).json()["data"]]
    early = (await connected.ledger())["posts"]
    for _ in range(2):
        clock.advance(1)
        seen.append((await connected.status(publish_id)).json()["data"])

    [post] = (await connected.ledger())["posts"]

    assert early == []
    assert seen[0] == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(CONTENT)}
    assert seen[1] == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    assert seen[2]["publicaly_available_post_id"] == [int(post["post_id"])]
    assert post["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (post["publish_id"], post["title"], post["bytes"]) == (publish_id, "a clip", len(CONTENT))
    assert (post["received_at"], post["posted_at"]) == (received_at, received_at + 1)


async def test_status_is_answered_to_its_owner_only(connected: SandboxClient) -> None:
    publish_id, _ = await connected.open_upload(10)
    unknown = await connected.status("v_pub_file~v2-1.1")
    foreign = await (await connected.connect("other-person")).status(publish_id)

    assert (unknown.status_code, error_code(unknown)) == (400, "invalid_publish_id")
    assert error_code(foreign) == "token_not_authorized_for_specified_publish_id"


async def test_publication_belongs_to_the_app_that_made_it(first_app: SandboxClient) -> None:
    other = await client_of_app(first_app, SECOND_APP)
    publish_id, _ = await first_app.open_upload(5, level="SELF_ONLY")

    answer = await other.status(publish_id)

    assert (answer.status_code, error_code(answer)) == (400, "token_not_authorized_for_specified_publish_id")


async def test_urls_are_verified_per_app(new_client: NewClient) -> None:
    first_app = await (await new_client(settings_with_two_apps(verified_urls=("media.example",)))).connect("busy")
    other = await client_of_app(first_app, SECOND_APP)
    await first_app.add_rule(endpoint="pull", action="error", code="internal")
    body = {
        "post_info": {"privacy_level": "SELF_ONLY"},
        "source_info": {"source": "PULL_FROM_URL", "video_url": "https://media.example/clip.mp4"},
    }

    answers = [await each.call("/v2/post/publish/video/init/", body) for each in (first_app, other)]
    await first_app.context.close()

    assert [error_code(each) for each in answers] == ["url_ownership_unverified", "ok"]
