"""What each command makes of a tenant and of an API key, and which events it emits."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from auth_service import facts, states
from auth_service.processor import decide, next_effect
from auth_service.tenants import states as tenant_states
from auth_service.tenants.decisions import decide_tenant
from auth_service.translate import translate
from builders.account_states import ASKED, CONNECTED, CONSENT, KEY, fingerprint
from common.contract.audit import Action, AuditRecorded
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.tenant import (
    ApiKeyIssued,
    ApiKeyRevoked,
    AppRequested,
    AppResealed,
    KeyRequested,
    KeyRevocationRequested,
    Scope,
    TenantDescribed,
    TenantRequested,
    TikTokApp,
)
from common.streams import Decision, Due

THEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)
APP = TikTokApp(client_key="aw-own", sealed_secret="v1.one.sealed")
OTHER_APP = TikTokApp(client_key="aw-other", sealed_secret="v1.one.sealed-too", pkce="hex")

BARE = tenant_states.Tenant(
    tenant="acme", name="Acme", return_urls=("https://a.example/",), created_at=THEN, changed_at=THEN
)
TENANT = msgspec.structs.replace(BARE, app=APP)
LIVE = tenant_states.ApiKey(
    tenant="acme",
    key_id="abcdefghijkl",
    name="backend",
    scopes=(Scope.POSTS_WRITE, Scope.ANALYTICS_READ),
    secret_hash="0" * 64,
    requests_per_minute=60,
    expires_at=NOW + timedelta(days=1),
    issued_at=THEN,
)
REVOKED = msgspec.structs.replace(LIVE, revoked_at=THEN)
STATES = (None, BARE, TENANT, LIVE, REVOKED)

WANTED = TenantRequested(tenant="acme", name="Acme", return_urls=("https://a.example/",), by="operator", at=NOW)
RENAMED = msgspec.structs.replace(WANTED, name="Acme Inc.")
MOVED = msgspec.structs.replace(WANTED, return_urls=())
SET_APP = AppRequested(tenant="acme", app=APP, by="operator", at=NOW)
SET_OTHER = AppRequested(tenant="acme", app=OTHER_APP, by="operator", at=NOW)
NO_APP = AppRequested(tenant="acme", app=None, by="operator", at=NOW)
RESEAL = AppResealed(tenant="acme", replaces=fingerprint(APP.sealed_secret), sealed="v1.two.sealed")
RESEAL_OTHER = AppResealed(tenant="acme", replaces=fingerprint("v1.one.another"), sealed="v1.two.sealed")
NEW_KEY = KeyRequested(
    tenant="acme",
    key_id="abcdefghijkl",
    name="backend",
    scopes=(Scope.POSTS_WRITE, Scope.ANALYTICS_READ),
    secret_hash="0" * 64,
    requests_per_minute=60,
    expires_at=NOW + timedelta(days=1),
    by="operator",
    at=NOW,
)
END_KEY = KeyRevocationRequested(tenant="acme", key_id="abcdefghijkl", by="operator", at=NOW)


@dataclass(frozen=True, slots=True)
class To:
    """The new state, and the events that are emitted."""

    state: tenant_states.TenantRecord
    emitted: tuple[type[Body], ...]


KEEPS = None
EMITTED = (TenantDescribed, AuditRecorded)
CHANGED = msgspec.structs.replace(BARE, changed_at=NOW)
WITH_APP = msgspec.structs.replace(CHANGED, app=APP)
TABLE: dict[str, tuple[facts.TenantFact, tuple[To | None, ...]]] = {
    # nothing, a tenant, a tenant with an app, a key, a revoked key
    "tenant": (WANTED, (To(msgspec.structs.replace(BARE, created_at=NOW, changed_at=NOW), EMITTED), *(KEEPS,) * 4)),
    "renamed": (
        RENAMED,
        (
            To(msgspec.structs.replace(BARE, name="Acme Inc.", created_at=NOW, changed_at=NOW), EMITTED),
            To(msgspec.structs.replace(CHANGED, name="Acme Inc."), EMITTED),
            To(msgspec.structs.replace(WITH_APP, name="Acme Inc."), EMITTED),
            KEEPS,
            KEEPS,
        ),
    ),
    "other addresses": (
        MOVED,
        (
            To(msgspec.structs.replace(BARE, return_urls=(), created_at=NOW, changed_at=NOW), EMITTED),
            To(msgspec.structs.replace(CHANGED, return_urls=()), EMITTED),
            To(msgspec.structs.replace(WITH_APP, return_urls=()), EMITTED),
            KEEPS,
            KEEPS,
        ),
    ),
    "app": (SET_APP, (KEEPS, To(WITH_APP, EMITTED), KEEPS, KEEPS, KEEPS)),
    "another app": (
        SET_OTHER,
        (
            KEEPS,
            To(msgspec.structs.replace(CHANGED, app=OTHER_APP), EMITTED),
            To(msgspec.structs.replace(CHANGED, app=OTHER_APP), EMITTED),
            KEEPS,
            KEEPS,
        ),
    ),
    "no app": (NO_APP, (KEEPS, KEEPS, To(CHANGED, EMITTED), KEEPS, KEEPS)),
    "resealed": (
        RESEAL,
        (
            KEEPS,
            KEEPS,
            To(
                msgspec.structs.replace(TENANT, app=msgspec.structs.replace(APP, sealed_secret="v1.two.sealed")),
                (TenantDescribed,),
            ),
            KEEPS,
            KEEPS,
        ),
    ),
    "another secret resealed": (RESEAL_OTHER, (KEEPS,) * 5),
    "key": (
        NEW_KEY,
        (To(msgspec.structs.replace(LIVE, issued_at=NOW), (ApiKeyIssued, AuditRecorded)), *(KEEPS,) * 4),
    ),
    "revocation": (
        END_KEY,
        (
            KEEPS,
            KEEPS,
            KEEPS,
            To(msgspec.structs.replace(LIVE, revoked_at=NOW), (ApiKeyRevoked, AuditRecorded)),
            KEEPS,
        ),
    ),
}
CASES = [
    pytest.param(state, fact, cell, id=f"{type(state).__name__}-{name}")
    for name, (fact, row) in TABLE.items()
    for state, cell in zip(STATES, row, strict=True)
]


def kinds(decision: Decision[tenant_states.TenantRecord]) -> tuple[type[Body], ...]:
    return tuple(type(event) for event in decision.events)


@pytest.mark.parametrize(("state", "fact", "cell"), CASES)
def test_every_state_meets_every_command(
    state: tenant_states.TenantRecord | None, fact: facts.TenantFact, cell: To | None
) -> None:
    decision = decide_tenant(state, fact)
    if cell is None:
        assert decision == Decision(state=state)
        return
    assert decision.state == cell.state
    assert kinds(decision) == cell.emitted
    assert decide_tenant(decision.state, fact) == Decision(state=decision.state), "a command may come twice"


def test_the_table_has_every_kind_of_command() -> None:
    assert {type(fact) for fact, _ in TABLE.values()} == set(facts.TenantFact.__args__)


def test_the_view_has_all_of_a_tenant() -> None:
    described = decide_tenant(TENANT, RENAMED).events[0]
    assert described == TenantDescribed(
        tenant="acme",
        name="Acme Inc.",
        return_urls=("https://a.example/",),
        app=APP,
        created_at=THEN,
        changed_at=NOW,
    )


def test_the_view_has_all_of_a_key_and_keeps_it_when_revoked() -> None:
    issued = decide_tenant(None, NEW_KEY).events[0]
    assert issued == ApiKeyIssued(
        key_id="abcdefghijkl",
        tenant="acme",
        name="backend",
        scopes=(Scope.POSTS_WRITE, Scope.ANALYTICS_READ),
        issued_at=NOW,
        secret_hash="0" * 64,
        requests_per_minute=60,
        expires_at=NOW + timedelta(days=1),
    )
    revoked = decide_tenant(LIVE, END_KEY).events[0]
    assert revoked == ApiKeyRevoked(
        key_id="abcdefghijkl",
        tenant="acme",
        name="backend",
        scopes=(Scope.POSTS_WRITE, Scope.ANALYTICS_READ),
        issued_at=THEN,
        secret_hash="0" * 64,
        revoked_at=NOW,
    )


@pytest.mark.parametrize(
    ("state", "fact", "action", "target", "details"),
    [
        (None, WANTED, Action.TENANT_CREATED, "acme", {"name": "Acme"}),
        (BARE, RENAMED, Action.TENANT_CHANGED, "acme", {"name": "Acme Inc."}),
        (BARE, SET_APP, Action.APP_SET, "aw-own", {}),
        (TENANT, SET_OTHER, Action.APP_SET, "aw-other", {}),
        (TENANT, NO_APP, Action.APP_REMOVED, "aw-own", {}),
        (
            None,
            NEW_KEY,
            Action.KEY_ISSUED,
            "abcdefghijkl",
            {"name": "backend", "scopes": "posts:write analytics:read"},
        ),
        (LIVE, END_KEY, Action.KEY_REVOKED, "abcdefghijkl", {"name": "backend"}),
    ],
)
def test_who_did_what_is_noted(
    state: tenant_states.TenantRecord | None,
    fact: facts.TenantFact,
    action: Action,
    target: str,
    details: dict[str, str],
) -> None:
    (noted,) = (event for event in decide_tenant(state, fact).events if isinstance(event, AuditRecorded))
    assert noted == AuditRecorded(
        about="acme", tenant="acme", action=action, target=target, by="operator", at=NOW, details=details
    )


def test_no_secret_is_noted_or_shown() -> None:
    written = str([decide_tenant(BARE, SET_APP), decide_tenant(TENANT, RESEAL)])
    assert "sealed" not in written.replace("sealed_secret", "")


# -- beside accounts


@pytest.mark.parametrize("fact", [fact for fact, _ in TABLE.values()])
def test_a_command_finds_its_state(fact: facts.TenantFact) -> None:
    addressed = translate(Envelope(id="1", source="test", time=None, traceparent=None, body=fact))
    assert addressed is not None
    of_key = isinstance(fact, KeyRequested | KeyRevocationRequested)
    assert addressed.key == (
        tenant_states.api_key_key("acme", "abcdefghijkl") if of_key else tenant_states.tenant_key("acme")
    )
    assert addressed.key != KEY
    assert addressed.fact == fact


@pytest.mark.parametrize("state", [BARE, LIVE, REVOKED])
@pytest.mark.parametrize("fact", [CONSENT, ASKED, Due()])
def test_customers_and_accounts_do_not_meet(state: states.State, fact: facts.AnyFact | Due) -> None:
    assert decide(KEY, state, fact, NOW) == Decision(state=state)
    assert decide(KEY, CONNECTED, RENAMED, NOW) == Decision(state=CONNECTED)
    assert next_effect(KEY, state, NOW, recipients="keys") is None
    assert states.tenant_of(state) == "acme"


@pytest.mark.parametrize("state", [BARE, TENANT, LIVE, REVOKED])
def test_states_survive_being_written_down(state: states.State) -> None:
    assert msgspec.json.decode(msgspec.json.encode(state), type=states.State) == state
