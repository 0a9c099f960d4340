"""The stand-in TikTok from a tester's side: stops calls on the way, and judges by its ledger."""

from dataclasses import dataclass
from typing import Any, Literal

import httpx
import msgspec

HELD_WITHIN = 40.0

Call = Literal["creator_info", "video_init", "upload", "status", "video_query", "token"]
Moment = Literal["request", "body", "answer"]


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A post that is out."""

    publish_id: str
    open_id: str
    title: str
    sha256: str
    bytes: int


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted init. `bytes_read` counts what came over the wire, `uploaded_bytes` whole stored chunks."""

    publish_id: str
    open_id: str
    title: str
    size: int
    uploaded_bytes: int
    bytes_read: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What TikTok knows."""

    posts: tuple[Posted, ...] = ()
    inits: tuple[Begun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A rule that stops one call."""

    rule: str
    web: httpx.AsyncClient

    async def reached(self) -> None:
        """Return once the call is stopped."""
        query = {"holding": 1, "timeout": HELD_WITHIN}
        answer = await self.web.get(f"{self.rule}/wait", params=query, timeout=HELD_WITHIN + 5)
        assert answer.is_success, f"no call was stopped: {answer.text}"

    async def release(self) -> None:
        """Let the call go on, also if whoever made it is gone."""
        (await self.web.post(f"{self.rule}/release")).raise_for_status()


class StandIn:
    """Its admin API."""

    def __init__(self, web: httpx.AsyncClient, url: str) -> None:
        self._web = web
        self._url = f"{url}/_sandbox"

    async def hold(
        self, call: Call, *, open_id: str, at: Moment = "request", skip: int = 0, after_bytes: int = 0
    ) -> Hold:
        """Stop one of this creator's calls, after `skip` of its kind."""
        rule = {
            "action": "hold",
            "endpoint": call,
            "at": at,
            "skip": skip,
            "after_bytes": after_bytes,
            "open_id": open_id,
        }
        answer = await self._web.post(f"{self._url}/rules", json=rule)
        return Hold(rule=f"{self._url}/rules/{answer.raise_for_status().json()['id']}", web=self._web)

    async def disconnect(self, open_id: str) -> None:
        """Have this creator take back what they granted, in TikTok's own app."""
        (await self._web.post(f"{self._url}/creators/{open_id}/disconnect")).raise_for_status()

    async def fail(self, call: Call, *, status: int, times: int = 1, **which: str) -> None:
        """Have calls of one kind answered with this status, before anything is done."""
        rule = {"action": "status", "endpoint": call, "status": status, "times": times, **which}
        (await self._web.post(f"{self._url}/rules", json=rule)).raise_for_status()

    async def change(self, settings: dict[str, Any]) -> httpx.Response:
        """Change settings while it runs."""
        return await self._web.post(f"{self._url}/settings", json=settings)

    async def secrets(self) -> list[dict[str, Any]]:
        """What was handed out and is between it and us."""
        answer = await self._web.get(f"{self._url}/secrets")
        found: list[dict[str, Any]] = answer.raise_for_status().json()["secrets"]
        return found

    async def calls_of(self, open_id: str, endpoint: str | None = None) -> list[dict[str, Any]]:
        """What was called about this creator, in order."""
        query = {"open_id": open_id} | ({} if endpoint is None else {"endpoint": endpoint})
        answer = await self._web.get(f"{self._url}/calls", params=query)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
        return found

    async def add_app(self, client_key: str, *, secret: str, redirect_uri: str) -> None:
        """Register an app of somebody else's, for programs on this machine."""
        app = {
            "client_key": client_key,
            "client_secret": secret,
            "platform": "desktop",
            "redirect_uris": [redirect_uri],
        }
        (await self._web.post(f"{self._url}/apps", json=app)).raise_for_status()

    async def ledger(self, *, title: str) -> Ledger:
        """What is known of the post with this caption."""
        answer = await self._web.get(f"{self._url}/ledger")
        whole = msgspec.json.decode(answer.raise_for_status().content, type=Ledger)
        return Ledger(
            posts=tuple(post for post in whole.posts if post.title == title),
            inits=tuple(begun for begun in whole.inits if begun.title == title),
        )
