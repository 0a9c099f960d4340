"""Analytics' own settings."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from analytics_service.ages import parse_ages
from common.settings import ServiceSettings, Settings


class AnalyticsSettings(ServiceSettings):
    """Where analytics listens and how it collects."""

    model_config = SettingsConfigDict(env_prefix="ANALYTICS_")

    http_port: int = Field(
        default=8104, ge=0, le=65_535, description="Port of health, metrics and the read API; 0 takes a free one."
    )
    private_key: SecretStr = Field(
        default=SecretStr(""),
        description="Raw X25519 key in base64, which access tokens are sealed to; the worker needs it.",
    )
    collect_ages: str = Field(
        default="1m,5m,15m,1h,3h,6h,12h,1d,2d,3d,7d,14d,30d",
        description="At which ages of a post its numbers are collected: dense when young, sparse when old.",
    )

    @field_validator("collect_ages")
    @classmethod
    def _readable(cls, text: str) -> str:
        parse_ages(text)
        return text


class StoreSettings(Settings):
    """Where MongoDB is."""

    url: SecretStr = Field(
        default=SecretStr("mongodb://127.0.0.1:27017"),
        validation_alias="MONGODB_URL",
        description="MongoDB 7 or later; may hold a password.",
    )
    database: str = Field(
        default="postbus",
        min_length=1,
        max_length=63,
        validation_alias="ANALYTICS_DATABASE",
        description="The database's name.",
    )


class TikTokSettings(Settings):
    """Where TikTok is, and as which app we come."""

    api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern="^https?://",
        description="TikTok's API, or the sandbox.",
    )
    client_key: str = Field(
        default="", validation_alias="TIKTOK_CLIENT_KEY", description="The app's key; collecting needs none."
    )
