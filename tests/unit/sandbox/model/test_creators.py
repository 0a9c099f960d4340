"""Open ids and union ids of a person."""

from typing import Any

from harness.sandbox_apps import issue_tokens
from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model.identifiers import open_id_of


async def test_person_in_two_apps_has_two_open_ids_and_one_union_id(
    client: SandboxClient, other_app: dict[str, Any]
) -> None:
    found = []
    for client_key in (client.app["client_key"], other_app["client_key"]):
        tokens = (await issue_tokens(client, client_key=client_key)).json()
        answer = await client.http.get(
            "/v2/user/info/",
            params={"fields": "open_id,union_id"},
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
        )
        user = answer.json()["data"]["user"]
        assert user["open_id"] == tokens["open_id"] == open_id_of(client_key, "demo-creator")
        found.append(user)

    assert found[0]["open_id"] != found[1]["open_id"]
    assert found[0]["union_id"] == found[1]["union_id"]
