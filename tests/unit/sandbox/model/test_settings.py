"""Settings and rules from files."""

import json
from pathlib import Path

import pytest

from tiktok_sandbox.errors import SettingsUnreadable
from tiktok_sandbox.model.settings import read_rules, read_settings


@pytest.mark.parametrize("text", ["", "{}", '[{"endpoint": "status"}]', '[{"endpoint": "status", "action": "slow"}]'])
def test_invalid_initial_rules_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(text)

    with pytest.raises(SettingsUnreadable, match=r"rules\.json: "):
        read_rules(path)


def test_missing_file_of_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsUnreadable):
        read_rules(tmp_path / "nothing.json")


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"delays": {"processing": 7}, "app": {"audited": False}}))

    settings = read_settings(path)

    assert (settings.delays.processing, settings.delays.public) == (7, 1.0)
    assert not settings.app.audited
    assert settings.app.client_key == "sbawpostbusdemo00"


@pytest.mark.parametrize("text", ["", "[]", '{"delays": {"processing": "soon"}}', '{"dealys": {}}'])
def test_invalid_settings_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)

    with pytest.raises(SettingsUnreadable):
        read_settings(path)
