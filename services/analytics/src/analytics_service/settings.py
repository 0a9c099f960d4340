"""Analytics' settings, all from the environment."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from analytics_service.schedule import parse_ages
from common.service.settings import URL_PATTERN, PrivateKey, ServiceSettings, Settings


class AnalyticsSettings(ServiceSettings):
    """What every role needs."""

    model_config = SettingsConfigDict(env_prefix="ANALYTICS_")

    http_port: int = Field(
        default=8104, ge=0, le=65_535, description="Port of health, metrics and the read API. 0 takes a free one."
    )


class WorkerSettings(Settings):
    """What the collector needs in addition."""

    model_config = SettingsConfigDict(env_prefix="ANALYTICS_")

    private_key: PrivateKey = Field(
        description="Decrypts the access tokens that auth encrypts for analytics: base64 of a raw X25519 key."
    )
    collect_ages: str = Field(
        default="1m,5m,15m,1h,3h,6h,12h,1d,2d,3d,7d,14d,30d",
        description="Ages of a post at which its numbers are collected: often at first, rarely later.",
    )
    collections_at_once: int = Field(
        default=32, ge=1, le=1_000, description="Calls to TikTok that may run at once in this process."
    )
    tiktok_api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="Base URL of TikTok's API.",
    )

    @field_validator("collect_ages")
    @classmethod
    def _readable(cls, text: str) -> str:
        parse_ages(text)
        return text


class StoreSettings(Settings):
    """Where MongoDB is, for the projector and the edge."""

    url: SecretStr = Field(
        default=SecretStr("mongodb://127.0.0.1:27017"),
        validation_alias="MONGODB_URL",
        description="URL of MongoDB 7 or later. It may contain a password, so it is never shown.",
    )
    database: str = Field(
        default="postbus",
        min_length=1,
        max_length=63,
        validation_alias="ANALYTICS_DATABASE",
        description="Name of the database.",
    )
