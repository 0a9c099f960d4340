"""The four wirings stay short and alike: what they share is in `common.service.roles`."""

import re
from pathlib import Path

import pytest

MAX_LINES = 80
SERVICES = ("auth", "uploader", "publisher", "analytics")


def package(root: Path, service: str) -> Path:
    return root / f"services/{service}/src/{service}_service"


@pytest.mark.parametrize("service", SERVICES)
def test_wiring_is_short_and_uses_the_shared_parts(root: Path, service: str) -> None:
    text = (package(root, service) / "wiring.py").read_text("utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    assert re.search(r"\bserve_roles\(", text)
    assert "asyncio.TaskGroup" not in text


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_opens_an_http_client_itself(root: Path, service: str) -> None:
    # `tiktok.client` opens it with `trust_env=False`: no proxy of the environment may see tokens.
    opening = [path.name for path in package(root, service).rglob("*.py") if "AsyncClient(" in path.read_text("utf-8")]
    assert opening == []


@pytest.mark.parametrize("service", SERVICES)
def test_settings_share_one_url_pattern_and_one_key_type(root: Path, service: str) -> None:
    text = (package(root, service) / "settings.py").read_text("utf-8")
    assert "://" not in "".join(re.findall(r'pattern=r?"[^"]*"', text))
    assert "private_key: SecretStr" not in text
