"""Sources over real TLS connections: probed, read by ranges, broken off."""

import ssl
from dataclasses import dataclass

import pytest
import trustme

from harness.https_origin import (
    VIDEO,
    Origin,
    Responder,
    failing_read,
    fixed_response,
    loopback,
    probed,
    problem_with,
    respond,
    video_file,
)
from uploader_service.sources.problems import (
    NoRanges,
    NotAVideo,
    SourceFailed,
    SourceProblem,
    TemporarilyUnavailable,
    Unavailable,
)
from uploader_service.sources.reader import PIECE_BYTES, SourceReader


def test_video_is_probed_and_read_by_ranges(sources: SourceReader, origin: Origin) -> None:
    found = probed(sources, origin, video_file())
    assert (found.size, found.content_type) == (len(VIDEO), "video/mp4")
    pieces = list(sources.read(origin.url(), 0, len(VIDEO) - 1, found.validator))
    assert b"".join(pieces) == VIDEO
    assert all(PIECE_BYTES <= len(piece) < 2 * PIECE_BYTES for piece in pieces[:-1])
    assert b"".join(sources.read(origin.url(), 1000, 2000, found.validator)) == VIDEO[1000:2001]
    assert 'If-Range: "v1"' in origin.requests[-1]
    assert f"Host: videos.example:{origin.port}" in origin.requests[-1]


def test_video_smaller_than_the_probe_is_found(sources: SourceReader, origin: Origin) -> None:
    assert probed(sources, origin, video_file(VIDEO[:40])).size == 40


def test_probe_trusts_bytes_not_content_type(sources: SourceReader, origin: Origin) -> None:
    page = b"<!doctype html>" * 100
    assert isinstance(problem_with(sources, origin, video_file(page, Content_Type="video/mp4")), NotAVideo)
    assert probed(sources, origin, video_file(Content_Type="text/plain")).content_type == "video/mp4"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (fixed_response(respond("404 Not Found")), Unavailable),
        (fixed_response(respond("502 Bad Gateway")), TemporarilyUnavailable),
        (lambda request, first, last: video_file()(request, first, last - 1), NoRanges),
        (lambda request, first, last: video_file()(request, first, last)[:-10], TemporarilyUnavailable),
    ],
)
def test_failed_read_names_its_problem(
    after: Responder, expected: type[SourceProblem], sources: SourceReader, origin: Origin
) -> None:
    assert isinstance(failing_read(sources, origin, video_file(), after), expected)


@dataclass
class Ticking:
    """A clock that goes on by `step` seconds whenever it is read."""

    now: float = 0.0
    step: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_dripping_source_is_given_up(authority: trustme.CA, origin: Origin) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    trusted, ticking = frozenset({f"videos.example:{origin.port}"}), Ticking()

    def slow(request: str, first: int, last: int) -> bytes:
        ticking.step = 31.0
        return video_file()(request, first, last)

    with SourceReader(context, trusted=trusted, resolver=loopback, clock=ticking) as sources:
        validator = probed(sources, origin, video_file()).validator
        origin.answers["/video.mp4"] = slow
        with pytest.raises(SourceFailed, match="too slowly"):
            list(sources.read(origin.url(), 0, len(VIDEO) - 1, validator))
        found = sources.probe(origin.url())
        assert isinstance(found, TemporarilyUnavailable)
        assert "too slowly" in found.message
