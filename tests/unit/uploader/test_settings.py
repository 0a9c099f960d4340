"""The uploader's settings: defaults, and what is refused before anything starts."""

import base64

import pytest

from common.errors import SettingsRefused
from common.service.settings import read
from uploader_service.settings import UploaderSettings, listed

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOADER_PRIVATE_KEY", KEY)
    for name in ("UPLOADER_HTTP_PORT", "UPLOADER_TRUSTED_SOURCES", "TIKTOK_API_URL", "TIKTOK_UPLOAD_HOSTS"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_are_for_production() -> None:
    settings = read(UploaderSettings)
    assert settings.http_port == 8102
    assert settings.trusted_sources == ""
    assert (settings.tiktok_api_url, settings.tiktok_upload_hosts) == ("https://open.tiktokapis.com", ".tiktokapis.com")
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UPLOADER_PRIVATE_KEY", "not-a-key"),
        ("UPLOADER_TRUSTED_SOURCES", "https://localhost:1"),
        ("UPLOADER_EFFECTS_AT_ONCE", "0"),
        ("TIKTOK_API_URL", "open.tiktokapis.com"),
    ],
)
def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsRefused, match=name):
        read(UploaderSettings)


def test_lists_ignore_blanks() -> None:
    assert listed(" a:1, b:2 ,,") == ("a:1", "b:2")
    assert listed("") == ()
