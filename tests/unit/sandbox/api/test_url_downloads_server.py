"""Downloads by a running server: TLS, and a restart."""

import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from harness.file_host import FileHost, file_host
from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model.settings import App, Pulls, Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

CONTENT = b"\x00\x00\x00\x20ftypisom" + bytes(range(100))


IN_TIME = 10


def settings(host: FileHost, *, allow_http: bool = False) -> Settings:
    return Settings(
        app=App(verified_urls=("example.com",)),
        pulls=Pulls(allow_http=allow_http, resolve={"media.example.com": host.address}),
    )


async def pulled(client: SandboxClient, url: str) -> str:
    body = {
        "post_info": {"privacy_level": "SELF_ONLY"},
        "source_info": {"source": "PULL_FROM_URL", "video_url": url},
    }
    answer = await client.call("/v2/post/publish/video/init/", body)
    return str(answer.json()["data"]["publish_id"])


async def ended(server: Server, client: SandboxClient, publish_id: str) -> dict[str, object]:
    assert await server.context.breakpoints.wait_for(lambda: not server.context.tables.pending_downloads, IN_TIME)
    found: dict[str, object] = (await client.status(publish_id)).json()["data"]
    return found


@pytest.mark.parametrize(
    ("name", "reason"), [("media.example.com", "duration_check_failed"), ("other.example.com", "video_pull_failed")]
)
async def test_download_needs_the_certificate_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, name: str, reason: str
) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    async with (
        file_host(context) as host,
        Server(settings(host), clock=clock) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        host.files["/video.mp4"] = CONTENT
        client = await SandboxClient(http, server.context).connect()
        # Only a file that arrived whole is processed, and so fails for this reason.
        await client.add_rule(endpoint="processing", action="error", code="duration_check_failed")
        publish_id = await pulled(client, "https://media.example.com/video.mp4")
        await ended(server, client, publish_id)
        clock.advance(1)

        data = await ended(server, client, publish_id)

    assert (data["status"], data["fail_reason"]) == ("FAILED", reason)


async def test_download_starts_again_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    async with file_host() as host:
        host.files["/video.mp4"] = CONTENT
        host.silent.add("/video.mp4")
        wanted = settings(host, allow_http=True)
        async with (
            Server(wanted, clock=clock, state_folder=tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            client = await SandboxClient(http, server.context).connect()
            publish_id = await pulled(client, "http://media.example.com/video.mp4")
            await host.half_sent.wait()
        host.silent.clear()
        async with (
            Server(wanted, clock=clock, state_folder=tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            again = SandboxClient(http, server.context, token=client.token)
            data = await ended(server, again, publish_id)

    assert data == {"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": len(CONTENT)}
    assert len(host.requests) == 2
