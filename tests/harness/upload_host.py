"""A real TLS server that takes chunks and gives scripted answers."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tiktok.results import ChunkResult
from tiktok.uploads import Uploads

MIB = 1024 * 1024


@dataclass
class UploadHost:
    """A TLS server for uploads. It gives the next of `answers` to each request; an empty one closes the connection."""

    url: str
    port: int
    answers: list[bytes]
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    connections: int = 0


StartHost = Callable[..., UploadHost]
"""Starts a host with these answers."""


def response_of(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nX-Tt-Logid: L7\r\n\r\n".encode()


def read_request(stream: ssl.SSLSocket) -> tuple[bytes, bytes] | None:
    with stream.makefile("rb") as lines:
        head = b""
        while line := lines.readline():
            head += line
            if line == b"\r\n":
                break
        if not head:
            return None
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head, lines.read(length)


def serve(listener: socket.socket, context: ssl.SSLContext, host: UploadHost) -> None:
    while host.answers:
        try:
            raw, _ = listener.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(raw, server_side=True) as stream:
                host.connections += 1
                while host.answers and (request := read_request(stream)):
                    host.requests.append(request)
                    if not (answer := host.answers.pop(0)):
                        break
                    stream.sendall(answer)
        except (ssl.SSLError, OSError):
            continue


def put(
    uploads: Uploads, url: str, *, first: int = 0, last: int = 2 * MIB, total: int = 2 * MIB + 1, stop: bool = False
) -> ChunkResult:
    ordered = threading.Event()
    if stop:
        ordered.set()
    length = last - first + 1
    pieces = (b"v" * min(MIB, length - at) for at in range(0, length, MIB))
    return uploads.put_chunk(
        url, first=first, last=last, total=total, content_type="video/mp4", pieces=pieces, stop=ordered
    )


def uploads_to(host: UploadHost, tls: ssl.SSLContext) -> Uploads:
    return Uploads(tls, (f"localhost:{host.port}",))
