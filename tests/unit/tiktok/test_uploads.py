"""Chunks over real connections: stored, refused, stopped and lost."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import trustme

from tiktok.errors import RetryAdvice, retry_advice
from tiktok.results import ChunkResult, NotSent, Refused, Stored, Unknown
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


@pytest.mark.parametrize("status", ["201 Created", "200 OK"])
def test_last_chunk_completes_the_file(status: str, sink_saying: Callable[..., Sink], trusting: ssl.SSLContext) -> None:
    sink = sink_saying(head_of(status))
    with uploads_to(sink, trusting) as uploads:
        assert put(uploads, sink.url) == Stored(complete=True)
    ((head, body),) = sink.requests
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "put /video/?upload_token=planted http/1.1"
    assert f"content-range: bytes 0-{2 * MIB}/{2 * MIB + 1}" in lines
    assert f"content-length: {2 * MIB + 1}" in lines
    assert "content-type: video/mp4" in lines
    assert not [line for line in lines if line.startswith(("transfer-encoding", "authorization"))]
    assert body == b"v" * (2 * MIB + 1)


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        ("400 Bad Request", "upload_refused", RetryAdvice.PERMANENT),
        ("403 Forbidden", "upload_url_expired", RetryAdvice.NEW_UPLOAD),
        ("404 Not Found", "upload_unknown", RetryAdvice.NEW_UPLOAD),
        ("416 Range Not Satisfiable", "upload_out_of_step", RetryAdvice.RESYNC),
        ("429 Too Many Requests", "rate_limit_exceeded", RetryAdvice.RATE_LIMITED),
        ("499 Client Closed Request", "upload_refused", RetryAdvice.PERMANENT),
    ],
)
def test_refused_chunk_has_a_code(
    status: str, code: str, advice: RetryAdvice, sink_saying: Callable[..., Sink], trusting: ssl.SSLContext
) -> None:
    sink = sink_saying(head_of(status))
    with uploads_to(sink, trusting) as uploads:
        result = put(uploads, sink.url)
    assert isinstance(result, Refused)
    assert (result.status, result.code, result.log_id) == (int(status[:3]), code, "L7")
    assert retry_advice(result) is advice


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        (b"", 99),
        (b"HTTP/1.1 20", 99),
        (head_of("500 Internal Server Error"), 99),
        (head_of("504 Gateway Timeout"), 99),
        (head_of("408 Request Timeout"), 99),
        (head_of("302 Found"), 99),
        (head_of("204 No Content"), 99),
        (head_of("206 Partial Content"), 99),
        (head_of("201 Created"), 98),
        (head_of("200 OK"), 98),
    ],
)
def test_untrusted_response_is_unknown(
    answer: bytes, last: int, sink_saying: Callable[..., Sink], trusting: ssl.SSLContext
) -> None:
    sink = sink_saying(answer)
    with uploads_to(sink, trusting) as uploads:
        result = put(uploads, sink.url, last=last, total=100)
    assert isinstance(result, Unknown)
    assert "planted" not in repr(result)


def test_stop_before_first_byte_is_not_sent(sink_saying: Callable[..., Sink], trusting: ssl.SSLContext) -> None:
    sink = sink_saying(head_of("201 Created"))
    with uploads_to(sink, trusting) as uploads:
        assert isinstance(put(uploads, sink.url, stop=True), NotSent)
    assert sink.connections == 0


def test_stop_within_a_chunk_is_unknown(sink_saying: Callable[..., Sink], trusting: ssl.SSLContext) -> None:
    sink = sink_saying(head_of("201 Created"))
    stop = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"v" * 10
        stop.set()
        yield b"v" * 10

    with uploads_to(sink, trusting) as uploads:
        result = uploads.put_chunk(
            sink.url, first=0, last=19, total=20, content_type="video/mp4", pieces=pieces(), stop=stop
        )
    assert isinstance(result, Unknown)


class SourceBroke(Exception):
    pass


@pytest.mark.parametrize("broken", [SourceBroke, ConnectionResetError, TimeoutError])
@pytest.mark.parametrize("good", [0, 1])
def test_exception_of_the_source_is_passed_on(
    good: int, broken: type[Exception], sink_saying: Callable[..., Sink], trusting: ssl.SSLContext
) -> None:
    sink = sink_saying(head_of("201 Created"))

    def pieces() -> Iterator[bytes]:
        yield from [b"v" * 10] * good
        raise broken

    with uploads_to(sink, trusting) as uploads, pytest.raises(broken):
        uploads.put_chunk(
            sink.url,
            first=0,
            last=19,
            total=20,
            content_type="video/mp4",
            pieces=pieces(),
            stop=threading.Event(),
        )
    if not good:
        assert sink.connections == 0


@pytest.mark.parametrize("lengths", [(10,), (10, 9), (10, 11), (10, 10, 1), ()])
def test_source_of_another_length_is_unknown(
    lengths: tuple[int, ...], sink_saying: Callable[..., Sink], trusting: ssl.SSLContext
) -> None:
    sink = sink_saying(head_of("201 Created"))
    with uploads_to(sink, trusting) as uploads:
        result = uploads.put_chunk(
            sink.url,
            first=0,
            last=19,
            total=20,
            content_type="video/mp4",
            pieces=iter([b"v" * length for length in lengths]),
            stop=threading.Event(),
        )
    assert isinstance(result, Unknown)


@pytest.mark.parametrize(
    "url",
    [
        "http://open-upload.tiktokapis.com/video/",
        "https://open-upload.tiktokapis.com.evil.example/video/",
        "https://eviltiktokapis.com/video/",
        "https://tiktokapis.com/video/",
        "https://open-upload.tiktokapis.com:8443/video/",
        "https://user@open-upload.tiktokapis.com/video/",
        "https://127.0.0.1/video/",
        "//open-upload.tiktokapis.com/video/",
        "https://[broken/video/",
        "",
    ],
)
def test_other_hosts_get_no_bytes(url: str, trusting: ssl.SSLContext) -> None:
    with Uploads(trusting) as uploads:
        result = put(uploads, url)
    assert isinstance(result, Refused)
    assert (result.status, result.code) == (0, "upload_host_not_allowed")


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        (".tiktokapis.com", "https://open-upload-sg.tiktokapis.com/video/?a=b"),
        (".tiktokapis.com", "https://OPEN-UPLOAD.TikTokAPIs.com:443/video/"),
        ("localhost:8443", "https://localhost:8443/upload/video/"),
        ("upload.example", "https://upload.example/video/"),
    ],
)
def test_hosts_are_allowed_by_suffix_name_or_port(allowed: str, url: str, trusting: ssl.SSLContext) -> None:
    with Uploads(trusting, (allowed,)) as uploads:
        assert isinstance(put(uploads, url, stop=True), NotSent)
