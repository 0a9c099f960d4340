"""The sandbox in this process, and the TikTok library connected to it."""

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trustme

from tiktok.authorize import authorization_url, pkce_challenge, pkce_verifier
from tiktok.client import CONNECTIONS, TikTok
from tiktok.models import TokenResponse
from tiktok.results import Done
from tiktok.uploads import Uploads
from tiktok_sandbox.model.settings import ALL_SCOPES, App, Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

APP = App(client_secret="a-planted-secret")
REDIRECT = "http://127.0.0.1:8101/callback"
VERIFIER = pkce_verifier(bytes(range(32)))


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: 1_795_000_000.0)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def server(authority: trustme.CA, clock: Clock, tmp_path: Path) -> AsyncIterator[Server]:
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    async with Server(Settings(app=APP), tls=(certificate, key), clock=clock) as server:
        yield server


@pytest.fixture
async def http(tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=tls, limits=CONNECTIONS, trust_env=False) as client:
        yield client


@pytest.fixture
def tiktok(server: Server, http: httpx.AsyncClient) -> TikTok:
    return TikTok(http, server.url, APP.client_key, APP.client_secret)


@pytest.fixture
def uploads(server: Server, tls: ssl.SSLContext) -> Iterator[Uploads]:
    with Uploads(tls, (urlsplit(server.url).netloc,)) as uploads:
        yield uploads


@pytest.fixture
async def code(server: Server, http: httpx.AsyncClient) -> str:
    """What a person's consent gives."""
    url = authorization_url(
        f"{server.url}/v2/auth/authorize/",
        client_key=APP.client_key,
        redirect_uri=REDIRECT,
        scopes=ALL_SCOPES,
        state="state-1",
        challenge=pkce_challenge(VERIFIER),
    )
    assert (await http.get(url)).status_code == 200
    form = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    answer = await http.post(
        f"{server.url}/v2/auth/authorize/consent", data={**form, "creator": "demo-creator", "decision": "allow"}
    )
    callback = parse_qs(urlsplit(answer.headers["location"]).query)
    assert callback["state"] == ["state-1"]
    return callback["code"][0]


@pytest.fixture
async def tokens(tiktok: TikTok, code: str) -> TokenResponse:
    result = await tiktok.exchange_code(code, REDIRECT, VERIFIER)
    assert isinstance(result, Done), result
    return result.value
