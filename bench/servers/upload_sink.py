"""A TLS server for the upload benchmarks: reads what is put, keeps nothing, answers 206 or 201."""

import re
import socket
import ssl
import sys

_RANGE = re.compile(rb"content-range: bytes \d+-(\d+)/(\d+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def read_head(stream: ssl.SSLSocket, buffer: bytearray) -> tuple[bytes, int]:
    """The head of the next request, and how many bytes of its body came with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        count = stream.recv_into(buffer)
        if not count:
            return b"", 0
        head += buffer[:count]
    head, _, body = head.partition(b"\r\n\r\n")
    return head, len(body)


def serve(stream: ssl.SSLSocket) -> None:
    """Answers one connection's requests until it ends."""
    buffer = bytearray(256 * 1024)
    while True:
        head, got = read_head(stream, buffer)
        if not head:
            return
        if b"100-continue" in head.lower():
            stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = _LENGTH.search(head)
        assert length is not None
        while got < int(length[1]):
            got += stream.recv_into(buffer)
        place = _RANGE.search(head)
        whole = place is None or int(place[1]) == int(place[2]) - 1
        stream.sendall(
            b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % (b"201 Created" if whole else b"206 Partial Content")
        )


def main(certificate: str) -> None:
    """Serves connections one after the other until the parent closes our standard input or ends us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            raw, _ = listener.accept()
            with raw, context.wrap_socket(raw, server_side=True) as stream:
                serve(stream)


if __name__ == "__main__":
    main(sys.argv[1])
