"""Connections to upload hosts: reused, replaced, refused."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest
import trustme

from tiktok.results import ChunkResult, NotSent, Stored
from tiktok.uploads import Uploads

MIB = 1024 * 1024


@dataclass
class Sink:
    """A TLS server for uploads: reads requests, says what `answers` has next; an empty answer hangs up instead."""

    url: str
    port: int
    answers: list[bytes]
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    connections: int = 0


def head_of(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nX-Tt-Logid: L7\r\n\r\n".encode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


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


def serve(listener: socket.socket, context: ssl.SSLContext, sink: Sink) -> None:
    while sink.answers:
        try:
            raw, _ = listener.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(raw, server_side=True) as stream:
                sink.connections += 1
                while sink.answers and (request := read_request(stream)):
                    sink.requests.append(request)
                    if not (answer := sink.answers.pop(0)):
                        break
                    stream.sendall(answer)
        except (ssl.SSLError, OSError):
            continue


@pytest.fixture
def sink_saying(authority: trustme.CA) -> Iterator[Callable[..., Sink]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    opened: list[tuple[socket.socket, threading.Thread]] = []

    def start(*answers: bytes) -> Sink:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        sink = Sink(url=f"https://localhost:{port}/video/?upload_token=planted", port=port, answers=list(answers))
        thread = threading.Thread(target=serve, args=(listener, context, sink))
        thread.start()
        opened.append((listener, thread))
        return sink

    yield start
    for listener, thread in opened:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)
        assert not thread.is_alive()


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


def uploads_to(sink: Sink, tls: ssl.SSLContext) -> Uploads:
    return Uploads(tls, (f"localhost:{sink.port}",))


def test_chunks_share_a_connection(sink_saying: Callable[..., Sink], trusting: ssl.SSLContext) -> None:
    sink = sink_saying(head_of("206 Partial Content"), head_of("201 Created"))
    with uploads_to(sink, trusting) as uploads:
        assert put(uploads, sink.url, first=0, last=9, total=20) == Stored(complete=False)
        assert put(uploads, sink.url, first=10, last=19, total=20) == Stored(complete=True)
    assert sink.connections == 1


def test_closed_connection_is_replaced(sink_saying: Callable[..., Sink], trusting: ssl.SSLContext) -> None:
    parting = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    sink = sink_saying(parting, head_of("201 Created"))
    with uploads_to(sink, trusting) as uploads:
        assert put(uploads, sink.url, first=0, last=9, total=20) == Stored(complete=False)
        assert put(uploads, sink.url, first=10, last=19, total=20) == Stored(complete=True)
    assert sink.connections == 2


def test_refused_connection_is_not_sent(trusting: ssl.SSLContext) -> None:
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        host = f"localhost:{reserved.getsockname()[1]}"
        with Uploads(trusting, (host,)) as uploads:
            assert isinstance(put(uploads, f"https://{host}/video/"), NotSent)


def test_unknown_name_is_not_sent(trusting: ssl.SSLContext) -> None:
    host = "a." * 130 + "invalid"
    with Uploads(trusting, (host,)) as uploads:
        assert isinstance(put(uploads, f"https://{host}/video/"), NotSent)


def test_untrusted_certificate_is_not_sent(sink_saying: Callable[..., Sink]) -> None:
    sink = sink_saying(head_of("201 Created"))
    with uploads_to(sink, ssl.create_default_context()) as uploads:
        assert isinstance(put(uploads, sink.url), NotSent)
    assert sink.requests == []
