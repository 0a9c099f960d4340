"""Each service gets the variables that it needs, and no other service's secrets."""

import os
from pathlib import Path

import pytest

from stack import keys
from stack.options import SERVICES
from stack.services import ServiceEnvironment, webhook_url


@pytest.fixture
def environment(tmp_path: Path) -> ServiceEnvironment:
    return ServiceEnvironment(
        bootstrap_servers="127.0.0.1:9092",
        mongodb_url="mongodb://127.0.0.1:27017",
        sandbox_url="https://127.0.0.1:8443",
        media_url="https://127.0.0.1:8444",
        ca_file=tmp_path / "ca.pem",
        auth_port=8101,
        partitions=4,
        replication_factor=1,
        keys=keys.load(tmp_path),
        overrides={"LOG_LEVEL": "DEBUG"},
    )


def variables_of(environment: ServiceEnvironment) -> dict[str, dict[str, str]]:
    return {name: environment.variables_for(name, instance=f"{name}-0", port=1) for name in SERVICES}


def test_secrets_reach_only_services_that_need_them(environment: ServiceEnvironment) -> None:
    variables, secrets = variables_of(environment), environment.keys
    assert [name for name in SERVICES if secrets.client_secret in variables[name].values()] == ["auth", "publisher"]
    assert [name for name in SERVICES if secrets.bootstrap in variables[name].values()] == ["auth"]
    assert [name for name in SERVICES if "MONGODB_URL" in variables[name]] == ["analytics"]
    assert variables["uploader"]["UPLOADER_PRIVATE_KEY"] != variables["publisher"]["PUBLISHER_PRIVATE_KEY"]


def test_terminal_variables_are_not_passed_on(environment: ServiceEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_OF_THE_TERMINAL", "hunter2")
    variables = variables_of(environment)
    assert all("PASSWORD_OF_THE_TERMINAL" not in own for own in variables.values())
    assert os.environ["PATH"] == variables["auth"]["PATH"]


def test_overrides_reach_every_service(environment: ServiceEnvironment) -> None:
    assert all(own["LOG_LEVEL"] == "DEBUG" for own in variables_of(environment).values())


def test_webhook_url_is_the_publishers_route() -> None:
    assert webhook_url(8103) == "http://127.0.0.1:8103/v1/webhooks/tiktok"
