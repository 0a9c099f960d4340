"""Connections to upload hosts: reused, replaced, refused."""

import socket
import ssl
from contextlib import closing

from harness.upload_host import StartHost, put, response_of, uploads_to
from tiktok.results import NotSent, Stored
from tiktok.uploads import Uploads


def test_chunks_share_a_connection(start_host: StartHost, trusting_tls: ssl.SSLContext) -> None:
    host = start_host(response_of("206 Partial Content"), response_of("201 Created"))
    with uploads_to(host, trusting_tls) as uploads:
        assert put(uploads, host.url, first=0, last=9, total=20) == Stored(complete=False)
        assert put(uploads, host.url, first=10, last=19, total=20) == Stored(complete=True)
    assert host.connections == 1


def test_closed_connection_is_replaced(start_host: StartHost, trusting_tls: ssl.SSLContext) -> None:
    parting = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    host = start_host(parting, response_of("201 Created"))
    with uploads_to(host, trusting_tls) as uploads:
        assert put(uploads, host.url, first=0, last=9, total=20) == Stored(complete=False)
        assert put(uploads, host.url, first=10, last=19, total=20) == Stored(complete=True)
    assert host.connections == 2


def test_refused_connection_is_not_sent(trusting_tls: ssl.SSLContext) -> None:
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        host = f"localhost:{reserved.getsockname()[1]}"
        with Uploads(trusting_tls, (host,)) as uploads:
            assert isinstance(put(uploads, f"https://{host}/video/"), NotSent)


def test_unknown_name_is_not_sent(trusting_tls: ssl.SSLContext) -> None:
    host = "a." * 130 + "invalid"
    with Uploads(trusting_tls, (host,)) as uploads:
        assert isinstance(put(uploads, f"https://{host}/video/"), NotSent)


def test_untrusted_certificate_is_not_sent(start_host: StartHost) -> None:
    host = start_host(response_of("201 Created"))
    with uploads_to(host, ssl.create_default_context()) as uploads:
        assert isinstance(put(uploads, host.url), NotSent)
    assert host.requests == []
