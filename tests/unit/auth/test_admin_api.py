"""What operators do over the admin API: tenants and their keys."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from builders.admin_requests import ADMIN, APP, KEY, as_text, audit_records
from common.contract.audit import Action
from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked
from common.http.api_keys import parse_key
from harness.auth_api import AuthApi


async def test_a_tenant_is_created_shown_and_listed(auth_api: AuthApi) -> None:
    auth_api.tenants.bodies.clear()
    wanted = {"name": "Acme", "return_urls": ["https://app.acme.example/tiktok", "http://localhost:3000/x?y=1"]}
    answer = await auth_api.operator.put(f"{ADMIN}/acme", json=wanted)
    expected = {
        "tenant": "acme",
        **wanted,
        "app": None,
        "created_at": as_text(auth_api.now),
        "changed_at": as_text(auth_api.now),
    }
    assert (answer.status_code, answer.json()) == (200, expected)
    assert (await auth_api.operator.get(f"{ADMIN}/acme")).json() == expected
    assert (await auth_api.operator.put(f"{ADMIN}/a.b:c-d_e", json={"name": "Other"})).status_code == 200
    listed = (await auth_api.operator.get(ADMIN)).json()["tenants"]
    assert [tenant["tenant"] for tenant in listed] == ["a.b:c-d_e", "acme"]
    assert audit_records(auth_api.worker.published)[0] == (Action.TENANT_CREATED, "acme", "operator")


async def test_a_tenant_is_changed_and_keeps_its_beginning(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    began = auth_api.now
    auth_api.now += timedelta(hours=1)
    answer = (await acme.put(f"{ADMIN}/acme", json={"name": "Acme Inc.", "return_urls": ["https://a.example/"]})).json()
    assert (answer["name"], answer["return_urls"]) == ("Acme Inc.", ["https://a.example/"])
    assert (answer["created_at"], answer["changed_at"]) == (as_text(began), as_text(auth_api.now))
    auth_api.now += timedelta(hours=1)
    again = (await acme.put(f"{ADMIN}/acme", json={"name": "Acme Inc.", "return_urls": ["https://a.example/"]})).json()
    assert again == answer, "the same again is no change"
    assert [action for action, _, _ in audit_records(auth_api.worker.published)] == [
        Action.TENANT_CREATED,
        Action.TENANT_CHANGED,
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "Acme", "tenant": "globex"},
        {"name": "Acme", "return_urls": "https://a.example/"},
        {"name": "Acme", "return_urls": ["http://a.example/"]},
        {"name": "Acme", "return_urls": ["https://user@a.example/"]},
        {"name": "Acme", "return_urls": ["https://a.example/#part"]},
        {"name": "Acme", "return_urls": ["javascript:alert(1)"]},
        {"name": "Acme", "return_urls": ["http://localhost.evil.example/"]},
        {"name": "Acme", "return_urls": ["http://127.0.0.1@evil.example/"]},
        {"name": "Acme", "return_urls": ["https://a.example/\nx"]},
        {"name": "Acme", "return_urls": ["https://a.example/"] * 21},
        {"name": "Acme", "return_urls": ["https://a.example/" + "x" * 2_048]},
    ],
)
async def test_a_tenant_as_it_cannot_be_is_a_problem(auth_api: AuthApi, body: dict[str, Any]) -> None:
    answer = await auth_api.operator.put(f"{ADMIN}/new", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "new" not in auth_api.tenants.bodies


@pytest.mark.parametrize("name", ["a b", "a%2Fb", "x" * 129, "%00", "ä"])
async def test_a_name_that_no_tenant_can_have(auth_api: AuthApi, name: str) -> None:
    answer = await auth_api.operator.put(f"{ADMIN}/{name}", json={"name": "Acme"})
    assert answer.status_code in {404, 422}
    assert auth_api.worker.written == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "/app", APP),
        ("DELETE", "/app", None),
        ("GET", "/keys", None),
        ("POST", "/keys", KEY),
        ("DELETE", "/keys/abcdefghijkl", None),
    ],
)
async def test_an_unknown_tenant_has_nothing(auth_api: AuthApi, method: str, path: str, body: object) -> None:
    answer = await auth_api.operator.request(method, f"{ADMIN}/unknown{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_tenant")
    assert auth_api.worker.written == []


# -- keys


async def test_a_key_is_shown_once_and_kept_hashed(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    expires_at = auth_api.now + timedelta(days=30)
    wanted = {
        "name": "backend",
        "scopes": ["posts:write", "accounts:manage"],
        "expires_at": as_text(expires_at),
        "requests_per_minute": 7,
    }
    answer = await acme.post(f"{ADMIN}/acme/keys", json=wanted)
    assert answer.status_code == 201
    made = answer.json()
    presented = parse_key(made["key"])
    assert presented is not None
    assert made == {
        "key_id": presented.key_id,
        "tenant": "acme",
        "name": "backend",
        "scopes": ["accounts:manage", "posts:write"],
        "issued_at": as_text(auth_api.now),
        "expires_at": as_text(expires_at),
        "requests_per_minute": 7,
        "revoked_at": None,
        "key": made["key"],
    }
    secret = made["key"].rsplit("_", 1)[1]
    issued = auth_api.keys.bodies[presented.key_id]
    assert isinstance(issued, ApiKeyIssued)
    assert issued.secret_hash == presented.secret_hash
    everything = [*auth_api.worker.written, *auth_api.worker.published, *auth_api.worker.states.values()]
    assert secret not in str(everything)
    listed = await acme.get(f"{ADMIN}/acme/keys")
    assert secret not in listed.text
    assert "secret_hash" not in listed.text
    assert issued.secret_hash not in listed.text
    assert (Action.KEY_ISSUED, presented.key_id, "operator") in audit_records(auth_api.worker.published)


async def test_a_new_key_works_and_for_what_it_may_alone(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    made = (await acme.post(f"{ADMIN}/acme/keys", json=KEY)).json()
    backend = auth_api.client({"Authorization": f"Bearer {made['key']}"})
    assert (await backend.get("/v1/accounts")).status_code == 200
    reader = (await acme.post(f"{ADMIN}/acme/keys", json={**KEY, "scopes": ["analytics:read"]})).json()
    backend = auth_api.client({"Authorization": f"Bearer {reader['key']}"})
    assert (await backend.get("/v1/accounts")).json()["code"] == "scope_missing"


async def test_two_keys_of_one_name_are_two_keys_the_oldest_first(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    made = []
    for _ in range(3):
        auth_api.now += timedelta(seconds=1)
        made.append((await acme.post(f"{ADMIN}/acme/keys", json=KEY)).json()["key_id"])
    listed = (await acme.get(f"{ADMIN}/acme/keys")).json()["keys"]
    assert [key["key_id"] for key in listed] == made
    assert len(set(made)) == 3


async def test_a_revoked_key_is_good_for_nothing_at_once(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    made = (await acme.post(f"{ADMIN}/acme/keys", json=KEY)).json()
    auth_api.now += timedelta(minutes=1)
    answer = await acme.delete(f"{ADMIN}/acme/keys/{made['key_id']}")
    assert (answer.status_code, answer.json()["revoked_at"]) == (200, as_text(auth_api.now))
    backend = auth_api.client({"Authorization": f"Bearer {made['key']}"})
    refused = await backend.get("/v1/accounts")
    assert (refused.status_code, refused.json()["code"]) == (401, "api_key_revoked")
    before = len(auth_api.worker.written)
    auth_api.now += timedelta(minutes=1)
    again = await acme.delete(f"{ADMIN}/acme/keys/{made['key_id']}")
    assert again.json() == answer.json(), "asking again does no harm"
    assert len(auth_api.worker.written) == before
    (listed,) = (await acme.get(f"{ADMIN}/acme/keys")).json()["keys"]
    assert listed["revoked_at"] == answer.json()["revoked_at"]
    assert isinstance(auth_api.keys.bodies[made["key_id"]], ApiKeyRevoked)


async def test_a_key_of_another_tenant_is_none(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    await acme.put(f"{ADMIN}/globex", json={"name": "Globex"})
    theirs = (await acme.post(f"{ADMIN}/globex/keys", json=KEY)).json()["key_id"]
    for key_id in (theirs, "abcdefghijkl"):
        answer = await acme.delete(f"{ADMIN}/acme/keys/{key_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_key")
    assert isinstance(auth_api.keys.bodies[theirs], ApiKeyIssued)
    assert (await acme.get(f"{ADMIN}/acme/keys")).json()["keys"] == []


@pytest.mark.parametrize("seconds", [0, -1, -86_400])
async def test_a_key_that_has_ended_is_not_made(auth_api: AuthApi, acme: httpx.AsyncClient, seconds: int) -> None:
    ended = as_text(auth_api.now + timedelta(seconds=seconds))
    answer = await acme.post(f"{ADMIN}/acme/keys", json={**KEY, "expires_at": ended})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [fault["field"] for fault in answer.json()["errors"]] == ["body.expires_at"]
    assert auth_api.worker.written[1:] == []


async def test_a_key_ends(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    ends = auth_api.now + timedelta(seconds=1)
    made = (await acme.post(f"{ADMIN}/acme/keys", json={**KEY, "expires_at": as_text(ends)})).json()
    backend = auth_api.client({"Authorization": f"Bearer {made['key']}"})
    assert (await backend.get("/v1/accounts")).status_code == 200
    auth_api.now = ends
    assert (await backend.get("/v1/accounts")).json()["code"] == "api_key_expired"


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": ""},
        {"expires_at": "2027-01-01T00:00:00"},
        {"expires_at": "tomorrow"},
        {"requests_per_minute": 0},
        {"requests_per_minute": 1_000_001},
        {"secret_hash": "0" * 64},
        {"tenant": "globex"},
    ],
)
async def test_a_key_as_it_cannot_be_is_a_problem(acme: httpx.AsyncClient, change: dict[str, object]) -> None:
    answer = await acme.post(f"{ADMIN}/acme/keys", json={**KEY, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
