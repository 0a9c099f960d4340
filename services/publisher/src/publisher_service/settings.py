"""The publisher's settings, all from the environment. Each role reads only its own."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from common.service.settings import URL_PATTERN, PrivateKey, ServiceSettings, Settings


class PublisherSettings(ServiceSettings):
    """What every process of the publisher needs in addition to Kafka."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_")

    http_port: int = Field(
        default=8103, ge=0, le=65_535, description="Port of health, metrics and the HTTP API. 0 takes a free one."
    )


class WorkerSettings(Settings):
    """What the worker needs to call TikTok."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_")

    private_key: PrivateKey = Field(
        description="Decrypts the access tokens that auth encrypts for the publisher: base64 of a raw X25519 key."
    )
    polls_at_once: int = Field(
        default=64, ge=1, le=1_000, description="Status calls to TikTok that may run at once in this process."
    )
    tiktok_api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="Base URL of TikTok's API.",
    )


class EdgeSettings(Settings):
    """What the edge needs to accept TikTok's webhooks."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_")

    client_key: str | None = Field(
        default=None,
        validation_alias="TIKTOK_CLIENT_KEY",
        description="The app's client key. Without it or the secret, TikTok's webhooks are refused.",
    )
    client_secret: SecretStr | None = Field(
        default=None,
        validation_alias="TIKTOK_CLIENT_SECRET",
        description="The app's client secret, with which TikTok signs its webhooks.",
    )
    webhook_tolerance_seconds: int = Field(
        default=300,
        ge=1,
        # 72 hours: TikTok repeats a notification for no longer.
        le=259_200,
        description="Maximum age of a webhook signature in seconds. Older requests are rejected as possible replays.",
    )
