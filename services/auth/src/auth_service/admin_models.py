"""What operators send to the admin API, and what it answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked, Scope, TenantDescribed

RETURN_URL = r"^(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:[0-9]{1,5})?(/[!\"$-~]*)?$"
"""Where browsers may be sent: https, or this machine's own for development. In ASCII, as addresses are; and all engines
agree about ASCII. No addresses in brackets: the page on the way back could not read every one of them."""


def _writable(secret: SecretStr) -> SecretStr:
    secret.get_secret_value().encode()  # raises `ValueError` for half of a surrogate pair, which JSON allows
    return secret


ReturnUrl = Annotated[str, Field(max_length=2_048, pattern=RETURN_URL)]

ClientKey = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class Input(BaseModel):
    """The base of what operators send."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TenantInput(Input):
    """A tenant as it is to be."""

    name: str = Field(min_length=1, max_length=200, description="For people.")
    return_urls: Annotated[tuple[ReturnUrl, ...], Field(max_length=20)] = Field(
        default=(), description="Where people may be sent after connecting; compared letter by letter."
    )


class AppInput(Input):
    """A tenant's own TikTok app."""

    client_key: ClientKey
    client_secret: Annotated[SecretStr, AfterValidator(_writable)] = Field(min_length=1, max_length=512)
    pkce: Literal["none", "hex"] = Field(default="none", description="`hex` for an app with a desktop redirect.")


class KeyInput(Input):
    """An API key as it is to be."""

    name: str = Field(min_length=1, max_length=200, description="For people: what uses the key.")
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    expires_at: AwareDatetime | None = Field(default=None, description="Never, if left out.")
    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000, description="For each process of an edge.")


class AppAnswer(BaseModel):
    """A TikTok app, without its secret."""

    client_key: str
    pkce: str


class TenantAnswer(BaseModel):
    """A tenant."""

    tenant: str
    name: str
    return_urls: tuple[str, ...]
    app: AppAnswer | None
    created_at: datetime
    changed_at: datetime


class TenantsAnswer(BaseModel):
    """All tenants, by id."""

    tenants: list[TenantAnswer]


class KeyAnswer(BaseModel):
    """An API key, without its secret."""

    key_id: str
    tenant: str
    name: str
    scopes: tuple[Scope, ...]
    issued_at: datetime
    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    revoked_at: datetime | None = None


class NewKeyAnswer(KeyAnswer):
    """A new API key. `key` is shown this once: only its hash is kept."""

    key: str


class KeysAnswer(BaseModel):
    """A tenant's API keys, the revoked ones too."""

    keys: list[KeyAnswer]


def tenant_answer(body: TenantDescribed) -> TenantAnswer:
    """Show a tenant without its app's secret."""
    app = None if body.app is None else AppAnswer(client_key=body.app.client_key, pkce=body.app.pkce)
    return TenantAnswer(
        tenant=body.tenant,
        name=body.name,
        return_urls=body.return_urls,
        app=app,
        created_at=body.created_at,
        changed_at=body.changed_at,
    )


def key_answer(body: ApiKeyIssued | ApiKeyRevoked) -> KeyAnswer:
    """Show a key without its hash."""
    known = KeyAnswer(
        key_id=body.key_id, tenant=body.tenant, name=body.name, scopes=body.scopes, issued_at=body.issued_at
    )
    match body:
        case ApiKeyIssued():
            return known.model_copy(
                update={"expires_at": body.expires_at, "requests_per_minute": body.requests_per_minute}
            )
        case ApiKeyRevoked():
            return known.model_copy(update={"revoked_at": body.revoked_at})
