"""The publisher's settings, all from the environment. Each role needs its own and no more."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from common.service.settings import URL_PATTERN, PrivateKey, ServiceSettings, Settings


class PublisherSettings(ServiceSettings):
    """What every process of the publisher needs beside Kafka."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_")

    http_port: int = Field(
        default=8103, ge=0, le=65_535, description="Port of health, metrics and the edge; 0 takes a free one."
    )


class WorkerSettings(Settings):
    """What the worker needs to ask TikTok."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_")

    private_key: PrivateKey = Field(description="Opens what auth seals to the publisher: base64 of a raw X25519 key.")
    polls_at_once: int = Field(
        default=64, ge=1, le=1_000, description="How many questions to TikTok may be under way in this process."
    )
    tiktok_api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="TikTok's API.",
    )


class EdgeSettings(Settings):
    """What the edge needs to take TikTok's webhooks."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_")

    client_key: str | None = Field(
        default=None,
        validation_alias="TIKTOK_CLIENT_KEY",
        description="The app's client key; without it or the secret TikTok's webhooks are refused.",
    )
    client_secret: SecretStr | None = Field(
        default=None,
        validation_alias="TIKTOK_CLIENT_SECRET",
        description="The app's client secret, which TikTok signs its webhooks with.",
    )
    webhook_tolerance_seconds: int = Field(
        default=300,
        ge=1,
        le=259_200,
        description="Seconds that a webhook's signature may be away from now; what is older, anybody may have kept.",
    )
