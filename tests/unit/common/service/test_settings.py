"""Settings come from the environment, and a wrong variable is named with its value and limit."""

import re

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from common.errors import SettingsRefused
from common.service import settings


class ExampleSettings(settings.ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    http_port: int = Field(default=8100, ge=0, le=65_535, description="The port.")
    private_key: SecretStr = Field(min_length=12, description="Opens what is sealed for us.")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (settings.KafkaSettings, settings.LogSettings, ExampleSettings):
        for name in settings.variables(kind):
            monkeypatch.delenv(name, raising=False)


def faults(kind: type[settings.Settings]) -> tuple[str, ...]:
    with pytest.raises(SettingsRefused) as caught:
        settings.read(kind)
    return caught.value.faults


def test_kafka_defaults_are_those_of_the_contract() -> None:
    kafka = settings.read(settings.KafkaSettings)
    assert (kafka.bootstrap_servers, kafka.replication_factor, kafka.partitions) == ("127.0.0.1:9092", 3, 24)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2")
    monkeypatch.setenv("POSTBUS_PARTITIONS", "12")
    kafka = settings.read(settings.KafkaSettings)
    assert (kafka.bootstrap_servers, kafka.partitions) == ("a:1,b:2", 12)


def test_service_reads_its_own_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PRIVATE_KEY", "planted-secret")
    monkeypatch.setenv("EXAMPLE_INSTANCE", "example-0")
    example = settings.read(ExampleSettings)
    assert (example.instance, example.http_port, example.http_host) == ("example-0", 8100, "127.0.0.1")
    assert "planted-secret" not in repr(example)


def test_wrong_variables_are_named_with_value_and_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "no port")
    monkeypatch.setenv("KAFKA_REPLICATION_FACTOR", "0")
    monkeypatch.setenv("POSTBUS_PARTITIONS", "many")
    servers, replication, partitions = faults(settings.KafkaSettings)
    assert servers.startswith("KAFKA_BOOTSTRAP_SERVERS is 'no port': String should match pattern")
    assert replication == "KAFKA_REPLICATION_FACTOR is '0': Input should be greater than or equal to 1"
    assert partitions.startswith("POSTBUS_PARTITIONS is 'many': Input should be a valid integer")


def test_missing_variable_is_named_with_its_purpose() -> None:
    assert faults(ExampleSettings) == ("EXAMPLE_PRIVATE_KEY is not set: Opens what is sealed for us.",)


def test_empty_variable_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PRIVATE_KEY", "")
    assert faults(ExampleSettings) == ("EXAMPLE_PRIVATE_KEY is not set: Opens what is sealed for us.",)


def test_value_of_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PRIVATE_KEY", "planted")
    monkeypatch.setenv("EXAMPLE_SESSION_TIMEOUT_MS", "5999")
    with pytest.raises(SettingsRefused) as caught:
        settings.read(ExampleSettings)
    assert "planted" not in str(caught.value)
    assert "planted" not in str(caught.value.__cause__)
    assert re.search(r"EXAMPLE_PRIVATE_KEY: .* \(its value is not shown\)", str(caught.value))
    assert "EXAMPLE_SESSION_TIMEOUT_MS is '5999': Input should be greater than or equal to 6000" in str(caught.value)


@pytest.mark.parametrize("kind", [settings.KafkaSettings, settings.LogSettings, settings.ServiceSettings])
def test_every_field_has_a_description(kind: type[settings.Settings]) -> None:
    assert [name for name, field in kind.model_fields.items() if not field.description] == []
