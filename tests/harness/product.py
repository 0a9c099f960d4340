"""The product from outside: connect accounts, request posts, kill services, and check what was published."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import msgspec
from aiokafka import AIOKafkaProducer

from harness.sandbox_admin import SandboxAdmin
from harness.topic_tail import Event, TopicTail
from harness.waiting import eventually
from stack.api_keys import SCOPES
from stack.demo import browser
from stack.local import Stack

# Each is many times what it takes on a small machine that has nothing else to do.
ANSWER_WITHIN = 10.0
CONNECTED_WITHIN = 30.0
BACK_WITHIN = 60.0
ENDED_WITHIN = 60.0
NUMBERS_WITHIN = 60.0

AGES = 3
"""How many ages the session's stack collects numbers at; after the last one a post stays as it is."""
VOLATILE = frozenset({"freshness", "seconds_ago"})

Request: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A video that the media server hands out."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A connected account."""

    tenant: str
    account_id: str
    open_id: str


def make_clip(folder: Path, name: str, size: int) -> Clip:
    """Write a file that begins like an MP4 and continues with noise. No service reads further than the beginning."""
    body = (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + Random(size).randbytes(size))[:size]
    (folder / name).write_bytes(body)
    return Clip(name=name, size=size, sha256=hashlib.sha256(body).hexdigest())


@asynccontextmanager
async def open_product(stack: Stack) -> AsyncIterator["Product"]:
    """Go to a running stack."""
    trust = ssl.create_default_context(cafile=str(stack.ca_file))
    async with httpx.AsyncClient(verify=trust, timeout=ANSWER_WITHIN, trust_env=False) as web:
        yield Product(stack, web)


class Product:
    """A running stack, seen from outside."""

    def __init__(self, stack: Stack, web: httpx.AsyncClient) -> None:
        self.stack = stack
        self.tiktok = SandboxAdmin(web, stack.sandbox_url)
        self.web = web

    async def key_of(self, tenant: str, *scopes: str) -> dict[str, str]:
        """An API key of the tenant's as a header; with every scope unless some are named."""
        key = await asyncio.to_thread(self.stack.api_key, tenant, scopes or SCOPES)
        return {"Authorization": f"Bearer {key}"}

    async def call(
        self, service: str, path: str, headers: Mapping[str, str], *, method: str = "GET", **more: Any
    ) -> httpx.Response:
        """Send a request to a service's API and return the answer, also an error."""
        return await self.web.request(method, self.stack.urls[service] + path, headers=dict(headers), **more)

    async def administer(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call auth's admin API for tenants as the operator."""
        operator = {"Authorization": f"Bearer {self.stack.bootstrap_secret}"}
        return await self.call("auth", f"/v1/admin/tenants{path}", operator, method=method, json=body)

    async def connect(self, creator: str, *, tenant: str = "") -> Account:
        """Connect a creator through the consent pages, for a tenant of its own unless one is named."""
        tenant, auth = tenant or f"tenant-of-{creator}", self.stack.urls["auth"]
        key = await asyncio.to_thread(self.stack.api_key, tenant)
        page = await browser.connect(self.web, auth, key=key, creator=creator)
        assert page.headline.startswith("Connected"), page.headline
        headers = await self.key_of(tenant)

        async def connected() -> list[dict[str, Any]]:
            answer = await self.web.get(f"{auth}/v1/accounts", headers=headers)
            accounts = answer.raise_for_status().json()["accounts"]
            return [account for account in accounts if account["status"] == "connected"]

        account = (await eventually(connected, what=f"{creator} to be connected", within=CONNECTED_WITHIN))[0]
        return Account(tenant=tenant, account_id=account["account_id"], open_id=account["open_id"])

    def request(self, account: Account, clip: Clip) -> Request:
        """Write a request as a backend would. Its caption names the post in TikTok's ledger."""
        post_id = f"post-{uuid4().hex[:12]}"
        return {
            "post_id": post_id,
            "account_id": account.account_id,
            "tenant": account.tenant,
            "source": {"url": f"{self.stack.media_url}/{clip.name}"},
            "privacy_level": "PUBLIC_TO_EVERYONE",
            "caption": f"caption of {post_id}",
        }

    async def send(self, records: Iterable[tuple[str | None, bytes | None]], *, ce_type: str | None = None) -> None:
        """Put records with these keys on `post.requests`, as a backend with a plain producer would."""
        headers = [("ce_type", ce_type.encode())] if ce_type else []
        async with AIOKafkaProducer(bootstrap_servers=self.stack.bootstrap_servers, acks="all") as producer:
            for key, value in records:
                await producer.send_and_wait("post.requests", value, key=key.encode() if key else None, headers=headers)

    async def request_posts(self, *requests: Request) -> None:
        """Request posts through Kafka."""
        await self.send([(request["account_id"], msgspec.json.encode(request)) for request in requests])

    async def send_webhook(self, body: bytes, *, signature: str) -> httpx.Response:
        """Send a webhook to the publisher as TikTok does."""
        url = f"{self.stack.urls['publisher']}/v1/webhooks/tiktok"
        return await self.web.post(url, content=body, headers={"TikTok-Signature": signature})

    @asynccontextmanager
    async def events_of(self, request: Request) -> AsyncIterator[TopicTail]:
        """Follow the events of a post."""

        def of_the_post(event: Event) -> bool:
            owner = event.body["tenant"] in {request["tenant"], ""}
            return bool(owner and event.body["post_id"] == request["post_id"])

        async with TopicTail(self.stack.bootstrap_servers, "post.events", of_the_post) as tail:
            yield tail

    async def kill(self, service: str) -> None:
        """`kill -9` a service; return when it was restarted and is ready."""
        worker = self.stack.service(service)
        victim = await asyncio.to_thread(worker.kill9)
        await asyncio.to_thread(worker.wait_restarted, after=victim)
        await asyncio.to_thread(worker.wait_ready, timeout=BACK_WITHIN)

    async def expect_published_once(self, request: Request, clip: Clip, events: TopicTail) -> None:
        """Wait until a post is published; check TikTok's ledger, the events and the read API."""
        await events.until_type("post.published", within=ENDED_WITHIN)
        await self._expect_numbers(request)
        await events.to_the_end(within=ENDED_WITHIN)
        expect_consecutive_revisions(events.seen)
        ledger = await self.tiktok.ledger(title=request["caption"])
        assert [(post.sha256, post.bytes) for post in ledger.posts] == [(clip.sha256, clip.size)]
        # Interrupted attempts may have left further inits. None of them may be complete.
        others = [begun for begun in ledger.inits if begun.publish_id != ledger.posts[0].publish_id]
        assert all(begun.uploaded_bytes < begun.size for begun in others)

    async def _expect_numbers(self, request: Request) -> None:
        async def numbers() -> bool:
            series = await self._ask_analytics(request, "/metrics")
            return bool(series.get("metrics"))

        async def shown() -> bool:
            post = await self._ask_analytics(request)
            return post.get("state") == "available" and all(video["latest"] for video in post["videos"])

        post_id = request["post_id"]
        await eventually(numbers, what=f"stored numbers of {post_id}", within=NUMBERS_WITHIN)
        await eventually(shown, what=f"{post_id} to be available with its numbers", within=NUMBERS_WITHIN)

    async def _ask_analytics(self, request: Request, path: str = "") -> dict[str, Any]:
        url = f"{self.stack.urls['analytics']}/v1/posts/{request['post_id']}{path}"
        headers = await self.key_of(request["tenant"])
        answer = await self.web.get(url, params={"account_id": request["account_id"]}, headers=headers)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        known: dict[str, Any] = answer.raise_for_status().json()
        return known


def without_volatile(answer: Any) -> Any:
    """Remove the fields of an answer that change with time."""
    if isinstance(answer, dict):
        return {name: without_volatile(inner) for name, inner in answer.items() if name not in VOLATILE}
    return [without_volatile(inner) for inner in answer] if isinstance(answer, list) else answer


def expect_consecutive_revisions(events: Iterable[Event]) -> None:
    """Check that a post was published once and that its revisions are 1, 2, 3 … Progress repeats a revision."""
    seen = list(events)
    counted = [event for event in seen if event.type != "post.progressed"]
    types = [event.type for event in counted]
    assert types[0] == "post.accepted"
    assert [types.count(once) for once in ("post.uploaded", "post.published", "post.available")] == [1, 1, 1], types
    assert [event.body["revision"] for event in counted] == list(range(1, len(counted) + 1)), types
    revision = 0
    for event in seen:
        if event.type == "post.progressed":
            assert event.body["revision"] == revision
        revision = event.body["revision"]
