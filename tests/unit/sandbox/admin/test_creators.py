"""Creators and tokens without a consent page, and disconnecting."""

from typing import Any

import pytest

from harness.sandbox_apps import OTHER_APP, issue_tokens
from harness.sandbox_client import SandboxClient, error_code
from tiktok_sandbox.model.identifiers import open_id_of


async def test_creator_is_listed_with_its_open_id_in_every_app(
    client: SandboxClient, other_app: dict[str, Any]
) -> None:
    made = (await client.http.post("/_sandbox/creators", json={"username": "new"})).json()

    assert made["open_ids"] == {key: open_id_of(key, "new") for key in (client.app["client_key"], OTHER_APP)}
    assert made["open_id"] == made["open_ids"][client.app["client_key"]]
    assert other_app["client_secret"]


async def test_tokens_without_consent_have_the_requested_scopes(client: SandboxClient) -> None:
    answer = await issue_tokens(client, username="person", scopes=["video.list"])

    assert answer.status_code == 201
    assert (answer.json()["scope"], answer.json()["token_type"]) == ("video.list", "Bearer")
    assert (await client.refresh(answer.json()["refresh_token"])).status_code == 200


@pytest.mark.parametrize("body", [{"client_key": "unknown"}, {"scopes": ["video.everything"]}, {"usernames": []}])
async def test_tokens_with_scopes_the_app_lacks_are_refused(client: SandboxClient, body: dict[str, object]) -> None:
    assert (await issue_tokens(client, **body)).status_code == 422


@pytest.mark.parametrize(("body", "reason"), [(None, 1), ({"reason": 4}, 4)])
async def test_disconnect_ends_codes_and_tokens_and_sends_a_webhook(
    connected: SandboxClient, body: dict[str, int] | None, reason: int
) -> None:
    connected.subscribe()
    code = (await connected.consent())["code"]
    open_id = connected.tokens["open_id"]

    await connected.http.post(f"/_sandbox/creators/{open_id}/disconnect", json=body)
    await connected.http.post(f"/_sandbox/creators/{open_id}/disconnect", json=body)

    assert error_code(await connected.creator_info()) == "access_token_invalid"
    assert (await connected.exchange(code)).json()["error"] == "invalid_grant"
    assert await connected.sent_webhooks() == [("authorization.removed", open_id, {"reason": reason})]


async def test_disconnect_with_an_unknown_reason_is_refused(connected: SandboxClient) -> None:
    path = f"/_sandbox/creators/{connected.tokens['open_id']}/disconnect"

    assert (await connected.http.post(path, json={"reason": 6})).status_code == 422
    assert (await connected.creator_info()).status_code == 200
