"""Chunks over real connections: stored, refused, stopped and lost."""

import ssl
import threading
from collections.abc import Iterator

import pytest

from harness.upload_host import MIB, StartHost, put, response_of, uploads_to
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.results import NotSent, Refused, Stored, Unknown
from tiktok.uploads import Uploads


@pytest.mark.parametrize("status", ["201 Created", "200 OK"])
def test_last_chunk_completes_the_file(status: str, start_host: StartHost, trusting_tls: ssl.SSLContext) -> None:
    host = start_host(response_of(status))
    with uploads_to(host, trusting_tls) as uploads:
        assert put(uploads, host.url) == Stored(complete=True)
    ((head, body),) = host.requests
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
    status: str,
    code: str,
    advice: RetryAdvice,
    start_host: StartHost,
    trusting_tls: ssl.SSLContext,
) -> None:
    host = start_host(response_of(status))
    with uploads_to(host, trusting_tls) as uploads:
        result = put(uploads, host.url)
    assert isinstance(result, Refused)
    assert (result.status, result.code, result.log_id) == (int(status[:3]), code, "L7")
    assert retry_advice(result) is advice


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        (b"", 99),
        (b"HTTP/1.1 20", 99),
        (response_of("500 Internal Server Error"), 99),
        (response_of("504 Gateway Timeout"), 99),
        (response_of("408 Request Timeout"), 99),
        (response_of("302 Found"), 99),
        (response_of("204 No Content"), 99),
        (response_of("206 Partial Content"), 99),
        (response_of("201 Created"), 98),
        (response_of("200 OK"), 98),
    ],
)
def test_untrusted_response_is_unknown(
    answer: bytes, last: int, start_host: StartHost, trusting_tls: ssl.SSLContext
) -> None:
    host = start_host(answer)
    with uploads_to(host, trusting_tls) as uploads:
        result = put(uploads, host.url, last=last, total=100)
    assert isinstance(result, Unknown)
    assert "planted" not in repr(result)


def test_stop_before_first_byte_is_not_sent(start_host: StartHost, trusting_tls: ssl.SSLContext) -> None:
    host = start_host(response_of("201 Created"))
    with uploads_to(host, trusting_tls) as uploads:
        assert isinstance(put(uploads, host.url, stop=True), NotSent)
    assert host.connections == 0


def test_stop_within_a_chunk_is_unknown(start_host: StartHost, trusting_tls: ssl.SSLContext) -> None:
    host = start_host(response_of("201 Created"))
    stop = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"v" * 10
        stop.set()
        yield b"v" * 10

    with uploads_to(host, trusting_tls) as uploads:
        result = uploads.put_chunk(
            host.url, first=0, last=19, total=20, content_type="video/mp4", pieces=pieces(), stop=stop
        )
    assert isinstance(result, Unknown)


class SourceBroke(Exception):
    pass


@pytest.mark.parametrize("broken", [SourceBroke, ConnectionResetError, TimeoutError])
@pytest.mark.parametrize("good", [0, 1])
def test_exception_of_the_source_is_passed_on(
    good: int, broken: type[Exception], start_host: StartHost, trusting_tls: ssl.SSLContext
) -> None:
    host = start_host(response_of("201 Created"))

    def pieces() -> Iterator[bytes]:
        yield from [b"v" * 10] * good
        raise broken

    with uploads_to(host, trusting_tls) as uploads, pytest.raises(broken):
        uploads.put_chunk(
            host.url,
            first=0,
            last=19,
            total=20,
            content_type="video/mp4",
            pieces=pieces(),
            stop=threading.Event(),
        )
    if not good:
        assert host.connections == 0


@pytest.mark.parametrize("lengths", [(10,), (10, 9), (10, 11), (10, 10, 1), ()])
def test_source_of_another_length_is_unknown(
    lengths: tuple[int, ...], start_host: StartHost, trusting_tls: ssl.SSLContext
) -> None:
    host = start_host(response_of("201 Created"))
    with uploads_to(host, trusting_tls) as uploads:
        result = uploads.put_chunk(
            host.url,
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
def test_other_hosts_get_no_bytes(url: str, trusting_tls: ssl.SSLContext) -> None:
    with Uploads(trusting_tls) as uploads:
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
def test_hosts_are_allowed_by_suffix_name_or_port(allowed: str, url: str, trusting_tls: ssl.SSLContext) -> None:
    with Uploads(trusting_tls, (allowed,)) as uploads:
        assert isinstance(put(uploads, url, stop=True), NotSent)
