"""Who is let into the admin API, and what it says while it cannot know or is not certain."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from auth_service.settings import EdgeSettings
from builders.admin_requests import ADMIN, APP, KEY, ROUTES, SECRET
from common.contract.tenant import KeyRequested, Scope
from common.http.app import create_app
from harness.auth_api import AUTH, BOOTSTRAP, AuthApi


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        BOOTSTRAP,
        f"Basic {BOOTSTRAP}",
        f"Bearer {BOOTSTRAP}x",
        f"Bearer {BOOTSTRAP[:-1]}",
        f"Bearer {BOOTSTRAP.upper()}",
        "Bearer ä",
    ],
)
async def test_call_without_the_secret_is_refused(
    auth_api: AuthApi, method: str, path: str, authorization: str | None
) -> None:
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    answer = await auth_api.new_browser().request(method, path, headers=headers, json={"nonsense": True})
    assert (answer.status_code, answer.json()["code"]) == (401, "admin_secret_wrong")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert BOOTSTRAP not in answer.text
    assert auth_api.worker.written == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_schemes_name_is_of_any_case(auth_api: AuthApi, scheme: str) -> None:
    answer = await auth_api.client({"Authorization": f"{scheme} {BOOTSTRAP}"}).get(ADMIN)
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] in {"PUT", "POST"}])
@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"nonsense"])
async def test_body_without_the_secret_is_not_parsed(auth_api: AuthApi, method: str, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await auth_api.new_browser().request(method, path, headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "admin_secret_wrong")


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_an_api_key_with_every_scope_is_no_operators(auth_api: AuthApi, method: str, path: str) -> None:
    answer = await auth_api.backend_of("acme", *Scope).request(method, path, json={"name": "Acme"})
    assert (answer.status_code, answer.json()["code"]) == (401, "admin_secret_wrong")
    assert auth_api.worker.written == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/accounts/connect"),
        ("GET", "/v1/accounts"),
        ("GET", "/v1/accounts/a"),
        ("DELETE", "/v1/accounts/a"),
    ],
)
async def test_the_operators_secret_is_no_api_key(auth_api: AuthApi, method: str, path: str) -> None:
    answer = await auth_api.operator.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_missing")
    assert BOOTSTRAP not in answer.text


@pytest.fixture
async def off(auth_api: AuthApi) -> AsyncIterator[httpx.AsyncClient]:
    """An edge without a bootstrap secret, asked with one."""
    edge: FastAPI = create_app(service="auth", ready=dict)
    for router in auth_api.routers(EdgeSettings(public_url=AUTH, bootstrap_secret=None)):
        edge.include_router(router)
    headers = {"Authorization": f"Bearer {BOOTSTRAP}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url=AUTH, headers=headers) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_secret_set_there_is_no_admin_api(off: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await off.request(method, path, json={"name": "Acme"})
    assert (answer.status_code, answer.json()["code"]) == (503, "admin_api_off")
    assert "AUTH_BOOTSTRAP_SECRET" in answer.json()["detail"]


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer None", ""])
async def test_no_secret_is_not_an_empty_secret(off: httpx.AsyncClient, authorization: str) -> None:
    answer = await off.get(ADMIN, headers={"Authorization": authorization})
    assert answer.status_code == 503


def test_a_short_secret_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as refused:
        EdgeSettings(bootstrap_secret=SecretStr("too-short-to-be-one"))
    assert "too-short-to-be-one" not in str(refused.value)
    monkeypatch.setenv("AUTH_BOOTSTRAP_SECRET", "")
    assert EdgeSettings().bootstrap_secret is None
    assert BOOTSTRAP not in repr(EdgeSettings(bootstrap_secret=SecretStr(BOOTSTRAP)))


# -- what is not there yet, and what is in doubt


@pytest.mark.parametrize(
    ("view", "method", "path"),
    [
        (view, *route)
        for view in ("tenants", "keys", "accounts")
        for route in ROUTES[1:]
        if route != ("PUT", f"{ADMIN}/acme") or view == "tenants"
    ],
)
async def test_views_that_are_not_read_yet_answer_nothing(
    auth_api: AuthApi, acme: httpx.AsyncClient, view: str, method: str, path: str
) -> None:
    getattr(auth_api, view).ready = False
    before = len(auth_api.worker.written)
    wanted = {"PUT": APP if path.endswith("/app") else {"name": "Acme Inc."}, "POST": KEY}.get(method)
    answer = await acme.request(method, path, json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"]
    assert len(auth_api.worker.written) == before


CHANGES: dict[str, tuple[str, str, object]] = {
    "tenant": ("PUT", f"{ADMIN}/acme", {"name": "Acme Inc."}),
    "app": ("PUT", f"{ADMIN}/acme/app", APP),
    "key": ("POST", f"{ADMIN}/acme/keys", KEY),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("doubt", ["log_available", "running"])
async def test_unconfirmed_change_is_a_problem(
    auth_api: AuthApi, acme: httpx.AsyncClient, change: str, doubt: str
) -> None:
    setattr(auth_api.worker, doubt, False)
    method, path, body = CHANGES[change]
    answer = await acme.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_durable")
    assert "pb_" not in answer.text, "a key that may not be there is not shown"
    assert SECRET not in answer.text


async def test_a_key_that_was_in_doubt_can_be_found_and_revoked(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    auth_api.worker.running = False
    await acme.post(f"{ADMIN}/acme/keys", json=KEY)
    (lost,) = (command for command in auth_api.worker.written if isinstance(command, KeyRequested))
    auth_api.worker.running = True
    await auth_api.worker.write(lost)
    (listed,) = (await acme.get(f"{ADMIN}/acme/keys")).json()["keys"]
    assert (await acme.delete(f"{ADMIN}/acme/keys/{listed['key_id']}")).json()["revoked_at"] is not None


async def test_unconfirmed_key_revocation_is_a_problem(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    made = (await acme.post(f"{ADMIN}/acme/keys", json=KEY)).json()
    auth_api.worker.running = False
    answer = await acme.delete(f"{ADMIN}/acme/keys/{made['key_id']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_durable")


async def test_openapi_names_secret_for_operators_keys_for_others(auth_api: AuthApi) -> None:
    paths = (await auth_api.new_browser().get("/openapi.json")).json()["paths"]
    for path, operations in paths.items():
        for operation in operations.values():
            schemes = {name for demand in operation.get("security", []) for name in demand}
            if path.startswith("/v1/admin"):
                assert schemes == {"BootstrapSecret"}, path
                assert "401" in operation["responses"], path
            else:
                assert "BootstrapSecret" not in schemes, path
