"""Registered apps: redirect URIs, limits, secrets."""

from random import Random
from typing import Any

import pytest

from harness.sandbox_apps import OTHER_APP
from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model import apps
from tiktok_sandbox.model.apps import Apps
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.settings import App, Platform


def _ids() -> Identifiers:
    return Identifiers(Random(1))


async def test_changed_app_keeps_its_secret(client: SandboxClient, other_app: dict[str, Any]) -> None:
    changed = await client.http.post("/_sandbox/apps", json={"client_key": OTHER_APP, "audited": False})
    listed = (await client.http.get("/_sandbox/apps")).json()["apps"]

    assert changed.json()["client_secret"] == other_app["client_secret"]
    assert [(each["client_key"], each["audited"]) for each in listed] == [
        (client.app["client_key"], True),
        (OTHER_APP, False),
    ]


@pytest.mark.parametrize(
    ("platform", "uri", "why"),
    [
        (Platform.WEB, "https://app.example/cb", ""),
        (Platform.WEB, "https://app.example/" + "a" * 491, ""),
        (Platform.WEB, "https://app.example/" + "a" * 492, "511 characters"),
        (Platform.WEB, "http://app.example/cb", "https"),
        (Platform.WEB, "https://localhost/cb", "a domain"),
        (Platform.WEB, "https://127.0.0.1/cb", "a domain"),
        (Platform.WEB, "https://[::1]/cb", "a domain"),
        (Platform.WEB, "https://app.example:*/cb", "not a URL"),
        (Platform.WEB, "https://app.example/cb?a=b", "no query"),
        (Platform.WEB, "https://app.example/cb?", "no query"),
        (Platform.WEB, "https://app.example/cb#top", "no query"),
        (Platform.WEB, "app.example/cb", "no query"),
        (Platform.DESKTOP, "http://localhost:3000/cb", ""),
        (Platform.DESKTOP, "https://127.0.0.1:*/cb", ""),
        (Platform.DESKTOP, "http://127.0.0.1/cb", "port"),
        (Platform.DESKTOP, "http://app.example:80/cb", "localhost"),
        (Platform.DESKTOP, "ftp://127.0.0.1:80/cb", "http or https"),
    ],
)
def test_redirect_uri_is_accepted_by_the_rules_of_its_platform(platform: Platform, uri: str, why: str) -> None:
    found = apps.app_error(App(platform=platform, redirect_uris=(uri,)))

    assert why in found
    assert bool(found) == bool(why)


def test_app_with_more_than_ten_redirects_or_targets_is_rejected() -> None:
    uris = tuple(f"http://localhost:{port}/cb" for port in range(3_000, 3_011))
    people = tuple(f"person{number}" for number in range(11))

    assert apps.app_error(App(redirect_uris=uris[:10], sandbox_targets=people[:10])) == ""
    assert "redirect_uris" in apps.app_error(App(redirect_uris=uris))
    assert "sandbox_targets" in apps.app_error(App(sandbox_targets=people))
    assert "client_key" in apps.app_error(App(client_key=""))


def test_restored_app_takes_a_secret_given_at_the_start() -> None:
    kept = App(client_secret="kept", audited=False)
    running = Apps(_ids(), App(client_secret="given"), ())

    running.restore(kept)

    assert (running.default.client_secret, running.default.audited) == ("given", False)
    assert "kept" not in f"{running.all()}"
