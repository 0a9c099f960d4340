"""How fast the stand-in takes in chunks, beside a bare asyncio server that does nothing but hash what comes.

One client sends the same bytes to both, turn by turn, each in a process of its own. The stand-in keeps no media here,
as it does by default; what keeping them costs is printed too.
"""

import asyncio
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import uvloop
from typing_extensions import override

CHUNK = 64_000_000
CHUNKS = 8
ROUNDS = 7
PIECE = 1_048_576
KIB_PER_MIB = 1024
REDIRECT = "http://127.0.0.1:8101/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Sink(asyncio.Protocol):
    """The least that can answer a PUT: find the head's end, hash what follows, answer when all is there."""

    def __init__(self) -> None:
        self.head = b""
        self.left = 0
        self.digest = hashlib.sha256()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            found = LENGTH.search(head)
            assert found is not None
            self.head, self.left, self.digest = b"", int(found[1]), hashlib.sha256()
        self.digest.update(data)
        self.left -= len(data)
        if not self.left:
            body = self.digest.hexdigest().encode()
            self.transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def serve_sink() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


@contextmanager
def server(*command: str) -> Iterator[tuple[str, int]]:
    """A server's address and process id, while it runs."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline().removeprefix(b"ready "))["url"], process.pid
        finally:
            process.terminate()


def ask(base: str, path: str, *, token: str = "", form: object = None, body: object = None) -> Any:  # noqa: ANN401 -- JSON
    """The answer to a POST: its JSON, or where it redirects to."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    content = urlencode(form) if isinstance(form, dict) else json.dumps(body)
    kind = "application/x-www-form-urlencoded" if isinstance(form, dict) else "application/json"
    connection.request("POST", path, content, {"Content-Type": kind, "Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.headers["Location"] or json.loads(content)


def token_of(base: str) -> str:
    """An access token, the way any app gets one."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    connection.request("GET", "/_sandbox/app")
    app = json.loads(connection.getresponse().read())
    connection.close()
    asked = {
        "client_key": app["client_key"],
        "response_type": "code",
        "scope": "user.info.basic,video.publish",
        "redirect_uri": REDIRECT,
        "state": "s",
        "code_challenge": hashlib.sha256(VERIFIER.encode()).hexdigest(),
        "code_challenge_method": "S256",
        "creator": "demo-creator",
    }
    back = ask(base, "/v2/auth/authorize/consent", form=asked)
    form = {
        "client_key": app["client_key"],
        "client_secret": app["client_secret"],
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    return str(ask(base, "/v2/oauth/token/", form=form)["access_token"])


def opened(base: str, token: str) -> str:
    """The path of a fresh upload url."""
    size = CHUNK * CHUNKS
    source = {
        "source": "FILE_UPLOAD",
        "video_size": size,
        "chunk_size": CHUNK,
        "total_chunk_count": CHUNKS,
    }
    body = {"post_info": {"title": "bench", "privacy_level": "SELF_ONLY"}, "source_info": source}
    answer = ask(base, "/v2/post/publish/video/init/", token=token, body=body)
    url = urlsplit(answer["data"]["upload_url"])
    return f"{url.path}?{url.query}"


def send(base: str, path: str, content: memoryview) -> float:
    """Put a video in chunks over one connection; the seconds it took."""
    host = urlsplit(base)
    total = CHUNK * CHUNKS
    with socket.create_connection((host.hostname, host.port)) as stream, stream.makefile("rb") as answers:
        began = time.perf_counter()
        for first in range(0, total, CHUNK):
            head = (
                f"PUT {path} HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: video/mp4\r\n"
                f"Content-Length: {CHUNK}\r\nContent-Range: bytes {first}-{first + CHUNK - 1}/{total}\r\n\r\n"
            )
            stream.sendall(head.encode())
            for at in range(0, CHUNK, PIECE):
                stream.sendall(content[at : min(at + PIECE, CHUNK)])
            status = int(answers.readline().split()[1])
            assert status in {201, 206}, status
            fields = iter(answers.readline, b"\r\n")
            length = next(int(field.split(b":")[1]) for field in list(fields) if field.lower().startswith(b"content-l"))
            answers.read(length)
        return time.perf_counter() - began


def resident(pid: int) -> int:
    """The most memory a process has held so far, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def main() -> None:
    content = memoryview(os.urandom(CHUNK))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        bare, _ = stack.enter_context(server(__file__, "sink"))
        hashing, pid = stack.enter_context(server("-m", "tiktok_sandbox"))
        keeping, _ = stack.enter_context(server("-m", "tiktok_sandbox", "--media", folder))
        token, other = token_of(hashing), token_of(keeping)
        send(bare, "/", content)
        send(hashing, opened(hashing, token), content)
        before = resident(pid)
        rounds: list[tuple[float, float, float]] = []
        for _ in range(ROUNDS - 2):
            ours = send(hashing, opened(hashing, token), content)
            rounds.append((send(bare, "/", content), ours, send(keeping, opened(keeping, other), content)))
        growth = (resident(pid) - before) / KIB_PER_MIB
    sink, ours, kept = (CHUNK * CHUNKS / 1e6 / median(seconds) for seconds in zip(*rounds, strict=True))
    figures = {"mb_per_second": ours, "sink_mb_per_second": sink, "kept_mb_per_second": kept, "growth_mib": growth}
    rounded = {"ratio": round(ours / sink, 3), **{name: round(figure, 1) for name, figure in figures.items()}}
    print(json.dumps({"bench": "sandbox_receive", **rounded}))


if __name__ == "__main__":
    if sys.argv[1:] == ["sink"]:
        uvloop.run(serve_sink())
    else:
        main()
