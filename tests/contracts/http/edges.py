"""Edges: their own routes over parts in memory, which are well or in trouble, as the request after wants it."""

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
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.http import app as http
from common.streams.log.port import Unusable
from fakes.api_keys import KeyRing, bearer
from fakes.views import View
from publisher_service.edge import routes
from publisher_service.tiktok_webhooks import App, webhook_routes
from publisher_service.wiring import KafkaNotifications, KafkaRequests

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TENANT = "acme"
APP = App(client_key="aw1", client_secret="planted-secret-of-the-app")


class Weather(StrEnum):
    """What goes on around an edge."""

    FAIR = "fair"
    UNREADY = "unready"
    KAFKA_AWAY = "kafka_away"
    WORKER_AWAY = "worker_away"
    TIKTOK_AWAY = "tiktok_away"
    STORE_AWAY = "store_away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An edge. `app` describes it, `asgi` answers.

    `often` and `always` are values for fields that no schema can tell, by their place; `credentials` are the headers
    that a security scheme wants for a body, by its name; `headers` go with every request.
    """

    app: FastAPI
    asgi: ASGIApp
    weathers: tuple[Weather, ...]
    begin: Callable[[Weather], None]
    often: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    always: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    credentials: Mapping[str, Callable[[bytes], Mapping[str, str]]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Kafka:
    """What edges write to. What cannot be written as bytes fails here as it would there."""

    away = False

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        if self.away:
            raise Unusable(ConnectionError())
        encode(Envelope(id="1", source="test", time=NOW, traceparent=traceparent, body=body))


class Process:
    """A process, and what it says of itself on `/healthz` and `/readyz`."""

    well = True

    def wrong(self) -> Mapping[str, str]:
        return {} if self.well else {"views": "auth.accounts is 12 s behind"}

    def app(self, service: str) -> FastAPI:
        return http.create_app(service=service, ready=self.wrong, live=self.wrong)


def uploader() -> Edge:
    process = Process()
    app = process.app("uploader")

    def begin(weather: Weather) -> None:
        process.well = weather is Weather.FAIR

    return Edge(app=app, asgi=app, weathers=(Weather.FAIR, Weather.UNREADY), begin=begin)


def publisher() -> Edge:
    kafka, accounts, ring = Kafka(), View(), KeyRing()
    accounts.bodies["acc_1"] = AccountDescribed(account_id="acc_1", tenant=TENANT, open_id="o")
    app = Process().app("publisher")
    app.include_router(
        routes(
            gate=ring.gate(),
            accounts=accounts,
            requests=KafkaRequests(kafka),
            clock=lambda: NOW,
            random_bytes=os.urandom,
        )
    )
    app.include_router(
        webhook_routes(
            app=APP,
            notifications=KafkaNotifications(kafka),
            tolerance=timedelta(seconds=60),
            clock=lambda: NOW,
            random_bytes=os.urandom,
        )
    )

    def begin(weather: Weather) -> None:
        accounts.ready = ring.ready = weather is not Weather.UNREADY
        kafka.away = weather is Weather.KAFKA_AWAY

    return Edge(
        app=app,
        asgi=app,
        weathers=(Weather.FAIR, Weather.UNREADY, Weather.KAFKA_AWAY),
        begin=begin,
        often={"body.account_id": ("acc_1",), "body.client_key": (APP.client_key,)},
        # JSON Schema takes 1.0 for an integer, which the contract does not, and has no word for JSON in a text.
        always={
            "body.cover_timestamp_ms": (0, 1_500),
            "body.create_time": (0, 1_795_000_000),
            "body.content": ("{}", '{"reason": 1}'),
        },
        credentials={"ApiKey": key_of(ring, TENANT), "TikTokSignature": _signed},
    )


def key_of(ring: KeyRing, tenant: str) -> Callable[[bytes], Mapping[str, str]]:
    """Issue a key that may ask as often as it likes, and send it whatever the body."""
    _, text = ring.issue(tenant, per_minute=1_000_000)
    return lambda _body: bearer(text)


def _signed(body: bytes) -> Mapping[str, str]:
    moment = str(int(NOW.timestamp()))
    signature = hmac.new(APP.client_secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"TikTok-Signature": f"t={moment},s={signature}"}
