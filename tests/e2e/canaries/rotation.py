"""Everything is sealed anew under another vault key: first by someone who gives the wrong old one, then rightly."""

import asyncio
import base64
import sys

import httpx

from e2e.canaries.scene import Scene
from e2e.waiting import eventually

READY_WITHIN = 40.0
ROTATED_WITHIN = 120.0


async def keys_rotated(scene: Scene) -> None:
    """Auth gets a new vault key in front of the old one, and `rotate-keys` is run."""
    new, wrong = (base64.b64encode(scene.made_up().encode()[:32]).decode() for _ in range(2))
    scene.note_key("planted vault key", wrong)
    scene.note_key("vault key", new)
    old = scene.stack.keys.named_vault_key
    environment = scene.stack.service("auth")._environment
    environment["AUTH_VAULT_KEYS"] = f"canary-2:{new},{old}"
    await scene.observe()
    await asyncio.to_thread(scene.stack.service("auth").kill9)
    await eventually(lambda: _ready(scene), what="auth with two keys", within=READY_WITHIN)
    name = old.split(":")[0]
    refused, words = await _rotate(scene, f"canary-2:{new},{name}:{wrong}")
    assert (refused, "cannot open" in words) == (1, True), words
    done, words = await _rotate(scene, f"canary-2:{new},{old}")
    assert (done, "no record is sealed under another key" in words) == (0, True), words


async def _ready(scene: Scene) -> bool:
    try:
        answer = await scene.stage.ask("auth", "/readyz", {})
    except httpx.TransportError:
        return False
    return answer.is_success


async def _rotate(scene: Scene, keys: str) -> tuple[int, str]:
    """Run the command; return its exit status and what it said, which is kept among the logs."""
    environment = {**scene.stack.service("auth")._environment, "AUTH_VAULT_KEYS": keys}
    path = scene.stack.folder / "logs" / "rotate-keys.log"
    with path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "auth_service", "rotate-keys"), env=environment, stdout=log, stderr=log
        )
        try:
            status = await asyncio.wait_for(process.wait(), ROTATED_WITHIN)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return status, await asyncio.to_thread(path.read_text)
