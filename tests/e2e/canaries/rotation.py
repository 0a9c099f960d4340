"""The step that rotates the vault key: first with a wrong old key, then with the right one."""

import asyncio
import base64

from e2e.canaries.canary_run import CanaryRun, run_module

ROTATED_WITHIN = 120.0


async def keys_rotated(run: CanaryRun) -> None:
    """Auth gets a new vault key in front of the old one, and `rotate-keys` is run."""
    new, wrong = (base64.b64encode(run.made_up().encode()[:32]).decode() for _ in range(2))
    run.note_key("planted vault key", wrong)
    run.note_key("vault key", new)
    old = run.stack.keys.vault_keys
    auth = run.stack.service("auth")
    auth._environment["AUTH_VAULT_KEYS"] = f"canary-2:{new},{old}"
    await run.observe()
    await asyncio.to_thread(auth.kill9)
    await asyncio.to_thread(auth.wait_ready)
    name = old.split(":")[0]
    refused, words = await _rotate(run, f"canary-2:{new},{name}:{wrong}")
    assert (refused, "cannot open" in words) == (1, True), words
    done, words = await _rotate(run, f"canary-2:{new},{old}")
    assert (done, "no record is sealed under another key" in words) == (0, True), words


async def _rotate(run: CanaryRun, keys: str) -> tuple[int, str]:
    """Run the command; return its exit status and its output, which is kept with the logs."""
    environment = {**run.stack.service("auth")._environment, "AUTH_VAULT_KEYS": keys}
    log = run.log_of("rotate-keys")
    status = await run_module("auth_service", "rotate-keys", environment=environment, log=log, within=ROTATED_WITHIN)
    return status, await asyncio.to_thread(log.read_text)
