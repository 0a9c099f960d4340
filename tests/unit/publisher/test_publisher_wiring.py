"""What the publisher is told by its environment, and how a request that Kafka did not confirm is reported."""

import base64
from datetime import UTC, datetime

import pytest

from common.contract.body import Body
from common.contract.post import PostRequested, PrivacyLevel, Source
from common.contract.tiktok import TikTokNotified
from common.errors import SettingsRefused
from common.service.settings import read
from common.streams import LogUnavailable
from publisher_service.errors import NotDurable, NotificationNotDurable
from publisher_service.settings import EdgeSettings, PublisherSettings, WorkerSettings
from publisher_service.tiktok_webhooks import App
from publisher_service.wiring import KafkaNotifications, KafkaRequests, Part, Role, app_of, not_ready

KEY = base64.b64encode(b"k" * 32).decode()
REQUEST = PostRequested(
    post_id="post-1",
    account_id="acc_a",
    tenant="t1",
    source=Source(url="https://media.example/v.mp4"),
    privacy_level=PrivacyLevel.SELF_ONLY,
)


class Away:
    """A producer whose broker does not answer."""

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        raise LogUnavailable(TimeoutError("no answer"))


async def test_a_request_that_kafka_did_not_confirm_names_its_post() -> None:
    with pytest.raises(NotDurable, match="post-1") as caught:
        await KafkaRequests(Away()).write(REQUEST, "")
    assert caught.value.post_id == "post-1"


async def test_a_notification_that_kafka_did_not_confirm_is_told() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    notified = TikTokNotified(
        account_id="acc_a", client_key="aw1", open_id="o", event="e", occurred_at=now, received_at=now
    )
    with pytest.raises(NotificationNotDurable):
        await KafkaNotifications(Away()).write(notified, "")


@pytest.mark.parametrize("missing", ["TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET"])
def test_the_webhook_is_open_only_to_an_app_with_key_and_secret(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("TIKTOK_CLIENT_KEY", "aw1")
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "planted-secret")
    assert app_of(read(EdgeSettings)) == App(client_key="aw1", client_secret="planted-secret")
    assert "planted-secret" not in repr(read(EdgeSettings))
    monkeypatch.delenv(missing)
    assert app_of(read(EdgeSettings)) is None
    monkeypatch.setenv(missing, "")
    assert app_of(read(EdgeSettings)) is None


def test_the_edge_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLISHER_PRIVATE_KEY", raising=False)
    assert read(PublisherSettings).http_port == 8103
    with pytest.raises(SettingsRefused, match="PUBLISHER_PRIVATE_KEY is not set"):
        read(WorkerSettings)


def test_a_key_is_checked_at_the_start_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHER_PRIVATE_KEY", "c2hvcnQ=")
    with pytest.raises(SettingsRefused, match="PUBLISHER_PRIVATE_KEY") as caught:
        read(WorkerSettings)
    assert "c2hvcnQ" not in str(caught.value)

    monkeypatch.setenv("PUBLISHER_PRIVATE_KEY", KEY)
    assert KEY not in repr(read(WorkerSettings))


def test_readiness_names_each_role_that_is_not_ready() -> None:
    async def run(_stop: object) -> None: ...

    parts = {
        Role.WORKER: Part(runs=(run,), ready=lambda: False, not_ready="not all partitions are open"),
        Role.EDGE: Part(runs=(run,), ready=lambda: True, not_ready="-"),
    }
    assert not_ready(parts) == {"worker": "not all partitions are open"}
