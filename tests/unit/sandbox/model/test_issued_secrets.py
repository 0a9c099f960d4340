"""The list of secrets: every code, token, verifier and upload URL."""

from typing import Any

from harness.sandbox_client import VERIFIER, Visitor
from tiktok_sandbox.model.issued_secrets import MAX_SECRETS, IssuedSecrets, SecretKind


async def secrets_of(visitor: Visitor, after: int = 0) -> list[dict[str, Any]]:
    answer = await visitor.http.get("/_sandbox/secrets", params={"after": after})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["secrets"]
    return found


async def test_secrets_on_the_way_to_a_post_are_listed_in_order(visitor: Visitor) -> None:
    callback = await visitor.consent()
    first = (await visitor.exchange(callback["code"])).json()
    second = (await visitor.refresh(first["refresh_token"])).json()
    visitor.token = second["access_token"]
    _, url = await visitor.opened(10)

    told = await secrets_of(visitor)

    assert [(each["number"], each["kind"], each["value"]) for each in told] == [
        (1, "authorization_code", callback["code"]),
        (2, "code_verifier", VERIFIER),
        (3, "access_token", first["access_token"]),
        (4, "refresh_token", first["refresh_token"]),
        (5, "access_token", second["access_token"]),
        (6, "refresh_token", second["refresh_token"]),
        (7, "upload_token", url.rpartition("=")[2]),
        (8, "upload_url", url),
    ]
    assert {each["open_id"] for each in told} == {first["open_id"]}


async def test_after_returns_only_newer_secrets(connected: Visitor) -> None:
    await connected.refresh(connected.tokens["refresh_token"])

    assert [each["number"] for each in await secrets_of(connected, after=5)] == [6]


async def test_tokens_without_consent_are_listed_too(visitor: Visitor) -> None:
    given = (await visitor.http.post("/_sandbox/tokens", json={"username": "demo-creator"})).json()
    form = {**visitor.app, "grant_type": "client_credentials"}
    own = (await visitor.http.post("/v2/oauth/token/", data=form)).json()

    told = [(each["kind"], each["value"]) for each in await secrets_of(visitor)]

    assert told == [
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
