"""SourceReader over real TLS connections: probed, read by ranges, changed, broken."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pytest
import trustme

from common.contract.post import FailureReason
from tiktok.limits import MAX_VIDEO_BYTES
from uploader_service.sources.problems import (
    Changed,
    Empty,
    ForbiddenAddress,
    HasCredentials,
    Malformed,
    NoRanges,
    NotAVideo,
    NotHttps,
    SourceFailed,
    SourceProblem,
    TemporarilyUnavailable,
    TooLarge,
    TooManyRedirects,
    Unavailable,
    failure_reason,
)
from uploader_service.sources.reader import PIECE_BYTES, ProbedSource, SourceReader

VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + bytes(range(256)) * 8192
Answer = Callable[[str, int, int], bytes]


def respond(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def file(content: bytes = VIDEO, tag: str = '"v1"', **more: str) -> Answer:
    def answer(_request: str, first: int, last: int) -> bytes:
        part = content[first : last + 1]
        place = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        return respond("206 Partial Content", part, Content_Range=place, ETag=tag, **more)

    return answer


def saying(answer: bytes) -> Answer:
    return lambda _request, _first, _last: answer


@dataclass
class Origin:
    """An https server whose answers a test chooses by path; it hangs up after each."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
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
                wanted = re.search(r"Range: bytes=(\d+)-(\d+)", head)
                path = head.split(" ")[1].partition("?")[0]
                if wanted:
                    stream.sendall(origin.answers[path](head, int(wanted[1]), int(wanted[2])))
        except (ssl.SSLError, OSError):
            continue


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


def loopback(_host: str, _port: int) -> Sequence[str]:
    return ("127.0.0.1",)


@pytest.fixture
def sources(authority: trustme.CA, origin: Origin) -> Iterator[SourceReader]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    trusted = frozenset({f"videos.example:{origin.port}"})
    with SourceReader(context, trusted=trusted, resolver=loopback, clock=lambda: 0.0) as sources:
        yield sources


def probed(sources: SourceReader, origin: Origin, answer: Answer) -> ProbedSource:
    origin.answers["/video.mp4"] = answer
    found = sources.probe(origin.url())
    assert isinstance(found, ProbedSource), found
    return found


def problem_with(sources: SourceReader, origin: Origin, answer: Answer) -> SourceProblem:
    origin.answers["/video.mp4"] = answer
    found = sources.probe(origin.url("/video.mp4?signature=planted"))
    assert not isinstance(found, ProbedSource)
    assert "planted" not in found.message
    assert "source.url" in found.message
    return found


def test_a_connection_that_was_closed_at_the_other_end_is_no_problem(sources: SourceReader, origin: Origin) -> None:
    answers = iter([saying(b""), file()])

    def first_gone_then_there(request: str, first: int, last: int) -> bytes:
        return next(answers)(request, first, last)

    found = probed(sources, origin, first_gone_then_there)
    assert found.size == len(VIDEO)
    assert len(origin.requests) == 2


def test_a_source_that_never_answers_is_tried_later(sources: SourceReader, origin: Origin) -> None:
    assert isinstance(problem_with(sources, origin, saying(b"")), TemporarilyUnavailable)
    assert len(origin.requests) == 2


def test_a_video_is_probed_and_read_by_ranges(sources: SourceReader, origin: Origin) -> None:
    found = probed(sources, origin, file())
    assert (found.size, found.content_type) == (len(VIDEO), "video/mp4")
    pieces = list(sources.read(origin.url(), 0, len(VIDEO) - 1, found.validator))
    assert b"".join(pieces) == VIDEO
    assert all(PIECE_BYTES <= len(piece) < 2 * PIECE_BYTES for piece in pieces[:-1])
    assert b"".join(sources.read(origin.url(), 1000, 2000, found.validator)) == VIDEO[1000:2001]
    assert 'If-Range: "v1"' in origin.requests[-1]
    assert f"Host: videos.example:{origin.port}" in origin.requests[-1]


def test_a_small_video_is_a_video(sources: SourceReader, origin: Origin) -> None:
    assert probed(sources, origin, file(VIDEO[:40])).size == 40


def test_the_first_bytes_decide_not_name_or_type(sources: SourceReader, origin: Origin) -> None:
    page = b"<!doctype html>" * 100
    assert isinstance(problem_with(sources, origin, file(page, Content_Type="video/mp4")), NotAVideo)
    assert probed(sources, origin, file(Content_Type="text/plain")).content_type == "video/mp4"


WHOLE = "200 OK"
PART = "206 Partial Content"


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (respond("404 Not Found"), Unavailable, "404"),
        (respond("410 Gone"), Unavailable, "410"),
        (respond("403 Forbidden"), Unavailable, "403"),
        (respond("204 No Content"), Unavailable, "204"),
        (respond("302 Found"), Unavailable, "302"),
        (respond("503 Service Unavailable"), TemporarilyUnavailable, "503"),
        (respond("429 Too Many Requests"), TemporarilyUnavailable, "429"),
        (b"", TemporarilyUnavailable, "broke"),
        (b"HTTP/1.1 206 Par", TemporarilyUnavailable, "broke"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", TemporarilyUnavailable, "broke"),
        (respond(WHOLE, VIDEO[:64]), NoRanges, "whole file"),
        (respond(WHOLE), Empty, "0 bytes"),
        (respond(WHOLE, Content_Length=str(MAX_VIDEO_BYTES + 1)), TooLarge, "4 GB"),
        (respond("416 Range Not Satisfiable", Content_Range="bytes */0"), Empty, "0 bytes"),
        (respond("416 Range Not Satisfiable"), Unavailable, "416"),
        (respond(PART, VIDEO[:64], Content_Range=f"bytes 0-63/{MAX_VIDEO_BYTES + 1}"), TooLarge, str(MAX_VIDEO_BYTES)),
        (respond(PART, VIDEO[:64], Content_Range="bytes 0-63/*"), NoRanges, "size"),
        (respond(PART, VIDEO[:64]), NoRanges, "Content-Range"),
        (respond(PART, VIDEO[:64], Content_Range="bytes 5-68/100"), NoRanges, "another range"),
        (respond(PART, VIDEO[:64], Content_Range="bytes 0-63/9"), NoRanges, "impossible"),
        (respond(PART, VIDEO[:64], Content_Range="bytes 0-63/99", Content_Encoding="gzip"), NoRanges, "compresses"),
        (respond(PART, VIDEO[:65], Content_Range="bytes 0-63/99"), NoRanges, "more bytes"),
        (respond(PART, VIDEO[:63], Content_Range="bytes 0-63/99"), TemporarilyUnavailable, "too early"),
    ],
)
def test_every_problem_is_a_sentence(
    answer: bytes, expected: type[SourceProblem], words: str, sources: SourceReader, origin: Origin
) -> None:
    problem = problem_with(sources, origin, saying(answer))
    assert isinstance(problem, expected)
    assert words in problem.message


@pytest.mark.parametrize(
    ("url", "expected", "words"),
    [
        ("http://videos.example/a.mp4", NotHttps, "http://videos.example"),
        ("ftp://videos.example/a.mp4", NotHttps, "ftp://"),
        ("file:///etc/passwd", NotHttps, "file://"),
        ("https://:planted@videos.example/a.mp4", HasCredentials, "videos.example"),
        ("videos.example/a.mp4", Malformed, "https://"),
        ("https:///a.mp4", Malformed, "no host"),
        ("https://[videos.example/a.mp4", Malformed, "host"),
        ("https://videos.example:99999/a.mp4", Malformed, "port"),
        ("https://videos.example:0/a.mp4", Malformed, "port"),
        ("https://videos.example/a\r\nX: y", Malformed, "URL"),
    ],
)
def test_an_address_that_is_not_fetched(
    url: str, expected: type[SourceProblem], words: str, sources: SourceReader, origin: Origin
) -> None:
    problem = sources.probe(url)
    assert isinstance(problem, expected)
    assert words in problem.message
    assert "planted" not in problem.message
    assert origin.requests == []


def redirect(location: str) -> Answer:
    return saying(respond("302 Found", b"moved", Location=location))


def test_redirects_are_followed_on_every_read(sources: SourceReader, origin: Origin) -> None:
    origin.answers |= {"/real.mp4": file(), "/next": redirect("/real.mp4?signature=planted")}
    found = probed(sources, origin, redirect(origin.url("/next")))
    assert b"".join(sources.read(origin.url(), 8, 11, found.validator)) == b"isom"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://videos.example/a.mp4", NotHttps),
        ("https://user@videos.example/a.mp4", HasCredentials),
        ("https://169.254.169.254/latest/?planted", ForbiddenAddress),
        ("https://elsewhere.example/a.mp4?planted", ForbiddenAddress),
        ("https://[broken/", Malformed),
        ("/video.mp4", TooManyRedirects),
    ],
)
def test_a_redirect_is_checked_like_an_address(
    location: str, expected: type[SourceProblem], sources: SourceReader, origin: Origin
) -> None:
    assert isinstance(problem_with(sources, origin, redirect(location)), expected)


def test_three_redirects_are_enough(sources: SourceReader, origin: Origin) -> None:
    origin.answers |= {"/1": redirect("/2"), "/2": redirect("/3"), "/3": file(), "/0": redirect("/1")}
    assert isinstance(sources.probe(origin.url("/0")), ProbedSource)
    assert isinstance(problem_with(sources, origin, redirect("/0")), TooManyRedirects)


def test_the_certificate_is_checked_against_the_name(authority: trustme.CA, origin: Origin) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    trusted = frozenset({f"elsewhere.example:{origin.port}"})
    with SourceReader(context, trusted=trusted, resolver=loopback) as sources:
        problem = sources.probe(f"https://elsewhere.example:{origin.port}/video.mp4")
    assert isinstance(problem, TemporarilyUnavailable)
    assert "certificate" in problem.message.lower()
    assert origin.requests == []


def failing_read(sources: SourceReader, origin: Origin, before: Answer, after: Answer) -> SourceProblem:
    validator = probed(sources, origin, before).validator
    origin.answers["/video.mp4"] = after
    with pytest.raises(SourceFailed) as failed:
        list(sources.read(origin.url(), 100, 199, validator))
    assert str(failed.value) == failed.value.problem.message
    return failed.value.problem


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (file(), file(VIDEO + b"more"), "size"),
        (file(), file(tag='"v2"'), "ETag"),
        (file(tag='W/"v1"'), file(tag='W/"v2"'), "ETag"),
        (file(), file(tag=""), "ETag"),
        (file(tag="", Last_Modified="Mon"), file(tag="", Last_Modified="Tue"), "modification time"),
        (file(), saying(respond("200 OK", VIDEO, ETag='"v2"')), "size"),
        (file(), saying(respond("416 Range Not Satisfiable", Content_Range="bytes */10")), "size"),
        (file(), saying(respond("412 Precondition Failed")), "size"),
    ],
)
def test_a_source_that_changed_is_noticed(
    before: Answer, after: Answer, what: str, sources: SourceReader, origin: Origin
) -> None:
    problem = failing_read(sources, origin, before, after)
    assert isinstance(problem, Changed)
    assert what in problem.message


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (saying(respond("404 Not Found")), Unavailable),
        (saying(respond("502 Bad Gateway")), TemporarilyUnavailable),
        (lambda request, first, last: file()(request, first, last - 1), NoRanges),
        (lambda request, first, last: file()(request, first, last)[:-10], TemporarilyUnavailable),
    ],
)
def test_a_read_that_fails_says_why(
    after: Answer, expected: type[SourceProblem], sources: SourceReader, origin: Origin
) -> None:
    assert isinstance(failing_read(sources, origin, file(), after), expected)


def test_a_weak_tag_is_compared_and_not_sent(sources: SourceReader, origin: Origin) -> None:
    found = probed(sources, origin, file(tag='W/"v1"'))
    assert b"".join(sources.read(origin.url(), 8, 11, found.validator)) == b"isom"
    assert "If-Range" not in origin.requests[-1]


@dataclass
class Ticking:
    """A clock that goes on by `step` seconds whenever it is read."""

    now: float = 0.0
    step: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_source_that_drips_is_given_up(authority: trustme.CA, origin: Origin) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    trusted, ticking = frozenset({f"videos.example:{origin.port}"}), Ticking()

    def slow(request: str, first: int, last: int) -> bytes:
        ticking.step = 31.0
        return file()(request, first, last)

    with SourceReader(context, trusted=trusted, resolver=loopback, clock=ticking) as sources:
        validator = probed(sources, origin, file()).validator
        origin.answers["/video.mp4"] = slow
        with pytest.raises(SourceFailed, match="too slowly"):
            list(sources.read(origin.url(), 0, len(VIDEO) - 1, validator))
        found = sources.probe(origin.url())
        assert isinstance(found, TemporarilyUnavailable)
        assert "too slowly" in found.message


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (Malformed("x"), FailureReason.INVALID_REQUEST),
        (NotHttps(scheme="http", host="h"), FailureReason.INVALID_REQUEST),
        (HasCredentials("h"), FailureReason.INVALID_REQUEST),
        (ForbiddenAddress(host="h", address="10.0.0.1"), FailureReason.SOURCE_FORBIDDEN),
        (TooManyRedirects(location="p", limit=3), FailureReason.SOURCE_UNAVAILABLE),
        (Unavailable(location="p", status=404), FailureReason.SOURCE_UNAVAILABLE),
        (TemporarilyUnavailable(location="p", why="w"), FailureReason.SOURCE_UNAVAILABLE),
        (NoRanges(location="p", why="w"), FailureReason.SOURCE_UNAVAILABLE),
        (TooLarge(5), FailureReason.SOURCE_TOO_LARGE),
        (Empty("p"), FailureReason.SOURCE_NOT_A_VIDEO),
        (NotAVideo("f"), FailureReason.SOURCE_NOT_A_VIDEO),
        (Changed(location="p", what="w"), FailureReason.SOURCE_CHANGED),
    ],
)
def test_every_problem_has_a_reason(problem: SourceProblem, reason: FailureReason) -> None:
    assert failure_reason(problem) is reason
