"""A run over a stack that collects every secret and every answer."""

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from string import ascii_letters, digits
from urllib.parse import parse_qs, urlsplit

import httpx

from common.security.sealing import Vault
from e2e.canaries.outputs import collect_metrics
from e2e.canaries.search import Canary, Output
from harness.product import ANSWER_WITHIN, Clip, Product
from stack.demo.browser import fill_form, parse_page
from stack.local import Stack

PLANTED_LENGTH = 40
CONNECT, START, CALLBACK = "/v1/accounts/connect", "/v1/oauth/start", "/v1/oauth/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Videos that the media server hands out, of several chunks and of one."""

    long: Clip
    short: Clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """How a browser came back from TikTok: the address, and the cookies it had."""

    url: str
    cookies: str


class CanaryRun:
    """The state that the steps share. Every secret goes through `note` or `plant`."""

    def __init__(self, stack: Stack, web: httpx.AsyncClient, clips: Clips) -> None:
        self.stack = stack
        self.web = web
        self.product = Product(stack, web)
        self.tiktok = self.product.tiktok
        self.clips = clips
        self.vault = Vault.parse(stack.keys.vault_keys)
        self.canaries: list[Canary] = []
        self.outputs: list[Output] = []
        self.returns: list[Return] = []
        self._dice = Random(20_261_121)

    def note(self, kind: str, value: str, *owners: str) -> str:
        """Remember a secret, and the outputs that may hold it; return it."""
        if value not in {canary.value for canary in self.canaries}:
            self.canaries.append(Canary(kind=kind, value=value, owners=owners))
        return value

    def note_key(self, kind: str, text: str) -> None:
        """Remember a key that is given in base64."""
        self.canaries.append(Canary(kind=kind, value=text, raw=base64.b64decode(text)))

    def plant(self, kind: str, *owners: str) -> str:
        """Make a secret up, for an output where it does not belong."""
        return self.note(f"planted {kind}", self.made_up(), *owners)

    def made_up(self) -> str:
        """Letters and digits, as tokens have them."""
        return "".join(self._dice.choices(ascii_letters + digits, k=PLANTED_LENGTH))

    async def key_of(self, tenant: str) -> dict[str, str]:
        """An API key of the tenant's, as a header."""
        header = await self.product.key_of(tenant)
        self.note("API key", header["Authorization"].removeprefix("Bearer "))
        return header

    async def to_tiktok(self, tenant: str) -> httpx.Response:
        """Follow a new link to connect an account, as far as TikTok's page."""
        link = await self.product.call("auth", CONNECT, await self.key_of(tenant), method="POST", json={})
        return await self.web.get(link.raise_for_status().json()["authorization_url"], follow_redirects=True)

    async def decide(self, shown: httpx.Response, creator: str, *, decision: str) -> httpx.Response:
        """Answer TikTok's page, and go back to ours."""
        page = parse_page(shown.text)
        form = fill_form(page, creator=creator, decision=decision)
        return await self.web.post(shown.url.join(page.action), data=form, follow_redirects=True)

    def log_of(self, name: str) -> Path:
        """Where a process writes that is no part of the stack; it is searched with the stack's own logs."""
        return self.stack.folder / "logs" / f"{name}.log"

    async def observe(self) -> None:
        """Collect the metrics now, because they end with their process."""
        self.outputs += await collect_metrics(self.stack)

    async def collect(self) -> None:
        """Note the stack's secrets and TikTok's."""
        given = self.stack.keys
        self.note("client secret", given.client_secret)
        self.note("bootstrap secret", given.bootstrap)
        self.note_key("vault key", given.vault)
        for service, key in given.private.items():
            self.note_key(f"private key of {service}", key)
        for secret in await self.tiktok.secrets():
            self.note(secret.kind, secret.value)

    async def on_answer(self, answer: httpx.Response) -> None:
        """Keep an answer of our services, and the secrets that it hands out on purpose."""
        at = f"{answer.url.scheme}://{answer.url.netloc.decode()}"
        service = next((name for name, url in self.stack.urls.items() if url == at), None)
        if service is None:
            return
        await answer.aread()
        request = answer.request
        path = request.url.path
        self._note_handed_out(path, answer)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        content = f"{answer.status_code}\n{head}\n\n".encode() + answer.content
        self.outputs.append(Output(name=f"answer of {service} to {request.method} {path}", content=content))

    def _note_handed_out(self, path: str, answer: httpx.Response) -> None:
        if path == CONNECT and answer.is_success:
            query = parse_qs(urlsplit(answer.json()["authorization_url"]).query)
            self.note("connect_token", query["connect_token"][0], f"answer of auth to POST {CONNECT}")
        if path == START and answer.is_redirect:
            query = parse_qs(urlsplit(answer.headers["location"]).query)
            for kind, value in (
                ("state", query["state"][0]),
                *(("cookie", value) for value in answer.cookies.values()),
            ):
                self.note(kind, value, f"answer of auth to GET {START}")
        if path == CALLBACK:
            sent = answer.request
            self.returns.append(Return(url=str(sent.url), cookies=sent.headers.get("cookie", "")))


async def run_module(*module: str, environment: Mapping[str, str], log: Path, within: float) -> int:
    """Run a module with its arguments to its end; return its exit status."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module), env=environment, stdout=output, stderr=output
        )
        try:
            return await asyncio.wait_for(process.wait(), within)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@asynccontextmanager
async def open_canary_run(stack: Stack, clips: Clips) -> AsyncIterator[CanaryRun]:
    """Go to a running stack."""
    trust = await asyncio.to_thread(ssl.create_default_context, cafile=str(stack.ca_file))
    # No connection is kept: one that the other side closes as it is used again would look like a lost answer.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=trust, timeout=ANSWER_WITHIN, limits=limits, trust_env=False) as web:
        run = CanaryRun(stack, web, clips)
        web.event_hooks = {"response": [run.on_answer]}
        yield run
