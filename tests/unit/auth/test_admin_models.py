"""What operators see of tenants and keys: everything but secrets and hashes."""

from datetime import UTC, datetime

from auth_service.admin_models import key_answer, tenant_answer
from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked, Scope, TenantDescribed, TikTokApp

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_tenant_is_shown_without_its_apps_secret() -> None:
    app = TikTokApp(client_key="aw-own", sealed_secret="v1.k1.AAAA", pkce="hex")
    described = TenantDescribed(tenant="acme", name="Acme", app=app, created_at=NOW, changed_at=NOW)
    answer = tenant_answer(described)
    assert answer.app is not None
    assert (answer.app.client_key, answer.app.pkce) == ("aw-own", "hex")
    assert "v1.k1.AAAA" not in answer.model_dump_json()


def test_key_is_shown_without_its_hash() -> None:
    issued = ApiKeyIssued(
        key_id="k7m2",
        tenant="acme",
        name="backend",
        scopes=(Scope.POSTS_WRITE,),
        issued_at=NOW,
        secret_hash="0123abcd",
        requests_per_minute=60,
    )
    answer = key_answer(issued)
    assert (answer.requests_per_minute, answer.revoked_at) == (60, None)
    assert "0123abcd" not in answer.model_dump_json()


def test_revoked_key_shows_when() -> None:
    revoked = ApiKeyRevoked(key_id="k7m2", tenant="acme", name="backend", scopes=(), issued_at=NOW, revoked_at=NOW)
    assert key_answer(revoked).revoked_at == NOW
