"""Changing settings at run time."""

import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.model.settings import Delays, Settings


async def test_named_settings_change_and_the_rest_stays(client: SandboxClient) -> None:
    before = (await client.http.get("/_sandbox/settings")).json()
    answer = await client.http.post("/_sandbox/settings", json={"delays": {"processing": 7}, "check_media": True})
    assert answer.status_code == 200
    after = (await client.http.get("/_sandbox/settings")).json()
    assert answer.json() == after
    changed = {"delays": {"processing": 7.0, "public": Delays().public}, "check_media": True}
    assert after == {**before, **changed}
    assert client.context.tables.settings.chunk_limits == SMALL


async def test_post_keeps_the_delays_of_its_init(client: SandboxClient) -> None:
    publish_id = await (await client.connect()).post_video(b"12345678")
    await client.http.post("/_sandbox/settings", json={"delays": {"processing": 5_000}})
    client.context.clock.advance(Settings().delays.processing)
    assert (await client.status(publish_id)).json()["data"]["status"] == "PUBLISH_COMPLETE"


@pytest.mark.parametrize("body", [{"app": {}}, {"delays": {"procesing": 1}}, {"abandoned": "sometimes"}, []])
async def test_fixed_or_misspelt_settings_are_refused(client: SandboxClient, body: object) -> None:
    before = client.context.tables.settings
    answer = await client.http.post("/_sandbox/settings", json=body)
    assert answer.status_code == 422
    assert client.context.tables.settings == before
