"""The end of a permission: running transfers, other apps."""

from typing import Any

from harness.sandbox_apps import SECOND_APP, client_of_app, issue_tokens
from harness.sandbox_client import SandboxClient, error_code
from tiktok_sandbox.runtime.clock import Clock


async def test_end_of_one_apps_permission_leaves_the_other_app(
    connected: SandboxClient, other_app: dict[str, Any]
) -> None:
    foreign = (await issue_tokens(connected, client_key=other_app["client_key"])).json()

    await connected.http.post(f"/_sandbox/creators/{foreign['open_id']}/disconnect")
    gone = await connected.call("/v2/post/publish/creator_info/query/", token=foreign["access_token"])

    assert error_code(gone) == "access_token_invalid"
    assert (await connected.creator_info()).status_code == 200


async def test_end_of_a_permission_fails_only_running_transfers(connected: SandboxClient, clock: Clock) -> None:
    finished = await connected.post_video(b"bytes")
    clock.advance(2)
    under_way, url = await connected.open_upload(5)
    await connected.http.post(f"/_sandbox/creators/{connected.tokens['open_id']}/disconnect")
    late = await connected.put(url, b"bytes", 0, 5)
    await connected.connect()

    states = [(await connected.status(each)).json()["data"] for each in (finished, under_way)]

    assert late.status_code == 404
    assert [each["status"] for each in states] == ["PUBLISH_COMPLETE", "FAILED"]
    assert states[1]["fail_reason"] == "auth_removed"


async def test_end_of_one_permission_keeps_the_other_apps_posts(first_app: SandboxClient) -> None:
    other = await client_of_app(first_app, SECOND_APP)
    mine, url = await first_app.open_upload(5, level="SELF_ONLY")
    theirs, their_url = await other.open_upload(5, level="SELF_ONLY")
    await first_app.http.post(f"/_sandbox/creators/{first_app.tokens['open_id']}/disconnect")

    statuses = [(await first_app.put(each, b"bytes", 0, 5)).status_code for each in (url, their_url)]

    assert statuses == [404, 201]
    assert (await other.status(theirs)).json()["data"]["uploaded_bytes"] == 5
    assert {each["status"] for each in (await first_app.ledger())["inits"] if each["publish_id"] == mine} == {"FAILED"}
