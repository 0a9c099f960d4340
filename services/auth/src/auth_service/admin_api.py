"""HTTP routes for operators: tenants, their TikTok apps and API keys. They need the bootstrap secret."""

import hmac
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from auth_service.admin_models import (
    AppInput,
    KeyAnswer,
    KeyInput,
    KeysAnswer,
    NewKeyAnswer,
    TenantAnswer,
    TenantInput,
    TenantsAnswer,
    key_answer,
    tenant_answer,
)
from auth_service.tenants.administration import Administration, NewApp, NewKey
from common.http.api_keys import AuthenticateBeforeBody
from common.http.errors import Problem
from common.http.openapi import BOOTSTRAP_SECRET, problems
from common.http.problems import Code

Name = Annotated[str, Path(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:\-]+$")]

KeyId = Annotated[str, Path(min_length=1, max_length=64)]

READING = (Code.NOT_READY, Code.UNKNOWN_TENANT)

CHANGING = (*READING, Code.NOT_DURABLE)

_SCHEME = HTTPBearer(scheme_name=BOOTSTRAP_SECRET, description="AUTH_BOOTSTRAP_SECRET.", auto_error=False)


def operators_only(secret: SecretStr | None) -> Callable[..., Coroutine[Any, Any, None]]:
    """Make the dependency that accepts the bootstrap secret only. Without a secret set, it refuses every call."""

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
    """Add the routes about tenants and their apps."""

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
    """Add the routes about API keys."""

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
