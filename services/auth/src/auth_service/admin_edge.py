"""Auth's HTTP edge for operators: tenants, their TikTok apps, their API keys. Needs the bootstrap secret."""

import hmac
from collections.abc import Callable, Coroutine
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from auth_service.administration import Administration, NewApp, NewKey
from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked, Scope, TenantDescribed
from common.http.api_keys import AuthenticateBeforeBody
from common.http.errors import Problem
from common.http.openapi import BOOTSTRAP_SECRET, problems
from common.http.problems import Code

RETURN_URL = r"^(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:[0-9]{1,5})?(/[!\"$-~]*)?$"
"""Where browsers may be sent: https, or this machine's own for development. In ASCII, as addresses are; and all engines
agree about ASCII. No addresses in brackets: the page on the way back could not read every one of them."""


def _writable(secret: SecretStr) -> SecretStr:
    secret.get_secret_value().encode()  # raises `ValueError` for half of a surrogate pair, which JSON allows
    return secret


Name = Annotated[str, Path(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:\-]+$")]
KeyId = Annotated[str, Path(min_length=1, max_length=64)]
ReturnUrl = Annotated[str, Field(max_length=2_048, pattern=RETURN_URL)]
ClientKey = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]

READING = (Code.NOT_READY, Code.UNKNOWN_TENANT)
CHANGING = (*READING, Code.NOT_DURABLE)

_SCHEME = HTTPBearer(scheme_name=BOOTSTRAP_SECRET, description="AUTH_BOOTSTRAP_SECRET.", auto_error=False)


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


def operators_only(secret: SecretStr | None) -> Callable[..., Coroutine[Any, Any, None]]:
    """Make the dependency that lets operators in, and nobody where no secret is set."""

    async def check(
        request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]
    ) -> None:
        if secret is None:
            raise Problem(Code.ADMIN_API_OFF, "AUTH_BOOTSTRAP_SECRET is not set: this installation has no admin API.")
        scheme, _, offered = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(offered.encode(), secret.get_secret_value().encode())
        if scheme.lower() != "bearer" or not right:
            raise Problem(Code.ADMIN_SECRET_WRONG, headers={"WWW-Authenticate": "Bearer"})

    return check


def admin_routes(administration: Administration, *, secret: SecretStr | None) -> APIRouter:
    """Build the routes for operators."""
    router = APIRouter(
        prefix="/v1/admin/tenants",
        tags=["administration"],
        dependencies=[Depends(operators_only(secret))],
        route_class=AuthenticateBeforeBody,
    )
    _add_tenants(router, administration)
    _add_keys(router, administration)
    return router


def _add_tenants(router: APIRouter, administration: Administration) -> None:
    @router.get("", responses=problems(Code.NOT_READY))
    async def tenants() -> TenantsAnswer:
        """List the tenants."""
        return TenantsAnswer(tenants=[tenant_answer(body) for body in administration.tenants()])

    @router.get("/{tenant}", responses=problems(*READING))
    async def tenant(tenant: Name) -> TenantAnswer:
        """Show a tenant."""
        return tenant_answer(administration.tenant(tenant))

    @router.put("/{tenant}", responses=problems(Code.NOT_READY, Code.NOT_DURABLE))
    async def put_tenant(tenant: Name, wanted: TenantInput) -> TenantAnswer:
        """Create a tenant, or change it."""
        described = await administration.describe_tenant(tenant, name=wanted.name, return_urls=wanted.return_urls)
        return tenant_answer(described)

    @router.put("/{tenant}/app", responses=problems(*CHANGING, Code.APP_IN_USE))
    async def put_app(tenant: Name, wanted: AppInput) -> TenantAnswer:
        """Give a tenant its own TikTok app, which its people consent to from now on; or give it a new secret."""
        app = NewApp(client_key=wanted.client_key, secret=wanted.client_secret.get_secret_value(), pkce=wanted.pkce)
        return tenant_answer(await administration.set_app(tenant, app))

    @router.delete("/{tenant}/app", responses=problems(*CHANGING, Code.APP_IN_USE))
    async def delete_app(tenant: Name) -> TenantAnswer:
        """Let the tenant's people consent to the installation's app again."""
        return tenant_answer(await administration.set_app(tenant, None))


def _add_keys(router: APIRouter, administration: Administration) -> None:
    @router.get("/{tenant}/keys", responses=problems(*READING))
    async def keys(tenant: Name) -> KeysAnswer:
        """List a tenant's API keys."""
        return KeysAnswer(keys=[key_answer(body) for body in administration.keys(tenant)])

    @router.post("/{tenant}/keys", status_code=HTTPStatus.CREATED, responses=problems(*CHANGING))
    async def post_key(tenant: Name, wanted: KeyInput) -> NewKeyAnswer:
        """Make an API key. It is shown this once."""
        key = NewKey(
            name=wanted.name,
            scopes=tuple(sorted(set(wanted.scopes))),
            expires_at=wanted.expires_at,
            requests_per_minute=wanted.requests_per_minute,
        )
        issued, text = await administration.issue_key(tenant, key)
        return NewKeyAnswer(**key_answer(issued).model_dump(), key=text)

    @router.delete("/{tenant}/keys/{key_id}", responses=problems(*CHANGING, Code.UNKNOWN_KEY))
    async def delete_key(tenant: Name, key_id: KeyId) -> KeyAnswer:
        """Revoke an API key. Asking again does no harm."""
        return key_answer(await administration.revoke_key(tenant, key_id))


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
