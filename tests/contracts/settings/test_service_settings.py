"""The four services read keys, URLs and the environment by the same rules."""

import importlib
from collections.abc import Iterator

import httpx
import pytest
from pydantic.fields import FieldInfo

from common.errors import SettingsRefused
from common.service.settings import URL_PATTERN, Settings, read, variables
from tiktok import client

SERVICES = ("auth", "uploader", "publisher", "analytics")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def classes(service: str) -> Iterator[type[Settings]]:
    module = importlib.import_module(f"{service}_service.settings")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module.__name__:
            yield value


def fields(ending: str) -> Iterator[tuple[type[Settings], str, FieldInfo]]:
    """Every setting of a service whose variable ends like that."""
    for service in SERVICES:
        for kind in classes(service):
            for name, field in variables(kind).items():
                if name.endswith(ending):
                    yield kind, name, field


def params(ending: str) -> list[object]:
    return [pytest.param(kind, name, id=f"{kind.__module__}.{name}") for kind, name, _ in fields(ending)]


KEYS = [*params("_PRIVATE_KEY"), *params("_VAULT_KEYS")[:1], *params("_PUBLIC_KEYS")]
URLS = [*params("_API_URL"), *params("_AUTHORIZE_URL"), *params("_PUBLIC_URL"), *params("_REDIRECT_URI")]


def refused(kind: type[Settings], name: str) -> str:
    """What is said about one variable."""
    with pytest.raises(SettingsRefused) as caught:
        read(kind)
    (fault,) = (fault for fault in caught.value.faults if fault.startswith(name))
    return fault


def test_each_token_reader_has_a_private_key() -> None:
    assert {name for _, name, _ in fields("_PRIVATE_KEY")} == {
        f"{service.upper()}_PRIVATE_KEY" for service in SERVICES if service != "auth"
    }


@pytest.mark.parametrize(("kind", "name"), KEYS)
@pytest.mark.parametrize("value", ["not base64 either", "aGFsZiBhIGtleQ==", "uploader:aGFsZiBhIGtleQ=="])
def test_bad_key_is_refused_by_name_and_not_shown(
    kind: type[Settings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    fault = refused(kind, name)
    assert fault.endswith("(its value is not shown)")
    assert value not in fault
    assert "aGFsZiBh" not in fault


@pytest.mark.parametrize(("kind", "name"), URLS)
@pytest.mark.parametrize("value", ["open.tiktokapis.com", "ftp://open.tiktokapis.com", "https://", "https://a b/"])
def test_bad_url_is_refused_by_name_and_value(
    kind: type[Settings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert refused(kind, name).startswith(f"{name} is {value!r}: ")


def test_every_url_has_the_same_pattern() -> None:
    patterns = {
        name: [each.pattern for each in field.metadata if hasattr(each, "pattern")]
        for ending in ("_URL", "_URI")
        for _, name, field in fields(ending)
        if name != "MONGODB_URL"
    }
    assert len(patterns) >= 4
    assert {name for name, found in patterns.items() if found != [URL_PATTERN]} == set()


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with httpx.AsyncClient() as obeying:
        assert obeying._mounts, "httpx itself reads the variables"
    async with client.open_http_client() as http, client.open_tiktok_client("https://open.tiktokapis.com") as tiktok:
        assert http._mounts == {}
        assert tiktok._http._mounts == {}
