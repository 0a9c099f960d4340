"""Requests to sources: URLs, redirects, certificates and connections."""

import ssl

import pytest
import trustme

from harness.https_origin import VIDEO, Origin, fixed_response, loopback, probed, problem_with, redirect, video_file
from uploader_service.sources.problems import (
    ForbiddenAddress,
    HasCredentials,
    Malformed,
    NotHttps,
    SourceProblem,
    TemporarilyUnavailable,
    TooManyRedirects,
)
from uploader_service.sources.reader import ProbedSource, SourceReader


def test_closed_connection_is_opened_again(sources: SourceReader, origin: Origin) -> None:
    answers = iter([fixed_response(b""), video_file()])

    def first_gone_then_there(request: str, first: int, last: int) -> bytes:
        return next(answers)(request, first, last)

    found = probed(sources, origin, first_gone_then_there)
    assert found.size == len(VIDEO)
    assert len(origin.requests) == 2


def test_source_without_response_is_temporary(sources: SourceReader, origin: Origin) -> None:
    assert isinstance(problem_with(sources, origin, fixed_response(b"")), TemporarilyUnavailable)
    assert len(origin.requests) == 2


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
def test_wrong_url_is_refused_before_any_request(
    url: str, expected: type[SourceProblem], words: str, sources: SourceReader, origin: Origin
) -> None:
    problem = sources.probe(url)
    assert isinstance(problem, expected)
    assert words in problem.message
    assert "planted" not in problem.message
    assert origin.requests == []


def test_redirects_are_followed_on_every_read(sources: SourceReader, origin: Origin) -> None:
    origin.answers |= {"/real.mp4": video_file(), "/next": redirect("/real.mp4?signature=planted")}
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
def test_redirect_is_checked_like_the_first_url(
    location: str, expected: type[SourceProblem], sources: SourceReader, origin: Origin
) -> None:
    assert isinstance(problem_with(sources, origin, redirect(location)), expected)


def test_fourth_redirect_is_refused(sources: SourceReader, origin: Origin) -> None:
    origin.answers |= {"/1": redirect("/2"), "/2": redirect("/3"), "/3": video_file(), "/0": redirect("/1")}
    assert isinstance(sources.probe(origin.url("/0")), ProbedSource)
    assert isinstance(problem_with(sources, origin, redirect("/0")), TooManyRedirects)


def test_certificate_is_checked_against_the_name(authority: trustme.CA, origin: Origin) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    trusted = frozenset({f"elsewhere.example:{origin.port}"})
    with SourceReader(context, trusted=trusted, resolver=loopback) as sources:
        problem = sources.probe(f"https://elsewhere.example:{origin.port}/video.mp4")
    assert isinstance(problem, TemporarilyUnavailable)
    assert "certificate" in problem.message.lower()
    assert origin.requests == []
