"""Steps with mistakes: secrets in requests, records and settings where none belong, and processes that crash."""

import asyncio
import base64
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import msgspec
from aiokafka import AIOKafkaProducer

from common.contract.topics import state_topic
from e2e.canaries.accounts import TENANT
from e2e.canaries.canary_run import CALLBACK, START, CanaryRun, run_module
from harness.product import Request
from harness.topic_tail import Event, TopicTail
from harness.waiting import eventually
from stack.options import SERVICES

ENDS_WITHIN = 40.0
OUTSIDE = ("topic post.requests", "topic uploader.dead_letters")
"""What backends write is kept as they wrote it, and so is what could not be read."""
SECRET_FIELDS = ("access_token", "client_secret", "api_key", "password", "visibility")


async def wrong_places(run: CanaryRun) -> None:
    """Backends and browsers send secrets as fields, queries, headers, paths and text that is no JSON."""
    header = await run.key_of(TENANT)
    for service, path in (("publisher", "/v1/posts"), ("auth", "/v1/accounts/connect")):
        await _misplaced(run, service, path, header)
    for service, path in (
        ("analytics", "/v1/posts/none"),
        ("auth", "/v1/accounts"),
        ("auth", START),
        ("auth", CALLBACK),
    ):
        await run.product.call(service, f"{path}?access_token={run.plant('query')}", header)
        await run.product.call(service, path, {**header, "X-Api-Key": run.plant("header")})
        await run.product.call(service, path, header, params={"limit": run.plant("parameter"), "after": "x"})
    for service, path in (("analytics", "/v1/posts/"), ("auth", "/v1/accounts/"), ("publisher", "/v1/")):
        await run.product.call(service, path + run.plant("path", "answer of"), header)
        await run.product.call(service, path, {"Authorization": f"Bearer {run.plant('bearer')}"}, method="DELETE")
        await run.product.call(service, path, {"Authorization": f"Basic {run.plant('basic')}"})
    await _misplaced_by_operator(run)
    for signature in ("nonsense", f"t=1,s={run.plant('signature')}"):
        body = f'{{"client_key": "x", "access_token": "{run.plant("webhook")}"}}'.encode()
        assert (await run.product.send_webhook(body, signature=signature)).is_client_error


async def _misplaced(run: CanaryRun, service: str, path: str, header: Mapping[str, str]) -> None:
    async def send(**content: object) -> None:
        answer = await run.product.call(service, path, header, method="POST", **content)
        assert answer.is_client_error, answer.text

    for name in SECRET_FIELDS:
        await send(json={name: run.plant(f"field {name}")})
    for name in ("privacy_level", "publish_at", "account_id", "post_id", "scopes", "return_to"):
        await send(json={name: run.plant(f"value of {name}")})
    person = f"{run.plant('user')}:x"
    await send(json={"source": {"url": f"http://{person}@media.example"}})
    await send(json={run.plant("name of a field"): 1})
    await send(json=[run.plant("element")])
    await send(content=f'{{"access_token": "{run.plant("broken JSON")}"')
    await send(data={"access_token": run.plant("form")})


async def _misplaced_by_operator(run: CanaryRun) -> None:
    for path, body in (
        (f"/{TENANT}", {"name": "x", "client_secret": run.plant("client_secret")}),
        (f"/{TENANT}", {"name": "x", "return_urls": [f"ftp://{run.plant('return_url')}"]}),
        (f"/{TENANT}/app", {"client_key": "k", "client_secret": [run.plant("client_secret")]}),
        (f"/{TENANT}/app", {"client_key": "not a key", "client_secret": run.plant("client_secret")}),
        (f"/{quote(run.plant('tenant') + ' ')}", {"name": "x"}),
    ):
        assert (await run.product.administer("PUT", path, body)).is_client_error
    wrong_secret = {"Authorization": f"Bearer {run.plant('bootstrap secret')}"}
    assert (await run.product.call("auth", "/v1/admin/tenants", wrong_secret)).status_code == httpx.codes.UNAUTHORIZED


async def dead_letters(run: CanaryRun) -> None:
    """Records that are no requests, with secrets in every part of them."""

    def plant(kind: str) -> str:
        return run.plant(kind, *OUTSIDE)

    good = {"post_id": "p", "account_id": "acc_unknown", "tenant": TENANT, "privacy_level": "SELF_ONLY"}
    values: list[bytes] = [
        f"not JSON: {plant('text')}".encode(),
        f'["{plant("element")}"]'.encode(),
        msgspec.json.encode({"post_id": plant("post_id"), "access_token": plant("access_token")}),
        msgspec.json.encode({"post_id": {"token": plant("nested")}, "account_id": "a", "tenant": "t"}),
        b'{"post_id": "\xff' + plant("not UTF-8").encode(),
    ]
    # These name a post, which ends with a sentence about what is wrong.
    ends: list[Request] = [
        {**good, "post_id": "canary-1", "source": {"url": "https://m.example/a"}, "access_token": plant("field")},
        {**good, "post_id": "canary-2", "source": {"url": "https://m.example/a"}, "privacy_level": plant("level")},
        {**good, "post_id": "canary-3", "source": {"url": "https://m.example/a"}, "publish_at": plant("time")},
        {**good, "post_id": "canary-4", "source": plant("source")},
        {**good, "post_id": "canary-5", "source": {"url": "https://m.example/a"}, plant("name of a field"): 1},
    ]
    await run.product.send([("a", value) for value in values], ce_type="post.requested")
    await run.product.send([("a", values[0])], ce_type=plant("type"))
    await run.product.request_posts(*ends)
    last = msgspec.json.encode(values[0].decode())
    await run.product.send([("a", last)])
    async with TopicTail(
        run.stack.bootstrap_servers, "uploader.dead_letters", lambda event: event.value == last
    ) as letters:
        await letters.until(lambda: bool(letters.seen), what="the last dead letter", within=ENDS_WITHIN)

    def of_ours(event: Event) -> bool:
        return str(event.body["post_id"]).startswith("canary-")

    async with TopicTail(run.stack.bootstrap_servers, "post.events", of_ours) as events:
        await events.until(lambda: events.types() == ["post.failed"] * len(ends), what="their ends", within=ENDS_WITHIN)


async def misconfigured(run: CanaryRun) -> None:
    """Processes are started with secrets that are wrong, spoilt, or in the wrong variables."""
    other, spoilt = (base64.b64encode(run.made_up().encode()[:32]).decode() for _ in range(2))
    run.note_key("planted vault key", other)
    run.note_key("planted vault key", spoilt)
    person = f"me:{run.plant('password')}"
    attempts: list[tuple[str, dict[str, str]]] = [
        ("auth", {"AUTH_VAULT_KEYS": f"stack-1:{other}"}),
        ("auth", {"AUTH_VAULT_KEYS": f"stack-1:{spoilt}!"}),
        ("auth", {"AUTH_VAULT_KEYS": spoilt}),
        ("auth", {"AUTH_SERVICE_PUBLIC_KEYS": f"uploader:{run.plant('key')}"}),
        ("auth", {"AUTH_HTTP_PORT": run.plant("port")}),
        ("auth", {"AUTH_BOOTSTRAP_SECRET": run.note("planted short secret", run.made_up()[:31])}),
        ("auth", {"TIKTOK_CLIENT_SECRET": run.plant("client secret"), "TIKTOK_REDIRECT_URI": run.plant("address")}),
        ("uploader", {"UPLOADER_PRIVATE_KEY": f"{spoilt}!"}),
        ("publisher", {"PUBLISHER_PRIVATE_KEY": run.plant("key")}),
        ("analytics", {"MONGODB_URL": f"mongodb://{person}@[:1"}),
        ("analytics", {"KAFKA_BOOTSTRAP_SERVERS": run.plant("servers")}),
    ]
    # Two at a time: on a small machine eleven processes that start together would all miss their deadline.
    permits = asyncio.Semaphore(2)
    statuses = await asyncio.gather(
        *(_start(run, service, number, wrong, permits) for number, (service, wrong) in enumerate(attempts))
    )
    assert 0 not in statuses, statuses


async def _start(
    run: CanaryRun, service: str, number: int, wrong: Mapping[str, str], permits: asyncio.Semaphore
) -> int:
    """Start a process of a service with something wrong; return its exit status."""
    right = run.stack.service(service)._environment
    environment = {
        **right,
        f"{service.upper()}_HTTP_PORT": "0",
        f"{service.upper()}_INSTANCE": f"wrong-{number}",
        **wrong,
    }
    log = run.log_of(f"{service}-wrong-{number}")
    async with permits:
        return await run_module(f"{service}_service", environment=environment, log=log, within=ENDS_WITHIN)


async def crashed(run: CanaryRun) -> None:
    """Every service ends with a traceback, its memory full of secrets: the last step, since none comes back."""
    await run.observe()
    async with AIOKafkaProducer(bootstrap_servers=run.stack.bootstrap_servers, acks="all") as producer:
        for service in SERVICES:
            for partition in range(4):
                await producer.send_and_wait(state_topic(service).name, b"{no state", key=b"a/b", partition=partition)
    for service in SERVICES:
        process = run.stack.service(service)
        logged = process.log.stat().st_size
        await asyncio.to_thread(process.kill9)
        what = f"the traceback of {service}"
        await eventually(partial(_failed, process.log, logged), what=what, within=ENDS_WITHIN)


async def _failed(log: Path, since: int) -> bool:
    return b"process_failed" in (await asyncio.to_thread(log.read_bytes))[since:]
