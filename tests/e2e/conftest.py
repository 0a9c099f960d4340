"""One stack for all end-to-end tests: real Kafka, real store, real processes, and the sandbox as TikTok."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from harness.product import Account, Clip, Product, Request, make_clip, open_product
from stack.local import Stack
from stack.options import Options
from stack.polling import run_in_own_loop


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack. Its logs are in `logs/` of its folder."""
    options = replace(
        Options.from_environment(),
        usual_ports=False,
        sandbox=("--processing-seconds", "0.5", "--public-seconds", "0.5"),
        environment={"ANALYTICS_COLLECT_AGES": "1s,2s,5s"},
    )
    with Stack(tmp_path_factory.mktemp("stack"), options) as running:
        yield running


@pytest.fixture(scope="session")
def request_for_unknown_account(stack: Stack) -> Request:
    """A request for an account that is not connected. It waits a minute, so it is sent first and checked last."""
    return run_in_own_loop(lambda: _request_for_unknown_account(stack))


@pytest.fixture(scope="session")
def clip(stack: Stack) -> Clip:
    """Large enough for six chunks."""
    return make_clip(stack.media_dir, "clip.mp4", 64_500_000)


@pytest.fixture(scope="session")
def short_clip(stack: Stack) -> Clip:
    """Small enough for one chunk."""
    return make_clip(stack.media_dir, "short.mp4", 300_000)


@pytest.fixture
async def product(stack: Stack, request_for_unknown_account: Request) -> AsyncIterator[Product]:
    async with open_product(stack) as opened:
        yield opened


async def _request_for_unknown_account(stack: Stack) -> Request:
    unknown = Account(tenant="tenant-of-unknown", account_id="acc_unknown", open_id="")
    async with open_product(stack) as opened:
        request = opened.request(unknown, Clip(name="clip.mp4", size=0, sha256=""))
        await opened.request_posts(request)
    return request
