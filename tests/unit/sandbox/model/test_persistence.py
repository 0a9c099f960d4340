"""What survives a restart, what saving costs, and which files are refused."""

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

from harness.sandbox_apps import OTHER_APP
from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.errors import StateUnreadable
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.persistence import FILE_NAME, StateFile, persisted_tables
from tiktok_sandbox.model.settings import App, Profile, Settings
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.runtime.table import Table
from tiktok_sandbox.server import Server


def _ids() -> Identifiers:
    return Identifiers(Random(1))


SETTINGS = Settings(chunk_limits=SMALL)


CONTENT = bytes(range(53))


@asynccontextmanager
async def _running(folder: Path, clock: Clock) -> AsyncIterator[SandboxClient]:
    async with (
        Server(SETTINGS, clock=clock, state_folder=folder, media_folder=folder / "media") as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield SandboxClient(http, server.context)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _crowd(people: int) -> Tables:
    tables = Tables(SETTINGS, Identifiers(Random(1)), "http://tiktok.example")
    for number in range(people):
        tables.creators.save(Profile(username=f"person{number}"))
    return tables


def test_apps_and_open_ids_survive_a_restart(tmp_path: Path) -> None:
    first, state = Tables(Settings(), _ids(), "http://tiktok.example"), StateFile(tmp_path)
    saved = first.apps.save(App(client_key=OTHER_APP, audited=False))
    creator = first.creators.get_or_create("person", OTHER_APP)
    first.creators.save(Profile(username="person", banned=True))
    state.save(first)

    second = Tables(Settings(), Identifiers(Random(2)), "http://tiktok.example")
    state.restore(second, None)
    state.close()

    found = second.creators.find(creator.open_id)
    assert second.apps.get(OTHER_APP) == saved
    assert found is not None
    assert (found.profile.username, found.profile.banned) == ("person", True)


def test_settings_win_at_a_restart_but_a_random_secret_stays(tmp_path: Path) -> None:
    before = Settings(app=App(client_secret="given", name="Old"), apps=(App(client_key=OTHER_APP),))
    first, state = Tables(before, _ids(), "http://tiktok.example"), StateFile(tmp_path)
    state.save(first)

    after = Settings(app=App(client_secret="newer", name="New"), apps=(App(client_key=OTHER_APP),))
    second = Tables(after, Identifiers(Random(2)), "http://tiktok.example")
    state.restore(second, None)
    state.close()

    assert (second.apps.default.name, second.apps.default.client_secret) == ("New", "newer")
    assert second.apps.get(OTHER_APP) == first.apps.get(OTHER_APP)


async def test_stopped_clock_is_stopped_after_a_restart(tmp_path: Path) -> None:
    seen = []
    for request in ({"manual": True, "factor": 60}, {"seconds": 5}, {}):
        async with (
            Server(Settings(), state_folder=tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            seen.append((await http.post("/_sandbox/clock", json=request)).json())

    assert [each["now"] - seen[0]["now"] for each in seen] == [0, 5, 5]
    assert {(each["factor"], each["manual"]) for each in seen} == {(60, True)}


async def test_upload_continues_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path, clock) as before:
        await before.connect()
        _, url = await before.open_upload(53, 10, 5)
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


async def test_answered_calls_are_saved(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path / "state", clock) as client:
        await client.connect("person")
        publish_id = await client.post_video(CONTENT)
        rule_id = await client.add_rule(endpoint="status", action="error", code="internal_error")
        await client.status(publish_id)
        # A copy of the file as a kill at this time would leave it.
        (tmp_path / "copy").mkdir()
        for file in (tmp_path / "state").glob(f"{FILE_NAME}*"):
            (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())

    async with _running(tmp_path / "copy", clock) as after:
        after.token = client.token
        clock.advance(2)
        status = (await after.status(publish_id)).json()["data"]["status"]
        rules = (await after.http.get("/_sandbox/rules")).json()["rules"]

    assert status == "PUBLISH_COMPLETE"
    assert [(each["id"], each["hits"]) for each in rules] == [(rule_id, 1)]


async def test_time_does_not_go_back_at_a_restart(tmp_path: Path) -> None:
    ahead = []
    for _ in range(2):
        async with (
            Server(SETTINGS, state_folder=tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            await http.post("/_sandbox/clock", json={"seconds": 86_400})
            ahead.append(server.context.clock.ahead)

    assert ahead == [86_400, 2 * 86_400]


async def test_disconnected_person_stays_disconnected(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path, clock) as before:
        await before.connect()
        await before.http.post(f"/_sandbox/creators/{before.tokens['open_id']}/disconnect")

    async with _running(tmp_path, clock) as after:
        after.token = before.token
        answer = await after.creator_info()

    assert answer.status_code == 401


@pytest.mark.parametrize("people", [1, 5_000])
def test_save_writes_only_changed_rows(tmp_path: Path, people: int) -> None:
    tables, state = _crowd(people), StateFile(tmp_path)
    assert state.save(tables) >= people

    tables.creators.save(Profile(username="one-more"))
    tables.bytes_read["p"] = 5
    rows = state.save(tables)

    assert rows == 2
    assert state.save(tables) == 0
    state.close()


def test_every_saved_table_tracks_its_changes() -> None:
    assert all(isinstance(shelf.table, Table) for shelf in persisted_tables(_crowd(0)))


async def test_state_file_is_private_to_its_owner(tmp_path: Path) -> None:
    async with Server(SETTINGS, state_folder=tmp_path):
        modes = {each.name: each.stat().st_mode & 0o077 for each in os.scandir(tmp_path)}

    assert FILE_NAME in modes
    assert set(modes.values()) == {0}


def test_other_file_is_refused_as_state(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[]" * 1_000)

    with pytest.raises(StateUnreadable, match="Cannot read the saved state"):
        Server(SETTINGS, state_folder=tmp_path)


@pytest.mark.parametrize(
    "change", ["PRAGMA user_version = 99", "UPDATE rows SET value = '[]' WHERE table_name = 'creators'"]
)
def test_state_of_another_version_is_refused(tmp_path: Path, change: str) -> None:
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
