"""An https server whose responses a test chooses, and a source read from it."""

import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from uploader_service.sources.problems import SourceFailed, SourceProblem
from uploader_service.sources.reader import ProbedSource, SourceReader

VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + bytes(range(256)) * 8192
Responder = Callable[[str, int, int], bytes]


def respond(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def video_file(content: bytes = VIDEO, tag: str = '"v1"', **more: str) -> Responder:
    def answer(_request: str, first: int, last: int) -> bytes:
        part = content[first : last + 1]
        place = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        return respond("206 Partial Content", part, Content_Range=place, ETag=tag, **more)

    return answer


def fixed_response(answer: bytes) -> Responder:
    return lambda _request, _first, _last: answer


@dataclass
class Origin:
    """An https server whose answers a test chooses by path; it hangs up after each."""

    port: int
    answers: dict[str, Responder] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/video.mp4") -> str:
        return f"https://videos.example:{self.port}{path}"


def serve(listener: socket.socket, context: ssl.SSLContext, origin: Origin) -> None:
    while True:
        try:
            raw, _ = listener.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(raw, server_side=True) as stream:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += stream.recv(4096) or b"\r\n\r\n"
                head = request.decode()
                origin.requests.append(head)
                requested = re.search(r"Range: bytes=(\d+)-(\d+)", head)
                path = head.split(" ")[1].partition("?")[0]
                if requested:
                    stream.sendall(origin.answers[path](head, int(requested[1]), int(requested[2])))
        except (ssl.SSLError, OSError):
            continue


def redirect(location: str) -> Responder:
    return fixed_response(respond("302 Found", b"moved", Location=location))


def loopback(_host: str, _port: int) -> Sequence[str]:
    return ("127.0.0.1",)


def probed(sources: SourceReader, origin: Origin, answer: Responder) -> ProbedSource:
    origin.answers["/video.mp4"] = answer
    found = sources.probe(origin.url())
    assert isinstance(found, ProbedSource), found
    return found


def problem_with(sources: SourceReader, origin: Origin, answer: Responder) -> SourceProblem:
    origin.answers["/video.mp4"] = answer
    found = sources.probe(origin.url("/video.mp4?signature=planted"))
    assert not isinstance(found, ProbedSource)
    assert "planted" not in found.message
    assert "source.url" in found.message
    return found


def failing_read(sources: SourceReader, origin: Origin, before: Responder, after: Responder) -> SourceProblem:
    validator = probed(sources, origin, before).validator
    origin.answers["/video.mp4"] = after
    with pytest.raises(SourceFailed) as failed:
        list(sources.read(origin.url(), 100, 199, validator))
    assert str(failed.value) == failed.value.problem.message
    return failed.value.problem
