"""The uploader's settings, all from the environment."""

import re

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from common.service.settings import URL_PATTERN, PrivateKey, ServiceSettings
from uploader_service.errors import InvalidOrigin

_ORIGIN = re.compile(r"[^\s:/,]+:\d{1,5}")


def listed(text: str) -> tuple[str, ...]:
    """Split `a,b,…`, without empty entries."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


class UploaderSettings(ServiceSettings):
    """What the uploader needs in addition to Kafka."""

    model_config = SettingsConfigDict(env_prefix="UPLOADER_")

    http_port: int = Field(default=8102, ge=0, le=65_535, description="Port of health and metrics. 0 takes a free one.")
    private_key: PrivateKey = Field(
        description="Decrypts what auth and the uploader itself encrypt for the uploader: base64 of a raw X25519 key."
    )
    effects_at_once: int = Field(
        default=32, ge=1, le=1_000, description="How many uploads and calls may run at once in this process."
    )
    trusted_sources: str = Field(
        default="",
        description="Origins that may have a private address, as host:port,host:port. For local stacks only.",
    )
    tiktok_api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="Base URL of TikTok's API.",
    )
    tiktok_upload_hosts: str = Field(
        default=".tiktokapis.com",
        min_length=1,
        validation_alias="TIKTOK_UPLOAD_HOSTS",
        description="Hosts that bytes may be sent to: .suffix, host or host:port, separated by commas.",
    )

    @field_validator("trusted_sources")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in listed(value):
            if not _ORIGIN.fullmatch(origin):
                raise InvalidOrigin(origin)
        return value
