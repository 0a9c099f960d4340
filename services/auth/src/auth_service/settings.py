"""Auth's settings, all from the environment."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from common.service.settings import URL_PATTERN, ServiceSettings, Settings


class AuthSettings(ServiceSettings):
    """What both roles need."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    http_port: int = Field(
        default=8101, ge=0, le=65_535, description="Port of health, metrics and the edge; 0 takes a free one."
    )
    vault_keys: SecretStr = Field(
        description="Keys that seal tokens at rest, as `<key id>:<base64 of 32 bytes>,…`; the first seals, all open."
    )


class WorkerSettings(Settings):
    """What the worker needs beside that."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    service_public_keys: str = Field(
        min_length=1,
        description="Whom access tokens are sealed to, as `<service>:<base64 of a raw X25519 public key>,…`.",
    )
    refreshes_at_once: int = Field(
        default=16, ge=1, le=1_000, description="How many calls to TikTok's token endpoint may run at a time."
    )
    lost_vault_keys: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_-]{1,64}(,|$))*$",
        description="Ids of vault keys that are lost for good, as `<key id>,…`: what is under them stops no worker.",
    )

    @property
    def lost_key_ids(self) -> frozenset[str]:
        """The ids of vault keys that are lost."""
        return frozenset(filter(None, self.lost_vault_keys.split(",")))


class EdgeSettings(Settings):
    """What the edge needs beside that."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    public_url: str = Field(
        default="http://127.0.0.1:8101",
        pattern=URL_PATTERN,
        description="Where browsers reach this edge; on the same host as TIKTOK_REDIRECT_URI, for the cookie's sake.",
    )
    bootstrap_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        max_length=512,
        description="Opens the admin API (/v1/admin); at least 32 characters. Without it there is none.",
    )


class TikTokSettings(Settings):
    """The TikTok app."""

    api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="TikTok's API.",
    )
    authorize_url: str = Field(
        default="https://www.tiktok.com/v2/auth/authorize/",
        validation_alias="TIKTOK_AUTHORIZE_URL",
        pattern=URL_PATTERN,
        description="TikTok's consent page.",
    )
    client_key: str = Field(validation_alias="TIKTOK_CLIENT_KEY", min_length=1, description="The app's client key.")
    client_secret: SecretStr = Field(
        validation_alias="TIKTOK_CLIENT_SECRET", min_length=1, description="The app's client secret."
    )
    redirect_uri: str = Field(
        validation_alias="TIKTOK_REDIRECT_URI",
        pattern=URL_PATTERN,
        max_length=511,
        description="Where TikTok sends the browser back: this edge's /v1/oauth/callback, as registered with TikTok.",
    )
    pkce: Literal["none", "hex"] = Field(
        default="none",
        validation_alias="TIKTOK_PKCE",
        description="`hex` for apps with a desktop redirect, which TikTok demands PKCE of; `none` for web apps.",
    )
