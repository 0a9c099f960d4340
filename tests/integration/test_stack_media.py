"""The media server behaves as a storage service does: ranges, validators, refusals, TLS by the stack's authority."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stack import servers, tls
from stack.ports import pick_port

CONTENT = os.urandom(300_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    (folder / "files").mkdir()
    (folder / "files" / "video.mp4").write_bytes(CONTENT)
    certificates = tls.certificates(folder / "tls")
    server = servers.media(folder / "files", port=pick_port(), certificates=certificates, log=folder / "media.log")
    server.start()
    server.wait_ready()
    with httpx.Client(base_url=server.url, verify=certificates.client_context()) as client:
        yield client
    server.stop()


def test_whole_file_is_served_with_its_validators(client: httpx.Client) -> None:
    answer = client.get("/video.mp4")
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["etag"].startswith('"')


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=1000-65999", 1000, 66_000), ("bytes=299999-", 299_999, 300_000)],
)
def test_requested_range_is_served(client: httpx.Client, asked: str, start: int, end: int) -> None:
    answer = client.get("/video.mp4", headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(end - start)


def test_range_beyond_the_end_is_refused_with_the_size(client: httpx.Client) -> None:
    answer = client.get("/video.mp4", headers={"range": "bytes=300000-300001"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_range_of_an_older_file_serves_the_whole_new_file(client: httpx.Client, folder: Path) -> None:
    path = folder / "files" / "changing.mp4"
    path.write_bytes(b"old")
    known = client.get("/changing.mp4").headers["etag"]
    ask = {"range": "bytes=1-1", "if-range": known}
    assert client.get("/changing.mp4", headers=ask).status_code == 206
    path.write_bytes(b"newer")
    changed = client.get("/changing.mp4", headers=ask)
    assert changed.status_code == 200
    assert changed.content == b"newer"
    assert changed.headers["etag"] != known


def test_missing_file_is_not_found(client: httpx.Client) -> None:
    assert client.get("/nothing.mp4").status_code == 404
    assert client.get("/%2e%2e/tls/server.key").status_code == 404


def test_certificate_is_trusted_only_with_the_stacks_authority(client: httpx.Client) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{client.base_url}/video.mp4")
