"""Settings from the environment and nowhere else. A process names every variable that is wrong before it starts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from common.contract.topics import DEFAULT_PARTITIONS
from common.errors import SettingsRefused
from common.security.sealing import private_key_of
from common.service.redaction import redact

URL_PATTERN = r"^https?://[^\s/]+(/\S*)?$"
"""The one pattern for settings that are addresses."""

SMALLEST_SESSION_TIMEOUT_MS = 6_000
"""Brokers refuse less by default (`group.min.session.timeout.ms`): InvalidSessionTimeoutError."""

_LONGEST_VALUE_SHOWN = 80
_SECRET_TYPES = ("SecretStr", "SecretBytes")

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


class Settings(BaseSettings):
    """The base of every settings class: frozen, and silent about values in its own errors."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)


def _check_private_key(value: SecretStr) -> SecretStr:
    private_key_of(value.get_secret_value())
    return value


PrivateKey = Annotated[SecretStr, AfterValidator(_check_private_key)]
"""A raw X25519 private key in base64. It is checked at start: a bad key found later would strand posts."""


class KafkaSettings(Settings):
    """Where Kafka is and how topics are kept there."""

    bootstrap_servers: str = Field(
        default="127.0.0.1:9092",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        pattern=r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$",
        description="Brokers to ask first, as host:port,host:port.",
    )
    replication_factor: int = Field(
        default=3,
        validation_alias="KAFKA_REPLICATION_FACTOR",
        ge=1,
        le=9,
        description="Copies of every topic; below 3 one lost disk can lose a post.",
    )
    partitions: int = Field(
        default=DEFAULT_PARTITIONS,
        validation_alias="POSTBUS_PARTITIONS",
        ge=1,
        le=1024,
        description="Partitions of every keyed topic; fixed for a cluster's life, checked at start.",
    )


class LogSettings(Settings):
    """How loud and in which form to log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias="LOG_LEVEL", description="The least level that is written."
    )
    form: Literal["json", "console"] = Field(
        default="json", validation_alias="LOG_FORMAT", description="One JSON object a line, or text for a terminal."
    )


class ServiceSettings(Settings):
    """What every service has under its own prefix; a service adds `env_prefix`, its port and its own fields."""

    http_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address of health, metrics and the edge; containers say 0.0.0.0.",
    )
    http_port: int = Field(ge=0, le=65_535, description="Port of health, metrics and the edge; 0 takes a free one.")
    instance: str = Field(
        default="",
        max_length=249,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Static membership id, such as a StatefulSet's pod name; empty joins dynamically.",
    )
    session_timeout_ms: int = Field(
        default=10_000,
        ge=SMALLEST_SESSION_TIMEOUT_MS,
        le=300_000,
        description="How long Kafka waits for a silent member before its partitions move.",
    )


def read(settings: type[AnySettings]) -> AnySettings:
    """Read a settings class from the environment.

    Raises:
        SettingsRefused: names every variable that is missing or out of bounds, with its value unless it is a secret.
    """
    try:
        return settings()
    except ValidationError as error:
        raise SettingsRefused(
            _fault(settings, fault) for fault in error.errors(include_url=False, include_context=False)
        ) from error
    except SettingsError as error:
        raise SettingsRefused([str(error)]) from error


def variables(settings: type[BaseSettings]) -> Mapping[str, FieldInfo]:
    """Name the environment variable of each field, so that documentation and errors use the operator's words."""
    prefix = settings.model_config.get("env_prefix", "")
    return {
        (field.validation_alias if isinstance(field.validation_alias, str) else f"{prefix}{name}".upper()): field
        for name, field in settings.model_fields.items()
    }


def is_secret(field: FieldInfo) -> bool:
    """Whether a field's value must not be shown."""
    return any(name in str(field.annotation) for name in _SECRET_TYPES)


def _fault(settings: type[BaseSettings], fault: Mapping[str, Any]) -> str:
    known = variables(settings)
    prefix = settings.model_config.get("env_prefix", "")
    place = str(fault["loc"][0]) if fault["loc"] else ""
    name = place if place in known else f"{prefix}{place.removeprefix(prefix)}".upper()
    field = known.get(name)
    message = redact(str(fault["msg"]))
    if fault["type"] == "missing":
        return f"{name} is not set: {field.description if field else message}"
    if field is None or is_secret(field) or isinstance(fault["input"], SecretStr | SecretBytes):
        return f"{name}: {message} (its value is not shown)"
    value = redact(str(fault["input"]))[:_LONGEST_VALUE_SHOWN]
    return f"{name} is {value!r}: {message}"
