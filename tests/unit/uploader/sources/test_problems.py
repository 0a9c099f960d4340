"""Problems with sources, and the reasons that posts fail with."""

import pytest

from common.contract.post import FailureReason
from uploader_service.sources.problems import (
    Changed,
    Empty,
    ForbiddenAddress,
    HasCredentials,
    Malformed,
    NoRanges,
    NotAVideo,
    NotHttps,
    SourceProblem,
    TemporarilyUnavailable,
    TooLarge,
    TooManyRedirects,
    Unavailable,
    failure_reason,
)


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
def test_every_problem_has_a_failure_reason(problem: SourceProblem, reason: FailureReason) -> None:
    assert failure_reason(problem) is reason
