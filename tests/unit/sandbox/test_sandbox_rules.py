"""Rules: what they match, when they act, and how tests wait for a held call."""

import asyncio

import httpx
import pytest

from harness.sandbox_client import Visitor, error_code
from tiktok_sandbox.errors import AnswerLost

WAIT = 10


async def _held(visitor: Visitor, rule_id: str) -> None:
    answer = await visitor.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"holding": 1, "timeout": WAIT})
    assert answer.status_code == 200, answer.text


async def _release(visitor: Visitor, rule_id: str) -> None:
    await visitor.http.post(f"/_sandbox/rules/{rule_id}/release")


async def test_a_held_request_has_done_nothing_yet(connected: Visitor) -> None:
    rule_id = await connected.rule(endpoint="video_init", action="hold")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        init = tasks.create_task(connected.init(5))
        await _held(connected, rule_id)
        before = (await connected.ledger())["inits"]
        await _release(connected, rule_id)

    assert before == []
    assert init.result().status_code == 200
    assert len((await connected.ledger())["inits"]) == 1


async def test_a_held_answer_has_its_work_done(connected: Visitor) -> None:
    rule_id = await connected.rule(endpoint="video_init", at="answer", action="hold")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        init = tasks.create_task(connected.init(5))
        await _held(connected, rule_id)
        done = (await connected.ledger())["inits"]
        await _release(connected, rule_id)

    assert len(done) == 1
    assert init.result().json()["data"]["publish_id"] == done[0]["publish_id"]


async def test_a_hold_within_a_body_waits_for_that_many_bytes(connected: Visitor) -> None:
    publish_id, url = await connected.opened(53, 10, 5)
    rule_id = await connected.rule(endpoint="upload", at="body", action="hold", after_bytes=4, skip=1)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        first = await connected.put(url, bytes(10), 0, 53)
        second = tasks.create_task(connected.put(url, bytes(10), 10, 53))
        await _held(connected, rule_id)
        meanwhile = (await connected.status(publish_id)).json()["data"]["uploaded_bytes"]
        await _release(connected, rule_id)

    assert first.status_code == 206
    assert meanwhile == 10
    assert second.result().status_code == 206


async def test_a_rule_on_bytes_never_reached_does_not_act(connected: Visitor) -> None:
    _, url = await connected.opened(10)
    await connected.rule(endpoint="upload", at="body", action="status", after_bytes=11)

    assert (await connected.put(url, bytes(10), 0, 10)).status_code == 201


async def test_a_status_within_a_body_discards_the_chunk(connected: Visitor) -> None:
    _, url = await connected.opened(10)
    await connected.rule(endpoint="upload", at="body", action="status", status=502)

    broken = await connected.put(url, bytes(10), 0, 10)
    again = await connected.put(url, bytes(10), 0, 10)

    assert (broken.status_code, again.status_code) == (502, 201)


async def test_a_status_after_the_work_hides_that_it_was_done(connected: Visitor) -> None:
    await connected.rule(endpoint="video_init", at="answer", action="status", status=500)

    answer = await connected.init(5)

    assert (answer.status_code, error_code(answer)) == (500, "internal_error")
    assert len((await connected.ledger())["inits"]) == 1


async def test_a_rule_skips_then_acts_so_many_times(connected: Visitor) -> None:
    rule_id = await connected.rule(endpoint="creator_info", action="status", status=503, skip=2, times=2)

    statuses = [(await connected.creator_info()).status_code for _ in range(6)]

    assert statuses == [200, 200, 503, 503, 200, 200]
    assert (await connected.http.get(f"/_sandbox/rules/{rule_id}")).json()["hits"] == 2


async def test_a_rule_acts_on_whom_it_names(connected: Visitor) -> None:
    await connected.rule(endpoint="creator_info", action="status", times=9, open_id=connected.tokens["open_id"])
    named = await connected.creator_info()

    other = await (await connected.connect("somebody-else")).creator_info()

    assert (named.status_code, other.status_code) == (503, 200)


async def test_a_rule_follows_a_title_from_init_to_status(connected: Visitor) -> None:
    for endpoint in ("video_init", "upload", "status"):
        await connected.rule(endpoint=endpoint, action="status", title="this one")
    other = await connected.posted(b"bytes", title="another")

    assert (await connected.status(other)).status_code == 200
    assert (await connected.init(5, title="this one")).status_code == 503
    publish_id, url = await connected.opened(5, title="this one")
    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 503
    assert (await connected.status(publish_id)).status_code == 503


@pytest.mark.parametrize(
    ("endpoint", "code", "status"),
    [
        ("creator_info", "spam_risk_too_many_posts", 200),
        ("creator_info", "access_token_invalid", 401),
        ("creator_info", "rate_limit_exceeded", 429),
        ("creator_info", "internal_error", 500),
        ("video_init", "spam_risk_too_many_posts", 403),
    ],
)
async def test_an_error_comes_with_the_status_it_has_there(
    connected: Visitor, endpoint: str, code: str, status: int
) -> None:
    await connected.rule(endpoint=endpoint, action="error", code=code)

    answer = await (connected.creator_info() if endpoint == "creator_info" else connected.init(5))

    assert (answer.status_code, error_code(answer)) == (status, code)


async def test_an_error_of_the_token_endpoint_is_flat(connected: Visitor) -> None:
    await connected.rule(endpoint="token", action="error", code="server_error")

    answer = await connected.refresh(connected.tokens["refresh_token"])

    assert answer.json()["error"] == "server_error"
    assert (await connected.refresh(connected.tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(("at", "inits"), [("request", 0), ("answer", 1)])
async def test_a_lost_answer_is_no_answer(connected: Visitor, at: str, inits: int) -> None:
    await connected.rule(endpoint="video_init", at=at, action="lose_answer")

    with pytest.raises(AnswerLost):
        await connected.init(5)

    assert len((await connected.ledger())["inits"]) == inits


async def test_a_lost_refresh_has_killed_the_old_token(connected: Visitor) -> None:
    await connected.rule(endpoint="token", at="answer", action="lose_answer")
    with pytest.raises(AnswerLost):
        await connected.refresh(connected.tokens["refresh_token"])

    again = await connected.refresh(connected.tokens["refresh_token"])

    assert again.json()["error"] == "invalid_grant"


async def test_a_deleted_rule_acts_no_more(connected: Visitor) -> None:
    rule_id = await connected.rule(endpoint="creator_info", action="status", times=9)
    await connected.creator_info()

    ended = await connected.http.delete(f"/_sandbox/rules/{rule_id}")

    assert ended.json()["ended"]
    assert (await connected.creator_info()).status_code == 200


async def test_waiting_ends_in_time(visitor: Visitor) -> None:
    rule_id = await visitor.rule(endpoint="status", action="hold")

    answer = await visitor.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"holding": 1, "timeout": 0.01})

    assert (answer.status_code, answer.json()["holding"]) == (408, 0)


async def test_waiting_for_hits_needs_no_hold(connected: Visitor) -> None:
    rule_id = await connected.rule(endpoint="creator_info", action="status")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(connected.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"hits": 1}))
        await connected.creator_info()

    assert waiting.result().json()["hits"] == 1


@pytest.mark.parametrize(
    "rule",
    [
        {"endpoint": "everything", "action": "hold"},
        {"endpoint": "status", "action": "explode"},
        {"endpoint": "status", "action": "hold", "tittle": "a typo"},
        {"endpoint": "status"},
    ],
)
async def test_a_rule_that_means_nothing_is_refused(visitor: Visitor, rule: dict[str, str]) -> None:
    assert (await visitor.http.post("/_sandbox/rules", json=rule)).status_code == 422


@pytest.mark.parametrize("path", ["/_sandbox/rules/9", "/_sandbox/rules/9/wait"])
async def test_a_rule_nobody_made_is_not_found(visitor: Visitor, path: str) -> None:
    found: httpx.Response = await visitor.http.get(path)

    assert found.status_code == 404
