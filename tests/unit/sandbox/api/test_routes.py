"""TikTok's addresses, and how their requests are read."""

import pytest

from harness.sandbox_client import SandboxClient


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_bearer_scheme_is_read_in_any_case(connected: SandboxClient, scheme: str) -> None:
    answer = await connected.http.get(
        "/v2/user/info/?fields=open_id", headers={"Authorization": f"{scheme} {connected.token}"}
    )

    assert answer.status_code == 200


async def test_token_of_another_scheme_is_ignored(connected: SandboxClient) -> None:
    answer = await connected.http.get(
        "/v2/user/info/?fields=open_id", headers={"Authorization": f"Basic {connected.token}"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v2/oauth/token/", "/v2/oauth/revoke/"])
async def test_form_endpoint_refuses_another_content_type(client: SandboxClient, path: str) -> None:
    answer = await client.http.post(path, content=b"a=b", headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_every_answer_has_a_log_id_header(connected: SandboxClient) -> None:
    answers = [await connected.creator_info() for _ in range(2)]

    assert len({each.headers["x-tt-logid"] for each in answers}) == 2
