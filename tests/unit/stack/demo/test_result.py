"""The demo succeeds only if every promise holds, and names the ones that do not."""

import json
from typing import Any

import msgspec
import pytest

from stack.demo.result import DemoResult, Kill, result_line, violations

UPLOADER = Kill(service="uploader", pid=11, share=0.53, complete=False)
PUBLISHER = Kill(service="publisher", pid=12, share=1.0, complete=True)
GOOD = DemoResult(
    posts_at_tiktok=1,
    sha256_equal=True,
    kills=(UPLOADER, PUBLISHER),
    post_published_events=1,
    ages_collected=2,
    dead_inits=0,
    bytes=160_000_000,
    bytes_discarded=5_000_000,
)


def test_result_that_holds_has_no_violation() -> None:
    assert list(violations(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"posts_at_tiktok": 2}, "published it 2 times"),
        ({"posts_at_tiktok": 0}, "published it 0 times"),
        ({"sha256_equal": False}, "the bytes"),
        ({"kills": (UPLOADER,)}, "1 kills"),
        ({"kills": (msgspec.structs.replace(UPLOADER, complete=True), PUBLISHER)}, "the uploader was killed at"),
        ({"kills": (UPLOADER, msgspec.structs.replace(PUBLISHER, complete=False))}, "the publisher was killed at"),
        ({"post_published_events": 2}, "post.published came 2 times"),
        ({"ages_collected": 1}, "1 ages"),
        ({"bytes_discarded": 0}, "no chunk broke off"),
    ],
)
def test_broken_promise_is_named(changes: dict[str, Any], text: str) -> None:
    wrong = list(violations(msgspec.structs.replace(GOOD, **changes)))
    assert len(wrong) == 1
    assert text in wrong[0]


def test_result_line_is_json_in_one_line() -> None:
    line = result_line(GOOD, seconds=28.04)
    assert line.startswith("RESULT {")
    assert "\n" not in line
    result = json.loads(line.removeprefix("RESULT "))
    assert (result["posts_at_tiktok"], result["sha256_equal"], result["kills"]) == (1, True, 2)
    assert result["killed"] == {"uploader": "53%", "publisher": "100%"}
    assert result["seconds"] == 28.0
