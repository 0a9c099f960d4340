"""The ledger of one post, and the admin API of the real sandbox."""

from collections.abc import AsyncIterator

import httpx
import pytest

from stack.demo.sandbox_admin import Init, Ledger, PublishedPost, SandboxAdmin
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings

TIKTOK = "https://tiktok.test"


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(AppContext(Settings(), base_url=TIKTOK)))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        yield client


def init(publish_id: str, *, title: str = "mine", stored: int = 0, read: int = 0) -> Init:
    return Init(publish_id=publish_id, title=title, size=100, chunk_size=10, uploaded_bytes=stored, bytes_read=read)


def published(publish_id: str, *, title: str = "mine") -> PublishedPost:
    return PublishedPost(publish_id=publish_id, title=title, sha256="00", bytes=100)


def test_ledger_for_title_keeps_only_that_title() -> None:
    ledger = Ledger(
        posts=(published("1"), published("2", title="another")), inits=(init("1"), init("2", title="another"))
    ).for_title("mine")
    assert [post.publish_id for post in ledger.posts] == ["1"]
    assert [entry.publish_id for entry in ledger.inits] == ["1"]


def test_ledger_counts_inits_without_a_post_as_dead() -> None:
    ledger = Ledger(posts=(published("2"),), inits=(init("1"), init("2", stored=100, read=100)))
    assert ledger.dead_inits == 1
    assert (ledger.stored_bytes, ledger.chunk_size) == (100, 10)


def test_ledger_counts_bytes_read_but_not_stored() -> None:
    assert Ledger(inits=(init("1", stored=40, read=46),)).discarded_bytes == 6


async def test_sandbox_accepts_ledger_and_rule_requests(web: httpx.AsyncClient) -> None:
    sandbox = SandboxAdmin(web, TIKTOK, title="a title")
    ledger = await sandbox.ledger()
    assert (ledger.posts, ledger.inits, ledger.stored_bytes, ledger.chunk_size) == ((), (), 0, 0)
    stall = await sandbox.hold_chunk(after_bytes=5)
    assert not await sandbox.is_holding(stall)
    await sandbox.release(stall)
