"""Edges: their own routes over fakes, healthy or in trouble, as the next request wants it."""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from fastapi import FastAPI
from starlette.types import ASGIApp

from common.contract.account import AccountDescribed
from common.http import app as http
from common.service.roles import DurableWriter
from fakes.api_keys import IssuedKeys, bearer
from fakes.producer import FakeProducer
from fakes.views import FakeView
from publisher_service.api import routes
from publisher_service.webhook_api import TikTokApp, webhook_routes

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TENANT = "acme"
APP = TikTokApp(client_key="aw1", client_secret="planted-secret-of-the-app")


class Condition(StrEnum):
    """What is up or down around an edge."""

    HEALTHY = "healthy"
    NOT_READY = "not_ready"
    KAFKA_DOWN = "kafka_down"
    WORKER_DOWN = "worker_down"
    TIKTOK_DOWN = "tiktok_down"
    STORE_DOWN = "store_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An edge. `app` describes it, `asgi` answers.

    `often` and `always` are values for fields that no schema can tell, by their place; `credentials` are the headers
    that a security scheme wants for a body, by its name; `headers` go with every request.
    """

    app: FastAPI
    asgi: ASGIApp
    conditions: tuple[Condition, ...]
    prepare: Callable[[Condition], None]
    often: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    always: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    credentials: Mapping[str, Callable[[bytes], Mapping[str, str]]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeProcess:
    """A process, and its answers on `/healthz` and `/readyz`."""

    healthy = True

    def failing_checks(self) -> Mapping[str, str]:
        return {} if self.healthy else {"views": "auth.accounts is 12 s behind"}

    def app(self, service: str) -> FastAPI:
        return http.create_app(service=service, ready=self.failing_checks, live=self.failing_checks)


def uploader() -> Edge:
    process = FakeProcess()
    app = process.app("uploader")

    def prepare(condition: Condition) -> None:
        process.healthy = condition is Condition.HEALTHY

    return Edge(app=app, asgi=app, conditions=(Condition.HEALTHY, Condition.NOT_READY), prepare=prepare)


def publisher() -> Edge:
    kafka, accounts, ring = FakeProducer(), FakeView(), IssuedKeys()
    accounts.bodies["acc_1"] = AccountDescribed(account_id="acc_1", tenant=TENANT, open_id="o")
    app = FakeProcess().app("publisher")
    app.include_router(
        routes(
            api_keys=ring.authentication(),
            accounts=accounts,
            requests=DurableWriter(kafka),
            clock=lambda: NOW,
            random_bytes=os.urandom,
        )
    )
    app.include_router(
        webhook_routes(
            app=APP,
            notifications=DurableWriter(kafka),
            tolerance=timedelta(seconds=60),
            clock=lambda: NOW,
            random_bytes=os.urandom,
        )
    )

    def prepare(condition: Condition) -> None:
        accounts.ready = ring.ready = condition is not Condition.NOT_READY
        kafka.down = condition is Condition.KAFKA_DOWN

    return Edge(
        app=app,
        asgi=app,
        conditions=(Condition.HEALTHY, Condition.NOT_READY, Condition.KAFKA_DOWN),
        prepare=prepare,
        often={"body.account_id": ("acc_1",), "body.client_key": (APP.client_key,)},
        # JSON Schema takes 1.0 for an integer, which the contract does not, and has no word for JSON in a text.
        always={
            "body.cover_timestamp_ms": (0, 1_500),
            "body.create_time": (0, 1_795_000_000),
            "body.content": ("{}", '{"reason": 1}'),
        },
        credentials={"ApiKey": key_of(ring, TENANT), "TikTokSignature": _signed},
    )


def key_of(ring: IssuedKeys, tenant: str) -> Callable[[bytes], Mapping[str, str]]:
    """Issue a key without a practical rate limit; return the headers that carry it."""
    _, text = ring.issue(tenant, per_minute=1_000_000)
    return lambda _body: bearer(text)


def _signed(body: bytes) -> Mapping[str, str]:
    moment = str(int(NOW.timestamp()))
    signature = hmac.new(APP.client_secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"TikTok-Signature": f"t={moment},s={signature}"}
