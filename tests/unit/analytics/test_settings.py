"""What analytics takes from its environment."""

import pytest

from analytics_service.settings import StoreSettings, WorkerSettings
from common.errors import SettingsRefused
from common.service.settings import read


def test_wrong_schedule_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_PRIVATE_KEY", "planted")
    monkeypatch.setenv("ANALYTICS_COLLECT_AGES", "5m,1m")
    with pytest.raises(SettingsRefused, match="ANALYTICS_COLLECT_AGES") as raised:
        read(WorkerSettings)
    assert "planted" not in str(raised.value)


def test_worker_needs_private_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYTICS_PRIVATE_KEY", raising=False)
    with pytest.raises(SettingsRefused, match="ANALYTICS_PRIVATE_KEY is not set"):
        read(WorkerSettings)


def test_mongodb_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URL", "mongodb://" + "postbus:planted" + "@mongo:27017")
    assert "planted" not in repr(read(StoreSettings))
