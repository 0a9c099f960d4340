"""The read API shows each tenant its own posts only."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from analytics_service.api import ReadApi, add_read_api
from analytics_service.read_side.database import Database
from analytics_service.read_side.queries import StoreReader
from analytics_service.read_side.store import StoreWriter
from builders.post_history import STORY, T0, records_of, upserts
from common.contract.body import Body
from common.contract.post import PostAccepted, PostEvent, PostProgressed
from common.contract.tenant import Scope
from common.http.app import create_app
from fakes.api_keys import IssuedKeys

PATHS = ("/v1/posts/post-1", "/v1/posts/post-1/metrics")


@dataclass
class Readers:
    """The read API, and the keys of its tenants."""

    database: Database
    http: httpx.AsyncClient
    keys: IssuedKeys

    async def project(self, *bodies: Body, partition: int = 0) -> None:
        await StoreWriter(self.database).write(upserts(records_of(bodies, partition)), {})

    async def ask(self, tenant: str, path: str, **query: str) -> httpx.Response:
        return await self.http.get(path, params=query, headers=self.keys.header(tenant, Scope.ANALYTICS_READ))


@pytest.fixture
async def readers(database: Database) -> AsyncIterator[Readers]:
    keys = IssuedKeys()
    app = create_app(service="analytics", ready=dict)
    add_read_api(app, ReadApi(reader=StoreReader(database), clock=lambda: T0), keys.authentication())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield Readers(database, http, keys)


def of(tenant: str, account_id: str, *bodies: Any) -> tuple[Body, ...]:
    return tuple(replace(body, tenant=tenant, account_id=account_id) for body in bodies)


@pytest.mark.parametrize("path", PATHS)
async def test_another_tenants_post_looks_unknown(readers: Readers, path: str) -> None:
    await readers.project(*STORY)
    assert (await readers.ask("shop", path)).status_code == 200
    for query in ({}, {"account_id": "acc_1"}):
        theirs = await readers.ask("rival", path, **query)
        unknown = await readers.ask("rival", path.replace("post-1", "post-2"), **query)
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.text.replace("post-1", "post-2") == unknown.text


async def test_same_ids_of_two_tenants_show_each_its_own_post(readers: Readers) -> None:
    await readers.project(*STORY)
    await readers.project(*of("rival", "acc_2", *STORY[1:5]), partition=1)
    for tenant, account_id, state in (("shop", "acc_1", "available"), ("rival", "acc_2", "delayed")):
        shown = (await readers.ask(tenant, PATHS[0])).json()
        assert (shown["tenant"], shown["account_id"], shown["state"]) == (tenant, account_id, state)
        series = (await readers.ask(tenant, PATHS[1])).json()
        assert {"shop": 2, "rival": 0}[tenant] == len(series["metrics"])


async def test_ambiguous_post_names_only_the_tenants_own_accounts(readers: Readers) -> None:
    for number, (tenant, account_id) in enumerate((("shop", "acc_1"), ("rival", "acc_2"), ("shop", "acc_3"))):
        await readers.project(*of(tenant, account_id, STORY[1]), partition=number)
    answer = await readers.ask("shop", PATHS[0])
    assert (answer.status_code, answer.json()["account_ids"]) == (409, ["acc_1", "acc_3"])
    assert "acc_2" not in answer.text
    assert (await readers.ask("rival", PATHS[0])).json()["account_id"] == "acc_2"


async def test_metrics_without_events_make_no_post(readers: Readers) -> None:
    samples = [body for body in STORY if isinstance(body, PostProgressed)]
    assert samples
    await readers.project(*samples)
    for path in PATHS:
        assert (await readers.ask("shop", path)).status_code == 404


ACCEPTED = next(body for body in STORY if isinstance(body, PostAccepted))
THEIRS = of("rival", "acc_1", replace(ACCEPTED, caption="mine now"))


async def test_same_post_id_of_another_tenant_is_another_post(readers: Readers) -> None:
    # Events of the former tenant's post arrive before and after the other's first event.
    await readers.project(*STORY[:5], *THEIRS, *STORY[5:])
    ours = (await readers.ask("shop", PATHS[0])).json()
    assert (ours["state"], len(ours["videos"])) == ("available", 1)
    assert [(event["type"], event["revision"]) for event in ours["timeline"]] == [
        (body.ce_type, body.revision)
        for body in STORY
        if isinstance(body, PostEvent) and not isinstance(body, PostProgressed)
    ]
    assert len((await readers.ask("shop", PATHS[1])).json()["metrics"]) == 2
    for query in ({}, {"account_id": "acc_1"}):
        shown = (await readers.ask("rival", PATHS[0], **query)).json()
        assert [event["details"].get("caption") for event in shown["timeline"]] == ["mine now"]
        assert (shown["tenant"], shown["state"], shown["progress"], shown["videos"]) == ("rival", "accepted", None, [])
        assert (await readers.ask("rival", PATHS[1], **query)).json()["metrics"] == []


@pytest.mark.parametrize("path", PATHS)
async def test_key_without_the_read_scope_is_refused(readers: Readers, path: str) -> None:
    await readers.project(*STORY)
    anonymous = await readers.http.get(path)
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "api_key_missing")
    lacking = await readers.http.get(
        path, headers=readers.keys.header("shop", Scope.POSTS_WRITE, Scope.ACCOUNTS_MANAGE)
    )
    assert (lacking.status_code, lacking.json()["scope"]) == (403, "analytics:read")
