"""The vault key is rotated while 200 accounts refresh tokens that are valid for seconds: nothing fails."""

import asyncio
import base64
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service.tokens.rotation import MAX_REQUESTED
from auth_service.tokens.token_pairs import TokenPair
from common.contract.account import TokenPairResealed
from common.contract.tenant import AppResealed
from common.security.sealing import Vault
from harness.auth_installation import (
    NEW,
    OLD,
    SETTLED_WITHIN,
    TENANTS,
    AuthInstallation,
    ConsentedAccount,
    open_installation,
)

BOTH = f"{NEW},{OLD}"
TOKEN_SECONDS = 14
BUSY = 200
QUIET = 2 * MAX_REQUESTED + 20
"""Accounts with long-lived tokens: only the command reseals them, and not all at once."""


def quiet(number: int) -> ConsentedAccount:
    tokens = TokenPair(access_token=f"act.quiet.{number}", refresh_token=f"rft.quiet.{number}")
    return ConsentedAccount(tenant="initech", open_id=f"-000quiet{number}", tokens=tokens, life=timedelta(days=1))


async def start_and_kill(auth: AuthInstallation) -> None:
    """Run the command, and kill it before its requests are handled. The worker is paused meanwhile."""
    async with auth.run_command("rotate-keys", keys=BOTH) as rotating, asyncio.timeout(SETTLED_WITHIN):
        assert rotating.stdout is not None
        first = await rotating.stdout.readline()
        assert first.startswith(b"resealed 0 of "), first
        auth.worker.pause()
        try:
            while not await has_asked(auth):
                assert rotating.returncode is None
            rotating.kill()
            await rotating.wait()
        finally:
            auth.worker.resume()


async def has_asked(auth: AuthInstallation) -> bool:
    return any(
        isinstance(command, TokenPairResealed | AppResealed) for command in await auth.records_on("auth.commands")
    )


async def finish(auth: AuthInstallation) -> list[str]:
    """Run the command to its end; return its output."""
    async with auth.run_command("rotate-keys", keys=BOTH) as rotating:
        output, _ = await asyncio.wait_for(rotating.communicate(), SETTLED_WITHIN)
    assert rotating.returncode == 0, output.decode()
    return output.decode().splitlines()


async def expect_no_worker_without_a_key(auth: AuthInstallation) -> None:
    """Start a worker without the right key: it reports that, and takes no partition from the running one."""
    recipient = base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    settings = {
        "AUTH_HTTP_PORT": "0",
        "AUTH_SERVICE_PUBLIC_KEYS": f"uploader:{recipient}",
        "TIKTOK_CLIENT_KEY": "none",
        "TIKTOK_CLIENT_SECRET": "none",
        "TIKTOK_REDIRECT_URI": "http://127.0.0.1:8101/v1/oauth/callback",
    }
    async with auth.run_command("worker", keys=OLD, **settings) as wrong_worker:
        output, _ = await asyncio.wait_for(wrong_worker.communicate(), SETTLED_WITHIN)
    assert wrong_worker.returncode == 1
    last = json.loads(output.decode().splitlines()[-1])
    assert last["event"] == "cannot_start"
    assert f"{BUSY + QUIET + 2} under key id `k2`" in last["fault"]


async def expect_no_refusals(auth: AuthInstallation, accounts: int) -> None:
    bodies = [*await auth.records_on("account.events"), *await auth.records_on("auth.credentials")]
    types = Counter(body.ce_type for body in bodies)
    issued = types.pop("credential.issued")
    assert issued > accounts
    assert types == {"account.connected": accounts}
    lines = auth.log_lines()
    assert {line["result"] for line in lines if line["event"] == "refresh_ended"} == {"done"}
    assert {line["event"] for line in lines if line["level"] in {"warning", "error", "critical"}} == set()


async def test_vault_key_is_rotated_while_auth_runs(tmp_path: Path) -> None:
    async with open_installation(tmp_path / "stack", keys=OLD, token_seconds=TOKEN_SECONDS) as auth:
        old, new = Vault.parse(OLD), Vault.parse(NEW)
        await auth.add_apps(old)
        busy = await auth.connect(await auth.consented_accounts(BUSY), old)
        await auth.connect(map(quiet, range(QUIET)), old)
        await auth.until_refreshed(busy)

        await auth.restart_worker(BOTH)
        before = await auth.pairs(Vault.parse(BOTH))
        await start_and_kill(auth)
        output = await finish(auth)
        assert output[-1] == "no record is sealed under another key than k2"
        done = [line for line in output if line.startswith("resealed ")]
        assert done[0].startswith("resealed 0 of ")
        assert int(done[-1].split()[1]) > 0
        sealed_apps = 2 * sum(map(bool, TENANTS.values()))
        assert await auth.key_ids() == ["k2"] * (BUSY + QUIET + sealed_apps)
        after = await auth.pairs(new)
        assert {lane: tokens for lane, tokens in after.items() if lane not in busy} == {
            lane: tokens for lane, tokens in before.items() if lane not in busy
        }

        await auth.restart_worker(NEW)
        await auth.until_refreshed(busy)
        await expect_no_worker_without_a_key(auth)
        await expect_no_refusals(auth, BUSY + QUIET)
