"""A source on this machine, and a reader that trusts it."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import trustme

from harness.https_origin import Origin, loopback, serve
from uploader_service.sources.reader import SourceReader


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def origin(authority: trustme.CA) -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("videos.example").configure_cert(context)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        origin = Origin(port=listener.getsockname()[1])
        thread = threading.Thread(target=serve, args=(listener, context, origin))
        thread.start()
        yield origin
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.fixture
def sources(authority: trustme.CA, origin: Origin) -> Iterator[SourceReader]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    trusted = frozenset({f"videos.example:{origin.port}"})
    with SourceReader(context, trusted=trusted, resolver=loopback, clock=lambda: 0.0) as sources:
        yield sources
