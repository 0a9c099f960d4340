"""What survives a restart, what it costs, and what is refused."""

import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest

from harness.sandbox_client import SMALL, Visitor
from tiktok_sandbox.errors import StateUnreadable
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.persistence import FILE_NAME, StateFile, persisted_tables
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.runtime.table import Table
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)
CONTENT = bytes(range(53))


@asynccontextmanager
async def _running(folder: Path, clock: Clock) -> AsyncIterator[Visitor]:
    async with (
        Server(SETTINGS, clock=clock, state_folder=folder, media_folder=folder / "media") as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield Visitor(http, server.context)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


async def test_a_half_done_upload_goes_on_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path, clock) as before:
        await before.connect()
        _, url = await before.opened(53, 10, 5)
        for first in (0, 10):
            await before.put(url, CONTENT[first : first + 10], first, 53)

    async with _running(tmp_path, clock) as after:
        again = await after.put(_path(url), CONTENT[:10], 0, 53)
        for first in (20, 30):
            await after.put(_path(url), CONTENT[first : first + 10], first, 53)
        last = await after.put(_path(url), CONTENT[40:], 40, 53)
        clock.advance(2)
        [post] = (await after.ledger())["posts"]
        seen = await after.http.get(f"/_sandbox/posts/{post['post_id']}/media")

    assert (again.status_code, again.headers["content-range"]) == (416, "bytes 0-19/53")
    assert last.status_code == 201
    assert post["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert seen.content == CONTENT


async def test_what_was_answered_is_written_down(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path / "state", clock) as visitor:
        await visitor.connect("somebody")
        publish_id = await visitor.posted(CONTENT)
        rule_id = await visitor.rule(endpoint="status", action="error", code="internal_error")
        await visitor.status(publish_id)
        # As it lies there when the process is killed in this moment.
        (tmp_path / "copy").mkdir()
        for file in (tmp_path / "state").glob(f"{FILE_NAME}*"):
            (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())

    async with _running(tmp_path / "copy", clock) as after:
        after.token = visitor.token
        clock.advance(2)
        status = (await after.status(publish_id)).json()["data"]["status"]
        rules = (await after.http.get("/_sandbox/rules")).json()["rules"]

    assert status == "PUBLISH_COMPLETE"
    assert [(each["id"], each["hits"]) for each in rules] == [(rule_id, 1)]


async def test_time_does_not_fall_back(tmp_path: Path) -> None:
    ahead = []
    for _ in range(2):
        async with (
            Server(SETTINGS, state_folder=tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            await http.post("/_sandbox/clock", json={"seconds": 86_400})
            ahead.append(server.context.clock.ahead)

    assert ahead == [86_400, 2 * 86_400]


async def test_a_disconnected_person_stays_so(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path, clock) as before:
        await before.connect()
        await before.http.post(f"/_sandbox/creators/{before.tokens['open_id']}/disconnect")

    async with _running(tmp_path, clock) as after:
        after.token = before.token
        answer = await after.creator_info()

    assert answer.status_code == 401


@pytest.mark.parametrize("people", [1, 5_000])
def test_a_save_costs_what_changed_not_what_there_is(tmp_path: Path, people: int) -> None:
    tables, state = _crowd(people), StateFile(tmp_path)
    assert state.save(tables) >= people

    tables.creators.save(Profile(username="one-more"))
    tables.bytes_read["p"] = 5
    rows = state.save(tables)

    assert rows == 2
    assert state.save(tables) == 0
    state.close()


def _crowd(people: int) -> Tables:
    tables = Tables(SETTINGS, Identifiers(Random(1)), "http://tiktok.example")
    for number in range(people):
        tables.creators.save(Profile(username=f"person{number}"))
    return tables


def test_every_table_that_is_kept_knows_its_changes() -> None:
    assert all(isinstance(shelf.table, Table) for shelf in persisted_tables(_crowd(0)))


def test_a_table_knows_what_was_set_and_what_is_gone() -> None:
    table = Table({"a": 1, "b": 2, "c": 3})
    del table["a"]
    table.setdefault("b", 9)
    table.setdefault("d", 4)
    table.pop("c", 0)
    table.update({"e": 5})

    assert table == {"b": 2, "d": 4, "e": 5}
    assert table.changed_keys == {"a", "c", "d", "e"}


async def test_the_state_is_its_owners_alone(tmp_path: Path) -> None:
    async with Server(SETTINGS, state_folder=tmp_path):
        modes = {each.name: each.stat().st_mode & 0o077 for each in os.scandir(tmp_path)}

    assert FILE_NAME in modes
    assert set(modes.values()) == {0}


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[]" * 1_000)

    with pytest.raises(StateUnreadable, match="Cannot read the saved state"):
        Server(SETTINGS, state_folder=tmp_path)


@pytest.mark.parametrize(
    "change", ["PRAGMA user_version = 99", "UPDATE rows SET value = '[]' WHERE table_name = 'creators'"]
)
def test_a_state_of_another_version_is_refused(tmp_path: Path, change: str) -> None:
    state = StateFile(tmp_path)
    state.save(_crowd(1))
    state.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute(change)
    file.close()

    with pytest.raises(StateUnreadable):
        Server(SETTINGS, state_folder=tmp_path)


def test_two_processes_cannot_share_a_state(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.save(_crowd(1))

    with pytest.raises(StateUnreadable):
        StateFile(tmp_path)
    state.close()
