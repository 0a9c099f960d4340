"""The sandbox's admin API: hold or break calls, change settings, read the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import msgspec

HELD_WITHIN = 40.0

Call = Literal["token", "creator_info", "video_init", "upload", "status", "video_query"]
CallPhase = Literal["request", "body", "answer"]


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A post that is out."""

    publish_id: str
    open_id: str
    title: str
    sha256: str
    bytes: int


class Init(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted init. `bytes_read` counts what came over the wire, `uploaded_bytes` whole stored chunks."""

    publish_id: str
    open_id: str
    title: str
    size: int
    uploaded_bytes: int
    bytes_read: int


class ApiCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that TikTok answered. `code` is `ok` if it succeeded."""

    number: int
    open_id: str | None
    status: int
    code: str


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that TikTok handed out or received."""

    number: int
    kind: str
    value: str
    open_id: str


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What TikTok knows."""

    posts: tuple[Publication, ...] = ()
    inits: tuple[Init, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A rule that holds one call, or more."""

    rule: str
    web: httpx.AsyncClient
    calls: int = 1

    async def reached(self) -> None:
        """Return once all its calls are held."""
        query = {"holding": self.calls, "timeout": HELD_WITHIN}
        answer = await self.web.get(f"{self.rule}/wait", params=query, timeout=HELD_WITHIN + 5)
        assert answer.is_success, f"not {self.calls} calls were stopped: {answer.text}"

    async def release(self) -> None:
        """Let the call continue, also if its caller is gone."""
        (await self.web.post(f"{self.rule}/release")).raise_for_status()


class SandboxAdmin:
    """Its admin API."""

    def __init__(self, web: httpx.AsyncClient, url: str) -> None:
        self._web = web
        self._url = f"{url}/_sandbox"

    async def hold(
        self,
        call: Call,
        *,
        open_id: str | None = None,
        at: CallPhase = "request",
        skip: int = 0,
        after_bytes: int = 0,
        calls: int = 1,
    ) -> Hold:
        """Hold one call (or more) of this creator, or of any, after `skip` of its kind."""
        rule_id = await self.rule("hold", call, at=at, skip=skip, after_bytes=after_bytes, open_id=open_id, times=calls)
        return Hold(rule=f"{self._url}/rules/{rule_id}", web=self._web, calls=calls)

    async def rule(self, action: str, call: Call, **more: Any) -> str:
        """Make a call go wrong; return the rule's id."""
        rule = {"action": action, "endpoint": call, **more}
        answer = await self._web.post(f"{self._url}/rules", json=rule)
        return str(answer.raise_for_status().json()["id"])

    async def change(self, settings: Mapping[str, Any]) -> None:
        """Change some of its settings."""
        (await self._web.post(f"{self._url}/settings", json=settings)).raise_for_status()

    async def tokens(self, username: str) -> Mapping[str, Any]:
        """Make tokens for a creator without a consent page."""
        answer = await self._web.post(f"{self._url}/tokens", json={"username": username})
        tokens: Mapping[str, Any] = answer.raise_for_status().json()
        return tokens

    async def calls(self, call: Call, *, after: int = 0) -> tuple[ApiCall, ...]:
        """Every call of this kind that came after the one of that number."""
        answer = await self._web.get(f"{self._url}/calls", params={"endpoint": call, "after": after})
        return msgspec.convert(answer.raise_for_status().json()["calls"], tuple[ApiCall, ...])

    async def secrets(self, *, after: int = 0) -> tuple[Secret, ...]:
        """Every secret it handed out or was shown after the one of that number."""
        answer = await self._web.get(f"{self._url}/secrets", params={"after": after})
        return msgspec.convert(answer.raise_for_status().json()["secrets"], tuple[Secret, ...])

    async def disconnect(self, open_id: str) -> None:
        """Remove the grant as the creator does in TikTok's own app."""
        (await self._web.post(f"{self._url}/creators/{open_id}/disconnect")).raise_for_status()

    async def calls_of(self, open_id: str, endpoint: str | None = None) -> list[dict[str, Any]]:
        """What was called about this creator, in order."""
        query = {"open_id": open_id} | ({} if endpoint is None else {"endpoint": endpoint})
        answer = await self._web.get(f"{self._url}/calls", params=query)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
        return found

    async def add_app(self, client_key: str, *, secret: str, redirect_uri: str) -> None:
        """Register another desktop app."""
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
