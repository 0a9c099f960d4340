"""Known secrets everywhere they can be, everything run that may go wrong, and then: found nowhere that is read."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.canaries import Answers, Canaries, documents, logs, search, topics
from e2e.stage import Account, Clip, Stage
from e2e.waiting import eventually
from stack.demo import browser
from stack.demo.errors import ConsentFailed
from stack.local import Stack

SOON = 60.0
LIVES = {"lifetimes": {"access_token": 40}}
USUAL: dict[str, Any] = {"lifetimes": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A stage whose answers are kept, and what must not be found."""

    stage: Stage
    canaries: Canaries
    answers: Answers
    crashes: list[tuple[str, bytes]]


@pytest.fixture
async def scene(stage: Stage, stack: Stack) -> AsyncIterator[Scene]:
    canaries, answers = Canaries(), Answers(tuple(stack.urls.values()))
    stage.web.event_hooks["response"].append(answers.note)
    plant_what_the_stack_knows(canaries, stack)
    await stage.tiktok.change(LIVES)
    yield Scene(stage=stage, canaries=canaries, answers=answers, crashes=[])
    await stage.tiktok.change(USUAL)


def plant_what_the_stack_knows(canaries: Canaries, stack: Stack) -> None:
    keys = stack.keys
    canaries.plant("client secret", keys.client_secret)
    canaries.plant("vault key", keys.vault)
    canaries.plant("bootstrap secret", keys.bootstrap)
    for service, key in keys.private.items():
        canaries.plant(f"private key of {service}", key)


async def connect(scene: Scene) -> Account:
    """Connect, decline once, follow a link that is broken, and come back twice by the same address."""
    stage, auth = scene.stage, scene.stage.stack.urls["auth"]
    account = await stage.connect("canary")
    key = await stage.key_of(account.tenant)
    scene.canaries.plant("API key", key["Authorization"].removeprefix("Bearer "))
    with pytest.raises(ConsentFailed):
        await browser.connect(
            stage.web, auth, key=key["Authorization"].removeprefix("Bearer "), creator="canary", decision="cancel"
        )
    for address in list(scene.answers.callbacks):
        await stage.web.get(address)
    await stage.web.get(f"{auth}/v1/oauth/callback", params={"state": "v1.nonsense", "code": "guessed-code"})
    return account


async def post(scene: Scene, account: Account, clip: Clip) -> None:
    """Post well, from nowhere, with a chunk that TikTok refuses, and with a crash on the way."""
    stage = scene.stage
    well, crashing, refused = (stage.request(account, clip) for _ in range(3))
    nowhere = {**stage.request(account, clip), "source": {"url": f"{stage.stack.media_url}/none.mp4"}}
    await stage.tiktok.fail("upload", title=refused["caption"], status=403)
    hold = await stage.tiktok.hold("upload", at="body", open_id=account.open_id, after_bytes=clip.size // 2)
    async with stage.events_of(well) as events:
        await stage.ask_for(crashing, nowhere, refused, well)
        await hold.reached()
        await stage.kill("uploader")
        await hold.release()
        await events.until_type("post.published", within=SOON)


async def refresh(scene: Scene, account: Account) -> None:
    """Have refreshes lose answers and be refused for a while, and then succeed."""
    stage = scene.stage
    await stage.tiktok.fail("token", open_id=account.open_id, status=503, times=1)
    key = await stage.key_of(account.tenant)

    async def refreshed() -> bool:
        shown = await stage.ask("auth", f"/v1/accounts/{account.account_id}", key)
        return bool((shown.json().get("version") or 0) >= 3)

    await eventually(refreshed, what="two refreshes", within=SOON)


async def ask_wrongly(scene: Scene, account: Account) -> None:
    """Send secrets where they do not belong, and bodies that are wrong beside a secret."""
    stage, key = scene.stage, await scene.stage.key_of(account.tenant)
    secret = stage.stack.keys.client_secret
    for service, path in (("publisher", "/v1/posts"), ("auth", "/v1/accounts/connect")):
        await stage.ask(service, path, key, method="POST", json={"access_token": secret, "client_secret": [secret]})
    await stage.administer("PUT", f"/{account.tenant}/app", {"client_key": "sbaw", "client_secret": [secret]})
    await stage.administer("PUT", f"/{account.tenant}/app", {"client_key": "", "client_secret": secret * 40})
    await stage.ask("auth", "/v1/admin/tenants", {"Authorization": f"Bearer {secret}"})
    await stage.ask("analytics", "/v1/posts/none", {"Authorization": f"Basic {secret}"})
    await stage.send_webhook(b"{}", signature=f"t=1,s={secret}")


def environment_of(pid: int) -> dict[str, str]:
    """Read what a process was told at its start."""
    lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return {name: value for name, _, value in (line.partition("=") for line in lines if line)}


async def crash(scene: Scene) -> None:
    """Start processes with keys that are not theirs; keep what they say."""
    stack = scene.stage.stack
    wrong = {
        "auth": {"AUTH_VAULT_KEYS": f"stack-1:{stack.keys.private['uploader']}"},
        "uploader": {"UPLOADER_PRIVATE_KEY": stack.keys.vault + "=", "TIKTOK_API_URL": "nowhere"},
    }
    for service, settings in wrong.items():
        told = environment_of(stack.service(service).pid)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"{service}_service"),
            env={**told, **settings, f"{service.upper()}_HTTP_PORT": "0", f"{service.upper()}_INSTANCE": ""},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), SOON)
        assert process.returncode == 1, said
        scene.crashes.append((f"last words of {service}", said))


async def leave(scene: Scene, account: Account) -> None:
    """Disconnect, and revoke the key."""
    stage, key = scene.stage, await scene.stage.key_of(account.tenant)
    await stage.ask("auth", f"/v1/accounts/{account.account_id}", key, method="DELETE")
    key_id = key["Authorization"].split("_")[1]
    await stage.administer("DELETE", f"/{account.tenant}/keys/{key_id}")


async def everything_that_is_read(scene: Scene) -> AsyncIterator[tuple[str, bytes]]:
    stack, stage = scene.stage.stack, scene.stage
    for place in logs(stack.folder / "logs"):
        yield place
    for place in (*scene.answers.seen, *scene.crashes):
        yield place
    for service, url in stack.urls.items():
        yield f"metrics of {service}", (await stage.web.get(f"{url}/metrics")).content
    async for place in topics(stack.bootstrap_servers):
        yield place
    async for place in documents(stack.mongodb_url):
        yield place


async def test_no_secret_is_found_where_people_and_programs_read(
    scene: Scene, short_clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    account = await connect(scene)
    await post(scene, account, short_clip)
    await refresh(scene, account)
    await ask_wrongly(scene, account)
    await crash(scene)
    await leave(scene, account)
    for told in await scene.stage.tiktok.secrets():
        scene.canaries.plant(told.kind, told.value)
    kinds = set(scene.canaries.known.values())
    assert {"access_token", "refresh_token", "authorization_code", "upload_url", "code_verifier", "API key"} <= kinds
    places = [place async for place in everything_that_is_read(scene)]
    read = sum(len(content) for _, content in places)
    with capsys.disabled():
        print(f"\ncanaries: {len(scene.canaries.known)} secrets, {len(places)} places, {read:,} bytes")
    assert search(scene.canaries, places) == []
    # The search finds what is there: one of them is planted in the last of all places.
    kind, secret = "API key", next(text for text, kind in scene.canaries.known.items() if kind == "API key")
    place, content = places[-1]
    assert search(scene.canaries, [*places[:-1], (place, content + secret.encode())]) == [f"{kind} in {place}"]
