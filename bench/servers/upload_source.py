"""A TLS server for the memory benchmark: a video of any size that exists nowhere, read by ranges."""

import re
import socket
import ssl
import sys
import threading

_RANGE = re.compile(rb"range: bytes=(\d+)-(\d+)", re.IGNORECASE)
_HEAD = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
_FILLING = bytes(64 * 1024)


def answer(stream: ssl.SSLSocket, request: bytes, size: int) -> None:
    """Sends the bytes that were asked for."""
    wanted = _RANGE.search(request)
    assert wanted is not None
    first, last = int(wanted[1]), min(int(wanted[2]), size - 1)
    head = (
        b"HTTP/1.1 206 Partial Content\r\n"
        b'ETag: "synthetic"\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n\r\n'
        % (last - first + 1, first, last, size)
    )
    stream.sendall(head + _HEAD[first : last + 1])
    left = last - max(first, len(_HEAD)) + 1
    while left > 0:
        stream.sendall(_FILLING[:left])
        left -= len(_FILLING)


def serve(raw: socket.socket, context: ssl.SSLContext, size: int) -> None:
    """Answers one connection's requests until it ends."""
    with raw, context.wrap_socket(raw, server_side=True) as stream:
        request = b""
        while received := stream.recv(64 * 1024):
            request += received
            if request.endswith(b"\r\n\r\n"):
                answer(stream, request, size)
                request = b""


def main(certificate: str, size: int) -> None:
    """Serves until the parent ends us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=serve, args=(raw, context, size), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
