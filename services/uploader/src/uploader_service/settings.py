"""The uploader's settings, all from the environment."""

import re

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from common.service.settings import URL_PATTERN, PrivateKey, ServiceSettings
from uploader_service.errors import OriginRefused

_ORIGIN = re.compile(r"[^\s:/,]+:\d{1,5}")


def listed(text: str) -> tuple[str, ...]:
    """Read `a,b,…`; empty parts do not count."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


class UploaderSettings(ServiceSettings):
    """What the uploader needs beside Kafka."""

    model_config = SettingsConfigDict(env_prefix="UPLOADER_")

    http_port: int = Field(default=8102, ge=0, le=65_535, description="Port of health and metrics; 0 takes a free one.")
    private_key: PrivateKey = Field(
        description="Opens what is sealed to the uploader, by auth and by itself: base64 of a raw X25519 key."
    )
    effects_at_once: int = Field(
        default=32, ge=1, le=1_000, description="How many uploads and calls may be under way in this process."
    )
    trusted_sources: str = Field(
        default="",
        description="Origins that may have a private address, as host:port,host:port; for local stacks only.",
    )
    tiktok_api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="TikTok's API.",
    )
    tiktok_upload_hosts: str = Field(
        default=".tiktokapis.com",
        min_length=1,
        validation_alias="TIKTOK_UPLOAD_HOSTS",
        description="Where bytes may be sent: .suffix, host or host:port, separated by commas.",
    )

    @field_validator("trusted_sources")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in listed(value):
            if not _ORIGIN.fullmatch(origin):
                raise OriginRefused(origin)
        return value
