"""A text that is sealed again replaces the one it was made from, in every state, and no other."""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from auth_service import facts, states
from auth_service.processor import AuthProcessor
from auth_service.tenants import states as tenant_states
from common.contract.tenant import AppResealed, TenantDescribed, TikTokApp
from common.streams import Decision, StateKey

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT, TENANT = StateKey("acc_1"), StateKey("acme", "tenant")
PROFILE = states.Profile(tenant="acme", open_id="-000open", scopes=("video.publish",), consented_at=NOW)
PAIR = states.SealedTokenPair(
    version=3,
    sealed="v1.k1.AAAA",
    granted_at=NOW,
    access_expires_at=NOW + timedelta(hours=2),
    refresh_expires_at=NOW + timedelta(days=180),
)
WITH_A_PAIR: list[states.Account] = [
    states.Issuing(profile=PROFILE, pair=PAIR, version=4, reason=states.IssueReason.CONNECTED),
    states.Connected(profile=PROFILE, pair=PAIR, recipients="keys", refresh_at=NOW),
    states.Refreshing(
        profile=PROFILE, pair=PAIR, refresh=states.RefreshProgress(since=NOW, failed_attempts=1, access_rejected=True)
    ),
    states.RefreshBackoff(
        profile=PROFILE, pair=PAIR, refresh=states.RefreshProgress(since=NOW, failed_attempts=1), retry_at=NOW
    ),
    states.RefreshTokenRefused(profile=PROFILE, pair=PAIR, code="invalid_grant", message="gone"),
    states.CheckingRemoval(profile=PROFILE, pair=PAIR, code="invalid_grant", message="gone", check_at=NOW),
    states.Disconnecting(profile=PROFILE, pair=PAIR, version=4, by="key", since=NOW),
]
APP = TikTokApp(client_key="own", sealed_secret="v1.k1.AAAA", pkce="hex")
OWNER = tenant_states.Tenant(tenant="acme", name="Acme", app=APP, created_at=NOW, changed_at=NOW)
HASH = hashlib.sha256(b"v1.k1.AAAA").hexdigest()
RESEALED = facts.Resealed(replaces=HASH, sealed="v1.k2.BBBB")
APP_RESEALED = AppResealed(tenant="acme", replaces=HASH, sealed="v1.k2.BBBB")
MACHINE = AuthProcessor("keys")


@pytest.mark.parametrize("state", WITH_A_PAIR, ids=lambda state: type(state).__name__)
def test_resealed_pair_replaces_the_old_and_nothing_else(state: states.Account) -> None:
    decided = MACHINE.decide(ACCOUNT, state, RESEALED, NOW)
    pair = msgspec.structs.replace(PAIR, sealed="v1.k2.BBBB")
    assert decided == Decision(state=msgspec.structs.replace(state, pair=pair))
    assert MACHINE.decide(ACCOUNT, decided.state, RESEALED, NOW) == decided


@pytest.mark.parametrize("state", WITH_A_PAIR, ids=lambda state: type(state).__name__)
def test_a_pair_that_changed_meanwhile_stays(state: states.Account) -> None:
    late = facts.Resealed(replaces=hashlib.sha256(b"v1.k1.ZZZZ").hexdigest(), sealed="v1.k2.BBBB")
    assert MACHINE.decide(ACCOUNT, state, late, NOW) == Decision(state=state)


@pytest.mark.parametrize(
    "state",
    [
        states.ReauthorizationRequired(profile=PROFILE, version=4),
        states.Disconnected(version=4, consented_at=NOW),
        None,
    ],
    ids=["NeedsPerson", "Disconnected", "none"],
)
def test_an_account_without_a_pair_gets_none(state: states.Account | None) -> None:
    assert MACHINE.decide(ACCOUNT, state, RESEALED, NOW) == Decision(state=state)


def test_resealed_app_secret_is_published_for_the_edges() -> None:
    decided = MACHINE.decide(TENANT, OWNER, APP_RESEALED, NOW)
    app = msgspec.structs.replace(APP, sealed_secret="v1.k2.BBBB")
    assert decided.state == msgspec.structs.replace(OWNER, app=app)
    assert decided.events == (
        TenantDescribed(tenant="acme", name="Acme", return_urls=(), app=app, created_at=NOW, changed_at=NOW),
    )


@pytest.mark.parametrize("app", [None, msgspec.structs.replace(APP, sealed_secret="v1.k1.ZZZZ")])
def test_an_app_that_changed_meanwhile_stays(app: TikTokApp | None) -> None:
    tenant = msgspec.structs.replace(OWNER, app=app)
    assert MACHINE.decide(TENANT, tenant, APP_RESEALED, NOW) == Decision(state=tenant)


@pytest.mark.parametrize(("key", "state", "fact"), [(ACCOUNT, WITH_A_PAIR[1], RESEALED), (TENANT, OWNER, APP_RESEALED)])
def test_what_does_not_open_here_is_not_kept(
    key: StateKey, state: states.State, fact: facts.Resealed | AppResealed
) -> None:
    asked: list[tuple[StateKey, states.State, str]] = []

    def can_replace(key: StateKey, state: states.State, sealed: str) -> bool:
        asked.append((key, state, sealed))
        return False

    decided = AuthProcessor("keys", can_replace=can_replace).decide(key, state, fact, NOW)
    assert decided == Decision(state=state)
    assert asked == [(key, state, "v1.k2.BBBB")]
