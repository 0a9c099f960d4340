"""README's first steps as a person takes them: clip, connect, post over HTTP and over Kafka."""

import httpx
import pytest

from stack.__main__ import main
from stack.local import Stack
from stack.tls import certificates

CREATOR = "first-steps"
EVENTS = ("post.accepted", "post.uploaded", "post.published", "post.available")


def step(stack: Stack, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run one command on the running stack and return what it printed."""
    status = main([*arguments, "--folder", str(stack.folder)])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed.out


def published_titles(stack: Stack) -> list[str]:
    trust = certificates(stack.folder / "tls").client_context()
    ledger = httpx.get(f"{stack.sandbox_url}/_sandbox/ledger", verify=trust, trust_env=False)
    return [post["title"] for post in ledger.raise_for_status().json()["posts"]]


def test_first_steps_lead_to_an_available_post(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert "clip.mp4" in step(stack, capsys, "clip")
    assert "is connected" in step(stack, capsys, "connect", "--creator", CREATOR)
    for post_id, via in (("steps-1", "http"), ("steps-2", "kafka"), ("steps-1", "http")):
        out = step(stack, capsys, "post", "--via", via, "--post-id", post_id)
        assert [event for event in EVENTS if event in out] == list(EVENTS)
    titles = published_titles(stack)
    assert [titles.count(f"First steps, {post_id}") for post_id in ("steps-1", "steps-2")] == [1, 1]
