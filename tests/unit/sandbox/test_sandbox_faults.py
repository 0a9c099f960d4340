"""Faults a rule can bring about in a stand-in whose clock stands still."""

import asyncio
from typing import Any

import httpx
import pytest

from harness.sandbox_client import Visitor, error_code
from tiktok_sandbox.faults.actions import Action, CallPhase, Endpoint
from tiktok_sandbox.faults.rules import Rule, Rules, Subject
from tiktok_sandbox.runtime.clock import Clock

WAIT = 10
CALL = (Endpoint.STATUS, CallPhase.REQUEST)


def _hits(rule: Rule, calls: int) -> list[bool]:
    rules = Rules()
    rules.add(rule, 0.0)
    return [bool(rules.match(*CALL, Subject(), now=0.0)) for _ in range(calls)]


def test_a_rule_acts_on_each_so_manieth_call_after_those_it_skips() -> None:
    rule = Rule(endpoint=Endpoint.STATUS, action=Action.STATUS, skip=1, every=3, times=2)

    assert _hits(rule, 12) == [False, False, False, True, False, False, True, *[False] * 5]


def test_a_rule_without_end_never_ends() -> None:
    assert all(_hits(Rule(endpoint=Endpoint.ANY, action=Action.STATUS, times=0), 500))


def test_chance_is_the_same_each_time_and_another_with_another_seed() -> None:
    def hits(seed: int) -> list[bool]:
        return _hits(Rule(endpoint=Endpoint.STATUS, action=Action.STATUS, probability=0.3, seed=seed, times=0), 2_000)

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 500 < sum(hits(1)) < 700


def test_rules_after_which_a_call_goes_on_do_not_hide_those_behind_them() -> None:
    rules = Rules()
    for action in (Action.EXPIRE, Action.TAKEDOWN, Action.STATUS, Action.ERROR):
        rules.add(Rule(endpoint=Endpoint.STATUS, action=action), 0.0)

    struck = rules.match(*CALL, Subject(), now=0.0)

    assert [each.rule.action for each in struck] == [Action.EXPIRE, Action.TAKEDOWN, Action.STATUS]


def test_every_call_is_every_call_and_nothing_tiktok_does_by_itself() -> None:
    rules = Rules()
    rules.add(Rule(endpoint=Endpoint.ANY, action=Action.STATUS, times=0), 0.0)

    struck = {each for each in Endpoint if rules.match(each, CallPhase.REQUEST, Subject(), now=0.0)}

    assert set(Endpoint) - struck == {Endpoint.PULL, Endpoint.PROCESSING, Endpoint.WEBHOOK, Endpoint.UNKNOWN}


@pytest.mark.parametrize(
    "rule",
    [
        {"endpoint": "status", "action": "lose"},
        {"endpoint": "webhook", "action": "error"},
        {"endpoint": "unknown", "action": "hold"},
        {"endpoint": "status", "action": "hold", "at": "body"},
        {"endpoint": "processing", "action": "error", "at": "answer"},
        {"endpoint": "status", "action": "slow"},
        {"endpoint": "status", "action": "slow", "bytes_per_second": 5},
        {"endpoint": "status", "action": "fail"},
        {"endpoint": "status", "action": "error", "times": -1},
        {"endpoint": "status", "action": "error", "every": 0},
        {"endpoint": "status", "action": "error", "probability": 0},
    ],
)
async def test_a_rule_that_could_never_act_is_refused(visitor: Visitor, rule: dict[str, Any]) -> None:
    assert (await visitor.http.post("/_sandbox/rules", json=rule)).status_code == 422


async def test_a_rate_limit_is_tiktoks(connected: Visitor) -> None:
    await connected.rule(endpoint="status", action="rate_limit")

    limited = await connected.status("v_pub_file~v2-1.1")

    assert (limited.status_code, error_code(limited)) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize("who", ["username", "open_id", "client_key"])
async def test_a_rule_acts_on_those_it_names(connected: Visitor, who: str) -> None:
    known = {**connected.tokens, **connected.app, "username": "demo-creator"}
    await connected.rule(endpoint="*", action="status", times=0, **{who: known[who]})
    await connected.rule(endpoint="*", action="status", times=0, **{who: "somebody else"})

    assert (await connected.creator_info()).status_code == 503
    assert (await connected.http.get("/_sandbox/rules/2")).json()["hits"] == 0


async def test_a_rule_acts_on_the_publication_it_names(connected: Visitor) -> None:
    named, url = await connected.opened(5)
    other, _ = await connected.opened(5)
    await connected.rule(endpoint="*", action="status", times=2, publish_id=named)

    assert (await connected.status(other)).status_code == 200
    assert (await connected.status(named)).status_code == 503
    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 503


async def test_an_outage_is_for_everybody_and_ends_by_the_clock(connected: Visitor, clock: Clock) -> None:
    await connected.rule(endpoint="*", action="outage", seconds=60)

    during = [
        (await connected.creator_info()).status_code,
        (await connected.http.get("/v2/auth/authorize/", params=connected.asked())).status_code,
        (await connected.refresh(connected.tokens["refresh_token"])).status_code,
    ]
    clock.advance(59)
    late = (await connected.creator_info()).status_code
    clock.advance(1)

    assert (during, late) == ([503, 503, 503], 503)
    assert (await connected.creator_info()).status_code == 200
    assert (await connected.http.get("/_sandbox/overview")).json()["rules"][0]["ended"]


async def test_a_slow_call_takes_so_long_by_the_clock(connected: Visitor, clock: Clock) -> None:
    rule_id = await connected.rule(endpoint="creator_info", action="slow", seconds=30)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(connected.creator_info())
        await connected.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"hits": 1, "timeout": WAIT})
        clock.advance(29)
        await asyncio.wait({slow}, timeout=0.05)
        early = slow.done()
        clock.advance(1)

    assert (early, slow.result().status_code) == (False, 200)


async def test_a_slow_upload_comes_in_at_that_pace(connected: Visitor, clock: Clock) -> None:
    publish_id, url = await connected.opened(50)
    rule_id = await connected.rule(endpoint="upload", action="slow", bytes_per_second=5)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        put = tasks.create_task(connected.put(url, bytes(50), 0, 50))
        await connected.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"hits": 1, "timeout": WAIT})
        clock.advance(9)
        await asyncio.wait({put}, timeout=0.05)
        early = (await connected.status(publish_id)).json()["data"]["uploaded_bytes"]
        clock.advance(1)

    assert (early, put.result().status_code) == (0, 201)


async def test_an_expired_url_takes_nothing_more(connected: Visitor) -> None:
    _, url = await connected.opened(5)
    _, other = await connected.opened(5)
    await connected.rule(endpoint="upload", action="expire")

    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 403
    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 403
    assert (await connected.put(other, b"bytes", 0, 5)).status_code == 201


async def test_an_url_can_expire_within_a_chunk(connected: Visitor) -> None:
    _, url = await connected.opened(5)
    await connected.rule(endpoint="upload", at="body", after_bytes=2, action="expire")

    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 403


async def test_an_expired_access_token_can_be_refreshed(connected: Visitor) -> None:
    await connected.rule(endpoint="creator_info", action="expire")

    refused = await connected.creator_info()
    connected.token = (await connected.refresh(connected.tokens["refresh_token"])).json()["access_token"]

    assert (refused.status_code, error_code(refused)) == (401, "access_token_invalid")
    assert (await connected.creator_info()).status_code == 200


async def test_what_is_exchanged_can_expire(connected: Visitor) -> None:
    await connected.rule(endpoint="token", action="expire", times=2)
    callback = await connected.consent()

    exchanged = await connected.exchange(callback["code"])
    refreshed = await connected.refresh(connected.tokens["refresh_token"])

    assert (exchanged.json()["error"], refreshed.json()["error"]) == ("invalid_grant", "invalid_grant")
    assert (await connected.creator_info()).status_code == 200


async def test_a_permission_can_end_at_any_call(connected: Visitor) -> None:
    publish_id, url = await connected.opened(5)
    await connected.rule(endpoint="upload", action="revoke")

    put = await connected.put(url, b"bytes", 0, 5)

    assert put.status_code == 404
    assert (await connected.status(publish_id)).status_code == 401
    assert (await connected.refresh(connected.tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def _shown(visitor: Visitor, publish_id: str) -> list[int]:
    data = (await visitor.status(publish_id)).json()["data"]
    found: list[int] = data.get("publicaly_available_post_id", [])
    return found


async def test_a_call_can_find_its_video_taken_down(connected: Visitor, clock: Clock) -> None:
    first = await connected.posted(b"bytes")
    second = await connected.posted(b"bytes")
    clock.advance(5)
    await connected.rule(endpoint="status", action="takedown", publish_id=first)
    await connected.rule(endpoint="video_query", action="takedown")

    assert await _shown(connected, first) == []
    [post_id] = await _shown(connected, second)
    assert (await connected.videos(str(post_id))).json()["data"]["videos"] == []
    assert await _shown(connected, second) == []


async def test_a_video_can_be_taken_down_so_long_after_it_came(connected: Visitor, clock: Clock) -> None:
    await connected.rule(endpoint="processing", action="takedown", seconds=60)
    publish_id = await connected.posted(b"bytes")
    clock.advance(61)
    before = await _shown(connected, publish_id)
    clock.advance(1)

    assert len(before) == 1
    assert await _shown(connected, publish_id) == []


async def test_moderation_can_take_an_hour(connected: Visitor, clock: Clock) -> None:
    await connected.rule(endpoint="processing", action="slow", seconds=3_600)
    publish_id = await connected.posted(b"bytes")
    clock.advance(3_600)
    before = (await connected.status(publish_id)).json()["data"]["status"]
    clock.advance(1)

    assert before == "PROCESSING_UPLOAD"
    assert (await connected.status(publish_id)).json()["data"]["status"] == "PUBLISH_COMPLETE"


async def test_processing_fails_for_the_reason_asked_for(connected: Visitor, clock: Clock) -> None:
    await connected.rule(endpoint="processing", action="fail", reason="picture_size_check_failed")
    publish_id = await connected.posted(b"bytes")
    clock.advance(1)

    data = (await connected.status(publish_id)).json()["data"]

    assert (data["status"], data["fail_reason"]) == ("FAILED", "picture_size_check_failed")


async def _calls(visitor: Visitor, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await visitor.http.get("/_sandbox/calls", params=query)).json()["calls"]
    return found


async def test_a_call_is_listed_with_all_that_is_no_secret(connected: Visitor, clock: Clock) -> None:
    publish_id, url = await connected.opened(5)
    rule_id = await connected.rule(endpoint="*", action="takedown")
    clock.advance(7)
    await connected.put(url, b"bytes", 0, 5)

    seen = (await _calls(connected))[-1]

    assert seen.pop("seconds") >= 0
    assert seen == {
        "number": 4,
        "at": clock.now(),
        "method": "PUT",
        "path": "/upload/video/",
        "endpoint": "upload",
        "open_id": connected.tokens["open_id"],
        "username": "demo-creator",
        "client_key": connected.app["client_key"],
        "publish_id": publish_id,
        "status": 201,
        "code": "ok",
        "bytes": 5,
        "rules": [rule_id],
    }


async def test_calls_are_found_by_what_they_are_about(connected: Visitor) -> None:
    await connected.creator_info()
    await (await connected.connect("somebody-else")).creator_info()

    assert [each["endpoint"] for each in await _calls(connected, after=4)] == ["token", "creator_info"]
    [found] = await _calls(connected, endpoint="creator_info", username="somebody-else")
    assert found["number"] == 6
    assert (await connected.http.get("/_sandbox/calls", params={"after": "x"})).status_code == 422
    assert (await connected.http.get("/_sandbox/calls", params={"about": "me"})).status_code == 422


async def test_what_is_not_there_is_listed_too(connected: Visitor) -> None:
    found: httpx.Response = await connected.http.get("/v2/post/publish/nothing/")
    wrong = await connected.http.get("/v2/post/publish/video/init/")

    assert (found.status_code, wrong.status_code) == (404, 405)
    assert [(each["endpoint"], each["status"]) for each in await _calls(connected, after=2)] == [
        ("unknown", 404),
        ("unknown", 405),
    ]


async def test_the_catalogue_tells_what_a_rule_can_be_made_of(visitor: Visitor) -> None:
    known = (await visitor.http.get("/_sandbox/rules/catalogue")).json()
    endpoints = {each["name"] for each in known["endpoints"]}
    fields = {each["name"] for each in known["fields"]}

    assert endpoints == set(Endpoint) - {Endpoint.UNKNOWN}
    assert {each["name"] for each in known["actions"]} == set(Action)
    assert fields == set(Rule.__struct_fields__)
    assert all(set(each["fields"]) <= fields and set(each["endpoints"]) <= endpoints for each in known["actions"])
    assert all(each["description"] for each in (*known["endpoints"], *known["actions"], *known["fields"]))


async def test_every_example_of_the_catalogue_is_a_rule(visitor: Visitor) -> None:
    for example in (await visitor.http.get("/_sandbox/rules/catalogue")).json()["examples"]:
        await visitor.rule(**example["rule"])
