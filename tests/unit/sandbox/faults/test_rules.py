"""Which calls rules match, and how often they act."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.faults.actions import Action, CallPhase, Endpoint
from tiktok_sandbox.faults.rules import Rule, Rules, Subject
from tiktok_sandbox.model.settings import Settings, read_rules
from tiktok_sandbox.server import Server

CALL = (Endpoint.STATUS, CallPhase.REQUEST)


def _hits(rule: Rule, calls: int) -> list[bool]:
    rules = Rules()
    rules.add(rule, 0.0)
    return [bool(rules.match(*CALL, Subject(), now=0.0)) for _ in range(calls)]


async def test_initial_rules_act_from_the_start_and_once(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"endpoint": "creator_info", "action": "rate_limit"}]))
    settings = Settings(chunk_limits=SMALL, rules=read_rules(rules))
    for statuses in ([429, 200], [200, 200]):
        async with Server(settings, state_folder=tmp_path / "state") as server:
            http = httpx.AsyncClient(base_url=server.url, trust_env=False)
            async with http:
                client = await SandboxClient(http, server.context).connect()
                assert [(await client.creator_info()).status_code for _ in range(2)] == statuses
                assert len(server.context.tables.rules.rows) == 1

    assert settings.rules == (Rule(endpoint=Endpoint.CREATOR_INFO, action=Action.RATE_LIMIT),)


def test_rule_with_skip_and_every_acts_on_those_calls() -> None:
    rule = Rule(endpoint=Endpoint.STATUS, action=Action.STATUS, skip=1, every=3, times=2)

    assert _hits(rule, 12) == [False, False, False, True, False, False, True, *[False] * 5]


def test_rule_with_times_0_never_ends() -> None:
    assert all(_hits(Rule(endpoint=Endpoint.ANY, action=Action.STATUS, times=0), 500))


def test_probability_repeats_with_a_seed_and_differs_with_others() -> None:
    def hits(seed: int) -> list[bool]:
        return _hits(Rule(endpoint=Endpoint.STATUS, action=Action.STATUS, probability=0.3, seed=seed, times=0), 2_000)

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 500 < sum(hits(1)) < 700


def test_continuing_rules_do_not_hide_later_rules() -> None:
    rules = Rules()
    for action in (Action.EXPIRE, Action.TAKEDOWN, Action.STATUS, Action.ERROR):
        rules.add(Rule(endpoint=Endpoint.STATUS, action=action), 0.0)

    struck = rules.match(*CALL, Subject(), now=0.0)

    assert [each.rule.action for each in struck] == [Action.EXPIRE, Action.TAKEDOWN, Action.STATUS]


def test_rule_on_every_call_spares_tiktoks_own_work() -> None:
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
async def test_rule_that_could_never_act_is_rejected(client: SandboxClient, rule: dict[str, Any]) -> None:
    assert (await client.http.post("/_sandbox/rules", json=rule)).status_code == 422


@pytest.mark.parametrize("who", ["username", "open_id", "client_key"])
async def test_rule_with_an_account_filter_acts_on_that_account(connected: SandboxClient, who: str) -> None:
    known = {**connected.tokens, **connected.app, "username": "demo-creator"}
    await connected.add_rule(endpoint="*", action="status", times=0, **{who: known[who]})
    await connected.add_rule(endpoint="*", action="status", times=0, **{who: "other person"})

    assert (await connected.creator_info()).status_code == 503
    assert (await connected.http.get("/_sandbox/rules/2")).json()["hits"] == 0


async def test_rule_with_a_publish_id_acts_on_that_publication(connected: SandboxClient) -> None:
    named, url = await connected.open_upload(5)
    other, _ = await connected.open_upload(5)
    await connected.add_rule(endpoint="*", action="status", times=2, publish_id=named)

    assert (await connected.status(other)).status_code == 200
    assert (await connected.status(named)).status_code == 503
    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 503


async def test_rule_on_bytes_never_reached_does_not_act(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(10)
    await connected.add_rule(endpoint="upload", at="body", action="status", after_bytes=11)

    assert (await connected.put(url, bytes(10), 0, 10)).status_code == 201


async def test_rule_skips_calls_then_acts_its_times(connected: SandboxClient) -> None:
    rule_id = await connected.add_rule(endpoint="creator_info", action="status", status=503, skip=2, times=2)

    statuses = [(await connected.creator_info()).status_code for _ in range(6)]

    assert statuses == [200, 200, 503, 503, 200, 200]
    assert (await connected.http.get(f"/_sandbox/rules/{rule_id}")).json()["hits"] == 2


async def test_rule_with_an_open_id_acts_on_that_account(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="creator_info", action="status", times=9, open_id=connected.tokens["open_id"])
    named = await connected.creator_info()

    other = await (await connected.connect("other-person")).creator_info()

    assert (named.status_code, other.status_code) == (503, 200)


async def test_rule_with_a_title_acts_from_init_to_status(connected: SandboxClient) -> None:
    for endpoint in ("video_init", "upload", "status"):
        await connected.add_rule(endpoint=endpoint, action="status", title="this one")
    other = await connected.post_video(b"bytes", title="another")

    assert (await connected.status(other)).status_code == 200
    assert (await connected.init(5, title="this one")).status_code == 503
    publish_id, url = await connected.open_upload(5, title="this one")
    assert (await connected.put(url, b"bytes", 0, 5)).status_code == 503
    assert (await connected.status(publish_id)).status_code == 503
