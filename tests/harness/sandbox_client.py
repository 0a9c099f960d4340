"""A client of the sandbox: an app and a person that speak plain HTTP to it."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from msgspec import structs

from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.chunk_plan import ChunkLimits
from tiktok_sandbox.model.settings import Settings

HELD_WITHIN: Final = 10
BASE: Final = "http://tiktok.example"
# Chunks small enough that whole videos fit into a test.
SMALL: Final = ChunkLimits(smallest=5, largest=64, largest_last=128)
REDIRECT: Final = "http://127.0.0.1:8101/callback"
VERIFIER: Final = "a-verifier-of-at-least-forty-three-characters"
SCOPES: Final = "user.info.basic,user.info.profile,video.list,video.publish"
EVERYONE: Final = "PUBLIC_TO_EVERYONE"


def hex_challenge(verifier: str = VERIFIER) -> str:
    return hashlib.sha256(verifier.encode()).hexdigest()


@dataclass
class SandboxClient:
    """An app and one of its users. `token` is the access token of the user who connected last."""

    http: httpx.AsyncClient
    context: AppContext
    token: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def app(self) -> dict[str, str]:
        known = self.context.tables.settings.app
        return {"client_key": known.client_key, "client_secret": known.client_secret}

    def authorization_query(self, **other: str) -> dict[str, str]:
        """Return the query of the consent page; an empty value leaves the parameter out."""
        usual = {
            "client_key": self.app["client_key"],
            "response_type": "code",
            "scope": SCOPES,
            "redirect_uri": REDIRECT,
            "state": "a-state",
            "code_challenge": hex_challenge(),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**usual, **other}.items() if value}

    async def consent(self, *, creator: str = "demo-creator", **other: str) -> dict[str, str]:
        """Allow the app as a person would; return the callback's query."""
        form = {**self.authorization_query(**other), "creator": creator}
        answer = await self.http.post("/v2/auth/authorize/consent", data=form)
        assert answer.status_code == 302, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def exchange(self, code: str, **other: str) -> httpx.Response:
        form = {
            **self.app,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            **other,
        }
        return await self.http.post("/v2/oauth/token/", data=form)

    async def refresh(self, refresh_token: str, **other: str) -> httpx.Response:
        form = {**self.app, "grant_type": "refresh_token", "refresh_token": refresh_token, **other}
        return await self.http.post("/v2/oauth/token/", data=form)

    async def connect(self, creator: str = "demo-creator", scope: str = SCOPES) -> "SandboxClient":
        """Connect a creator, and use its token from now on."""
        callback = await self.consent(creator=creator, scope=scope)
        self.tokens = (await self.exchange(callback["code"])).json()
        self.token = self.tokens["access_token"]
        return self

    async def call(self, path: str, body: object = None, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return await self.http.post(path, json=body, headers=headers)

    async def creator_info(self) -> httpx.Response:
        return await self.call("/v2/post/publish/creator_info/query/")

    async def init(
        self, size: int, chunk_size: int | None = None, count: int = 1, *, title: str = "a clip", level: str = EVERYONE
    ) -> httpx.Response:
        source = {
            "source": "FILE_UPLOAD",
            "video_size": size,
            "chunk_size": size if chunk_size is None else chunk_size,
            "total_chunk_count": count,
        }
        body = {"post_info": {"title": title, "privacy_level": level}, "source_info": source}
        return await self.call("/v2/post/publish/video/init/", body)

    async def open_upload(self, *arguments: Any, **others: Any) -> tuple[str, str]:
        """Send an init that must be accepted; return publish id and upload URL."""
        data = (await self.init(*arguments, **others)).json()["data"]
        return data["publish_id"], data["upload_url"]

    async def put(self, url: str, piece: bytes, first: int, total: int, **headers: str) -> httpx.Response:
        usual = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-{first + len(piece) - 1}/{total}"}
        return await self.http.put(url, content=piece, headers={**usual, **headers})

    async def post_video(self, content: bytes, **others: Any) -> str:
        """Post a small video in one chunk; return its publish id."""
        publish_id, url = await self.open_upload(len(content), **others)
        assert (await self.put(url, content, 0, len(content))).status_code == 201
        return publish_id

    async def status(self, publish_id: str) -> httpx.Response:
        return await self.call("/v2/post/publish/status/fetch/", {"publish_id": publish_id})

    async def videos(self, *ids: str, fields: str = "id,view_count,create_time") -> httpx.Response:
        return await self.call(f"/v2/video/query/?fields={fields}", {"filters": {"video_ids": list(ids)}})

    async def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get("/_sandbox/ledger")).json()
        return found

    def subscribe(self) -> None:
        """Give the app a webhook URL at which nothing listens: deliveries are listed all the same."""
        apps = self.context.tables.apps
        apps.save(structs.replace(apps.default, webhook_url="http://127.0.0.1:9/"))

    async def sent_webhooks(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return event, open id and content of every delivery so far."""
        self.context.notify_change()
        found = (await self.http.get("/_sandbox/webhooks")).json()["deliveries"]
        contents = [json.loads(json.loads(each["body"])["content"]) for each in found]
        return [(each["event"], each["open_id"], content) for each, content in zip(found, contents, strict=True)]

    async def add_rule(self, **rule: object) -> str:
        answer = await self.http.post("/_sandbox/rules", json=rule)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


async def wait_until_held(client: SandboxClient, rule_id: str) -> None:
    """Return once the rule holds a call."""
    query = {"holding": 1, "timeout": HELD_WITHIN}
    answer = await client.http.get(f"/_sandbox/rules/{rule_id}/wait", params=query, timeout=HELD_WITHIN + 5)
    assert answer.status_code == 200, answer.text


async def release_rule(client: SandboxClient, rule_id: str) -> None:
    """Let the calls that a rule holds continue."""
    await client.http.post(f"/_sandbox/rules/{rule_id}/release")


def error_code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


NewClient = Callable[[Settings], Awaitable[SandboxClient]]
