"""The list of secrets: every code, token, verifier and upload URL."""

from typing import Any

from harness.sandbox_client import VERIFIER, SandboxClient
from tiktok_sandbox.model.issued_secrets import MAX_SECRETS, IssuedSecrets, SecretKind


async def secrets_of(client: SandboxClient, after: int = 0) -> list[dict[str, Any]]:
    answer = await client.http.get("/_sandbox/secrets", params={"after": after})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["secrets"]
    return found


async def test_secrets_on_the_way_to_a_post_are_listed_in_order(client: SandboxClient) -> None:
    callback = await client.consent()
    first = (await client.exchange(callback["code"])).json()
    second = (await client.refresh(first["refresh_token"])).json()
    client.token = second["access_token"]
    _, url = await client.open_upload(10)

    received = await secrets_of(client)

    assert [(each["number"], each["kind"], each["value"]) for each in received] == [
        (1, "authorization_code", callback["code"]),
        (2, "code_verifier", VERIFIER),
        (3, "access_token", first["access_token"]),
        (4, "refresh_token", first["refresh_token"]),
        (5, "access_token", second["access_token"]),
        (6, "refresh_token", second["refresh_token"]),
        (7, "upload_token", url.rpartition("=")[2]),
        (8, "upload_url", url),
    ]
    assert {each["open_id"] for each in received} == {first["open_id"]}


async def test_after_returns_only_newer_secrets(connected: SandboxClient) -> None:
    await connected.refresh(connected.tokens["refresh_token"])

    assert [each["number"] for each in await secrets_of(connected, after=5)] == [6]


async def test_tokens_without_consent_are_listed_too(client: SandboxClient) -> None:
    given = (await client.http.post("/_sandbox/tokens", json={"username": "demo-creator"})).json()
    form = {**client.app, "grant_type": "client_credentials"}
    own = (await client.http.post("/v2/oauth/token/", data=form)).json()

    received = [(each["kind"], each["value"]) for each in await secrets_of(client)]

    assert received == [
        ("access_token", given["access_token"]),
        ("refresh_token", given["refresh_token"]),
        ("client_token", own["access_token"]),
    ]


def test_oldest_secrets_are_dropped_and_counted() -> None:
    secrets = IssuedSecrets()
    for number in range(MAX_SECRETS + 1):
        secrets.record(SecretKind.ACCESS_TOKEN, f"token {number}")

    known = list(secrets.after(0))

    assert secrets.count == MAX_SECRETS + 1
    assert (len(known), known[0].number) == (MAX_SECRETS, 2)
    assert "token" not in repr(known[0]).removeprefix("Secret(access_token)")
