"""The publisher's settings."""

import base64

import pytest

from common.errors import SettingsRefused
from common.service.settings import read
from publisher_service.settings import EdgeSettings, PublisherSettings, WorkerSettings
from publisher_service.webhook_api import TikTokApp, tiktok_app

KEY = base64.b64encode(b"k" * 32).decode()


@pytest.mark.parametrize("missing", ["TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET"])
def test_tiktok_app_needs_key_and_secret(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("TIKTOK_CLIENT_KEY", "aw1")
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "planted-secret")
    assert tiktok_app(read(EdgeSettings)) == TikTokApp(client_key="aw1", client_secret="planted-secret")
    assert "planted-secret" not in repr(read(EdgeSettings))
    monkeypatch.delenv(missing)
    assert tiktok_app(read(EdgeSettings)) is None
    monkeypatch.setenv(missing, "")
    assert tiktok_app(read(EdgeSettings)) is None


def test_edge_needs_no_private_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLISHER_PRIVATE_KEY", raising=False)
    assert read(PublisherSettings).http_port == 8103
    with pytest.raises(SettingsRefused, match="PUBLISHER_PRIVATE_KEY is not set"):
        read(WorkerSettings)


def test_private_key_is_checked_at_start_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHER_PRIVATE_KEY", "c2hvcnQ=")
    with pytest.raises(SettingsRefused, match="PUBLISHER_PRIVATE_KEY") as caught:
        read(WorkerSettings)
    assert "c2hvcnQ" not in str(caught.value)

    monkeypatch.setenv("PUBLISHER_PRIVATE_KEY", KEY)
    assert KEY not in repr(read(WorkerSettings))
