"""The demo succeeds only if everything that it promises holds, and says what does not."""

import json
from typing import Any

import msgspec
import pytest

from stack.demo.findings import Findings, Kill, faults, result_line

UPLOADER = Kill(service="uploader", pid=11, share=0.53, complete=False)
PUBLISHER = Kill(service="publisher", pid=12, share=1.0, complete=True)
GOOD = Findings(
    posts_at_tiktok=1,
    sha256_equal=True,
    kills=(UPLOADER, PUBLISHER),
    post_published_events=1,
    ages_collected=2,
    dead_inits=0,
    bytes=160_000_000,
    bytes_broken_off=5_000_000,
)


def test_when_all_holds_there_is_nothing_to_say() -> None:
    assert list(faults(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"posts_at_tiktok": 2}, "posted it 2 times"),
        ({"posts_at_tiktok": 0}, "posted it 0 times"),
        ({"sha256_equal": False}, "the bytes"),
        ({"kills": (UPLOADER,)}, "1 kills"),
        ({"kills": (msgspec.structs.replace(UPLOADER, complete=True), PUBLISHER)}, "the uploader was killed at"),
        ({"kills": (UPLOADER, msgspec.structs.replace(PUBLISHER, complete=False))}, "the publisher was killed at"),
        ({"post_published_events": 2}, "post.published was there 2 times"),
        ({"ages_collected": 1}, "1 ages"),
        ({"bytes_broken_off": 0}, "no chunk broke off"),
    ],
)
def test_what_does_not_hold_is_said(changes: dict[str, Any], said: str) -> None:
    wrong = list(faults(msgspec.structs.replace(GOOD, **changes)))
    assert len(wrong) == 1
    assert said in wrong[0]


def test_the_last_line_is_json_in_one_line() -> None:
    line = result_line(GOOD, seconds=28.04)
    assert line.startswith("RESULT {")
    assert "\n" not in line
    result = json.loads(line.removeprefix("RESULT "))
    assert (result["posts_at_tiktok"], result["sha256_equal"], result["kills"]) == (1, True, 2)
    assert result["killed"] == {"uploader": "53%", "publisher": "100%"}
    assert result["seconds"] == 28.0
