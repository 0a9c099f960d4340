"""The publisher's settings."""

import base64

import pytest

from common.errors import SettingsRefused
from common.service.settings import read
from publisher_service.settings import EdgeSettings, PublisherSettings, WorkerSettings
from publisher_service.webhook_api import App, app_of

KEY = base64.b64encode(b"k" * 32).decode()


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
