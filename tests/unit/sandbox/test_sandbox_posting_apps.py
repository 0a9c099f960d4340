"""Several apps and one person: what they share, and what is each app's own."""

from typing import Any

import httpx
import pytest

from harness.sandbox_client import SMALL, Meet, Visitor, error_code
from tiktok_sandbox.model.settings import App, Profile, Settings
from tiktok_sandbox.runtime.clock import Clock

OTHER = "sbotherapp000000"


def two_apps(**other: Any) -> Settings:
    person = Profile(username="busy", daily_post_cap=2, private_account=True)
    return Settings(chunk_limits=SMALL, apps=(App(client_key=OTHER, **other),), creators=(person,))


async def through(visitor: Visitor, client_key: str, username: str = "busy") -> Visitor:
    """The same stand-in, as another app sees it."""
    answer = await visitor.http.post("/_sandbox/tokens", json={"client_key": client_key, "username": username})
    return Visitor(visitor.http, visitor.context, token=answer.json()["access_token"])


@pytest.fixture
async def first(meet: Meet) -> Visitor:
    return await (await meet(two_apps())).connect("busy")


async def test_the_day_of_a_person_is_shared_by_all_apps(first: Visitor, clock: Clock) -> None:
    other = await through(first, OTHER)
    await first.posted(b"bytes", level="SELF_ONLY")
    await other.posted(b"bytes", level="SELF_ONLY")

    full = [error_code(await each.init(5, level="SELF_ONLY")) for each in (first, other)]
    clock.advance(86_400)
    free = await (await through(first, OTHER)).init(5, level="SELF_ONLY")

    assert full == ["spam_risk_too_many_posts"] * 2
    assert free.status_code == 200


async def test_a_publication_belongs_to_the_app_that_made_it(first: Visitor) -> None:
    other = await through(first, OTHER)
    publish_id, _ = await first.opened(5, level="SELF_ONLY")

    answer = await other.status(publish_id)

    assert (answer.status_code, error_code(answer)) == (400, "token_not_authorized_for_specified_publish_id")


async def test_an_audit_is_each_apps_own(meet: Meet) -> None:
    first = await (await meet(two_apps(audited=False))).connect("busy")
    other = await through(first, OTHER)

    answers: list[httpx.Response] = [await each.init(5, level="FOLLOWER_OF_CREATOR") for each in (first, other)]

    assert [error_code(each) for each in answers] == ["ok", "unaudited_client_can_only_post_to_private_accounts"]


async def test_active_creators_are_counted_for_each_app(meet: Meet) -> None:
    first = await (await meet(two_apps(active_creator_cap=1))).connect("busy")
    other = await through(first, OTHER)
    await other.opened(5, level="SELF_ONLY")
    somebody = await through(first, OTHER, "somebody")

    refused, elsewhere = await somebody.init(5), await (await first.connect("somebody")).init(5)

    assert (error_code(refused), elsewhere.status_code) == ("reached_active_user_cap", 200)


async def test_addresses_are_verified_for_each_app(meet: Meet) -> None:
    first = await (await meet(two_apps(verified_urls=("media.example",)))).connect("busy")
    other = await through(first, OTHER)
    await first.rule(endpoint="pull", action="error", code="internal")
    body = {
        "post_info": {"privacy_level": "SELF_ONLY"},
        "source_info": {"source": "PULL_FROM_URL", "video_url": "https://media.example/clip.mp4"},
    }

    answers = [await each.call("/v2/post/publish/video/init/", body) for each in (first, other)]
    await first.context.close()

    assert [error_code(each) for each in answers] == ["url_ownership_unverified", "ok"]


async def test_one_app_losing_its_permission_leaves_the_other_alone(first: Visitor) -> None:
    other = await through(first, OTHER)
    mine, url = await first.opened(5, level="SELF_ONLY")
    theirs, their_url = await other.opened(5, level="SELF_ONLY")
    await first.http.post(f"/_sandbox/creators/{first.tokens['open_id']}/disconnect")

    statuses = [(await first.put(each, b"bytes", 0, 5)).status_code for each in (url, their_url)]

    assert statuses == [404, 201]
    assert (await other.status(theirs)).json()["data"]["uploaded_bytes"] == 5
    assert {each["status"] for each in (await first.ledger())["inits"] if each["publish_id"] == mine} == {"FAILED"}
