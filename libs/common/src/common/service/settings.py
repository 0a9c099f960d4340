"""Reads settings from the environment, and names every wrong variable before the process starts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from common.contract.topics import DEFAULT_PARTITIONS
from common.errors import SettingsRefused
from common.security.sealing import Vault, private_key_of, public_keys_of
from common.service.redaction import redact

URL_PATTERN = r"^https?://[^\s/]+(/\S*)?$"
"""The pattern of every setting that is a URL."""

SMALLEST_SESSION_TIMEOUT_MS = 6_000
"""Kafka's default `group.min.session.timeout.ms`. Brokers refuse a shorter one with InvalidSessionTimeoutError."""

_LONGEST_VALUE_SHOWN = 80
"""Characters of a wrong value that an error repeats. More would hide the other faults."""
_SECRET_TYPES = ("SecretStr", "SecretBytes")

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


class Settings(BaseSettings):
    """Base of every settings class. It is frozen, and its errors never repeat a value by themselves."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)


def _check_private_key(value: SecretStr) -> SecretStr:
    private_key_of(value.get_secret_value())
    return value


def _check_public_keys(value: SecretStr) -> SecretStr:
    public_keys_of(value.get_secret_value())
    return value


def _check_vault_keys(value: SecretStr) -> SecretStr:
    Vault.parse(value.get_secret_value())
    return value


# Keys are checked when settings are read. A wrong key that is found later would leave posts and tokens unreadable.
PrivateKey = Annotated[SecretStr, AfterValidator(_check_private_key)]
"""A raw X25519 private key in base64."""
PublicKeys = Annotated[SecretStr, AfterValidator(_check_public_keys)]
"""Raw X25519 public keys in base64, by service. Never shown, because a private key may be put here by mistake."""
VaultKeys = Annotated[SecretStr, AfterValidator(_check_vault_keys)]
"""Key-encryption keys by id, as `Vault.parse` reads them."""


class KafkaSettings(Settings):
    """Where Kafka is, and how its topics are set up."""

    bootstrap_servers: str = Field(
        default="127.0.0.1:9092",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        pattern=r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$",
        description="Brokers to connect to first, as host:port,host:port.",
    )
    replication_factor: int = Field(
        default=3,
        validation_alias="KAFKA_REPLICATION_FACTOR",
        ge=1,
        le=9,
        description="Copies of every topic. With fewer than 3, one lost disk can lose a post.",
    )
    partitions: int = Field(
        default=DEFAULT_PARTITIONS,
        validation_alias="POSTBUS_PARTITIONS",
        ge=1,
        le=1024,
        description="Partitions of every keyed topic. Fixed for the life of the cluster; checked at start.",
    )


class LogSettings(Settings):
    """Which logs are written, and in which format."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias="LOG_LEVEL", description="The lowest level that is written."
    )
    form: Literal["json", "console"] = Field(
        default="json",
        validation_alias="LOG_FORMAT",
        description="json: one JSON object per line. console: text for a terminal.",
    )


class ServiceSettings(Settings):
    """The settings of every service. A service's class adds `env_prefix`, its default port and its own fields."""

    http_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address that health, metrics and the HTTP API listen on. In a container: 0.0.0.0.",
    )
    http_port: int = Field(ge=0, le=65_535, description="Port of health, metrics and the HTTP API. 0 takes a free one.")
    instance: str = Field(
        default="",
        max_length=249,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Static id in the consumer group, such as a StatefulSet's pod name. Empty: a dynamic member.",
    )
    session_timeout_ms: int = Field(
        default=10_000,
        ge=SMALLEST_SESSION_TIMEOUT_MS,
        le=300_000,
        description="Milliseconds without a heartbeat after which Kafka gives the partitions to other members.",
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
    """Return each field by the environment variable that operators set, for errors and documentation."""
    prefix = settings.model_config.get("env_prefix", "")
    return {
        (field.validation_alias if isinstance(field.validation_alias, str) else f"{prefix}{name}".upper()): field
        for name, field in settings.model_fields.items()
    }


def is_secret(field: FieldInfo) -> bool:
    """Whether a field's value must never be shown."""
    return any(name in str(field.annotation) for name in _SECRET_TYPES)


def _fault(settings: type[BaseSettings], fault: Mapping[str, Any]) -> str:
    known = variables(settings)
    prefix = settings.model_config.get("env_prefix", "")
    place = str(fault["loc"][0]) if fault["loc"] else ""
    name = place if place in known else f"{prefix}{place.removeprefix(prefix)}".upper()
    field = known.get(name)
    message = redact(str(fault["msg"]).removeprefix("Value error, "))
    if fault["type"] == "missing":
        return f"{name} is not set: {field.description if field else message}"
    if field is None or is_secret(field) or isinstance(fault["input"], SecretStr | SecretBytes):
        return f"{name}: {message} (its value is not shown)"
    value = redact(str(fault["input"]))[:_LONGEST_VALUE_SHOWN]
    return f"{name} is {value!r}: {message}"
