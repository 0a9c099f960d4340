"""Auth's settings, all from the environment."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from common.service.settings import URL_PATTERN, PublicKeys, ServiceSettings, Settings, VaultKeys


class AuthSettings(ServiceSettings):
    """What both roles need."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    http_port: int = Field(
        default=8101, ge=0, le=65_535, description="Port of health, metrics and the HTTP API. 0 takes a free one."
    )
    vault_keys: VaultKeys = Field(
        description="Keys for stored tokens, as `<key id>:<base64 of 32 bytes>,…`. The first encrypts, all decrypt."
    )


class WorkerSettings(Settings):
    """What the worker needs in addition."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    service_public_keys: PublicKeys = Field(
        min_length=1,
        description="Services that may read access tokens, as `<service>:<base64 of a raw X25519 public key>,…`.",
    )
    refreshes_at_once: int = Field(
        default=16, ge=1, le=1_000, description="Calls to TikTok's token endpoint that may run at once in this process."
    )
    lost_vault_keys: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_-]{1,64}(,|$))*$",
        description="Ids of vault keys that are lost for good, as `<key id>,…`. They no longer stop a worker.",
    )

    @property
    def lost_key_ids(self) -> frozenset[str]:
        """The ids of vault keys that are lost."""
        return frozenset(filter(None, self.lost_vault_keys.split(",")))


class EdgeSettings(Settings):
    """What the edge needs in addition."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    public_url: str = Field(
        default="http://127.0.0.1:8101",
        pattern=URL_PATTERN,
        description="URL at which browsers reach this edge. Same host as TIKTOK_REDIRECT_URI, or its cookie is lost.",
    )
    bootstrap_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        max_length=512,
        description="Secret of the admin API (/v1/admin), at least 32 characters. If unset, the admin API is off.",
    )


class TikTokSettings(Settings):
    """The TikTok app."""

    api_url: str = Field(
        default="https://open.tiktokapis.com",
        validation_alias="TIKTOK_API_URL",
        pattern=URL_PATTERN,
        description="Base URL of TikTok's API.",
    )
    authorize_url: str = Field(
        default="https://www.tiktok.com/v2/auth/authorize/",
        validation_alias="TIKTOK_AUTHORIZE_URL",
        pattern=URL_PATTERN,
        description="URL of TikTok's consent page.",
    )
    client_key: str = Field(validation_alias="TIKTOK_CLIENT_KEY", min_length=1, description="The app's client key.")
    client_secret: SecretStr = Field(
        validation_alias="TIKTOK_CLIENT_SECRET", min_length=1, description="The app's client secret."
    )
    redirect_uri: str = Field(
        validation_alias="TIKTOK_REDIRECT_URI",
        pattern=URL_PATTERN,
        max_length=511,
        description="URL that TikTok sends browsers back to: this edge's /v1/oauth/callback, as registered at TikTok.",
    )
    pkce: Literal["none", "hex"] = Field(
        default="none",
        validation_alias="TIKTOK_PKCE",
        description="`hex` for apps with a desktop redirect, for which TikTok requires PKCE. `none` for web apps.",
    )
