"""Range responses: wrong ones, and files that have changed."""

import pytest

from harness.https_origin import (
    VIDEO,
    Origin,
    Responder,
    failing_read,
    fixed_response,
    probed,
    problem_with,
    respond,
    video_file,
)
from tiktok.limits import MAX_VIDEO_BYTES
from uploader_service.sources.problems import (
    Changed,
    Empty,
    NoRanges,
    SourceProblem,
    TemporarilyUnavailable,
    TooLarge,
    Unavailable,
)
from uploader_service.sources.reader import SourceReader

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
def test_wrong_response_is_a_problem_with_its_reason(
    answer: bytes, expected: type[SourceProblem], words: str, sources: SourceReader, origin: Origin
) -> None:
    problem = problem_with(sources, origin, fixed_response(answer))
    assert isinstance(problem, expected)
    assert words in problem.message


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (video_file(), video_file(VIDEO + b"more"), "size"),
        (video_file(), video_file(tag='"v2"'), "ETag"),
        (video_file(tag='W/"v1"'), video_file(tag='W/"v2"'), "ETag"),
        (video_file(), video_file(tag=""), "ETag"),
        (video_file(tag="", Last_Modified="Mon"), video_file(tag="", Last_Modified="Tue"), "modification time"),
        (video_file(), fixed_response(respond("200 OK", VIDEO, ETag='"v2"')), "size"),
        (video_file(), fixed_response(respond("416 Range Not Satisfiable", Content_Range="bytes */10")), "size"),
        (video_file(), fixed_response(respond("412 Precondition Failed")), "size"),
    ],
)
def test_changed_file_is_noticed(
    before: Responder, after: Responder, what: str, sources: SourceReader, origin: Origin
) -> None:
    problem = failing_read(sources, origin, before, after)
    assert isinstance(problem, Changed)
    assert what in problem.message


def test_weak_etag_is_compared_and_not_sent(sources: SourceReader, origin: Origin) -> None:
    found = probed(sources, origin, video_file(tag='W/"v1"'))
    assert b"".join(sources.read(origin.url(), 8, 11, found.validator)) == b"isom"
    assert "If-Range" not in origin.requests[-1]
