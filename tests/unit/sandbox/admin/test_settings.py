"""Changing settings at run time."""

import pytest

from harness.sandbox_client import SMALL, Visitor
from tiktok_sandbox.model.settings import Delays, Settings


async def test_named_settings_change_and_the_rest_stays(visitor: Visitor) -> None:
    before = (await visitor.http.get("/_sandbox/settings")).json()
    answer = await visitor.http.post("/_sandbox/settings", json={"delays": {"processing": 7}, "check_media": True})
    assert answer.status_code == 200
    after = (await visitor.http.get("/_sandbox/settings")).json()
    assert answer.json() == after
    changed = {"delays": {"processing": 7.0, "public": Delays().public}, "check_media": True}
    assert after == {**before, **changed}
    assert visitor.context.tables.settings.chunk_limits == SMALL


async def test_post_keeps_the_delays_of_its_init(visitor: Visitor) -> None:
    publish_id = await (await visitor.connect()).posted(b"12345678")
    await visitor.http.post("/_sandbox/settings", json={"delays": {"processing": 5_000}})
    visitor.context.clock.advance(Settings().delays.processing)
    assert (await visitor.status(publish_id)).json()["data"]["status"] == "PUBLISH_COMPLETE"


@pytest.mark.parametrize("wish", [{"app": {}}, {"delays": {"procesing": 1}}, {"abandoned": "sometimes"}, []])
async def test_fixed_or_misspelt_settings_are_refused(visitor: Visitor, wish: object) -> None:
    before = visitor.context.tables.settings
    answer = await visitor.http.post("/_sandbox/settings", json=wish)
    assert answer.status_code == 422
    assert visitor.context.tables.settings == before
