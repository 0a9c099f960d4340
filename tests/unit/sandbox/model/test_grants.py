"""Codes and tokens: no secret in a repr, no expired tokens left."""

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model.grants import Grants, Permission


async def test_secrets_are_not_in_reprs(connected: SandboxClient) -> None:
    shown = f"{connected.context.tables.settings!r} {connected.context.tables.grants!r}"

    for secret in (connected.app["client_secret"], connected.token, connected.tokens["refresh_token"]):
        assert secret not in shown


def test_expired_access_tokens_are_dropped() -> None:
    grants = Grants()
    for number in range(2_000):
        grants.access[f"act.{number}"] = Permission(client_key="k", open_id="o", scopes=(), expires_at=number)

    grants.drop_expired(1_990)

    assert len(grants.access) == 9
