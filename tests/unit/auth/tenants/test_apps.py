"""Whose app a call is made with: the installation's, or the tenant's own, whose secret opens as nothing else."""

import httpx
import msgspec
import pytest

from auth_service import effects, facts
from auth_service.metrics import UNREADABLE_ITEMS
from auth_service.tenants.apps import App, Apps, open_secret, seal_secret
from builders.account_states import NOW
from common.contract.tenant import TenantDescribed, TikTokApp
from common.security.sealing import CannotOpen, Vault
from fakes.auth_worker import VAULT
from fakes.views import FakeView
from tiktok.client import TikTok

SECRET = "planted-secret-of-a-tenants-app"
OTHER_VAULT = Vault({"two": b"2" * 32})


HTTP = httpx.AsyncClient()
"""Never used: no call is made here."""


def client_of(client_key: str, secret: str) -> TikTok:
    return TikTok(HTTP, "https://tiktok.test", client_key, secret)


def made_of(client: object) -> dict[str, str]:
    """The key and secret that a client speaks with."""
    assert isinstance(client, TikTok)
    return client._app


OWN = App(recorded_key=None, client_key="aw-own", pkce=True, client=client_of("aw-own", "own-secret"))


def app(client_key: str = "aw-acme", *, tenant: str = "acme", sealed_for: str | None = None) -> TikTokApp:
    sealed = seal_secret(VAULT, tenant, sealed_for or client_key, SECRET)
    return TikTokApp(client_key=client_key, sealed_secret=sealed, pkce="none")


def described(tenant: str, own: TikTokApp | None) -> TenantDescribed:
    return TenantDescribed(tenant=tenant, name=tenant, app=own, created_at=NOW, changed_at=NOW)


def apps_over(*tenants: TenantDescribed, vault: Vault = VAULT, ready: bool = True) -> Apps:
    view = FakeView()
    view.ready = ready
    view.bodies |= {body.tenant: body for body in tenants}

    return Apps(own=OWN, tenants=view, vault=vault, client_of=client_of)


def unreadable() -> float:
    return float(UNREADABLE_ITEMS._value.get())


def test_an_account_of_the_installations_app_needs_no_tenant() -> None:
    for ready in (True, False):
        assert apps_over(ready=ready).of(effects.AppRef(tenant="acme", client_key=None)) is OWN.client


def test_an_account_of_a_tenants_app_gets_that_app() -> None:
    apps = apps_over(described("acme", app()), described("globex", None))
    found = apps.of(effects.AppRef(tenant="acme", client_key="aw-acme"))
    assert made_of(found) == {"client_key": "aw-acme", "client_secret": SECRET}


@pytest.mark.parametrize(
    "wanted",
    [
        effects.AppRef(tenant="acme", client_key="aw-former"),
        effects.AppRef(tenant="globex", client_key="aw-acme"),
        effects.AppRef(tenant="unknown", client_key="aw-acme"),
    ],
    ids=["another app", "a tenant without one", "an unknown tenant"],
)
def test_missing_app_is_misconfigured_once_the_view_is_ready(wanted: effects.AppRef) -> None:
    tenants = (described("acme", app()), described("globex", None))
    assert apps_over(*tenants).of(wanted) is facts.FailureClass.MISCONFIGURED
    assert apps_over(*tenants, ready=False).of(wanted) is facts.FailureClass.TRANSIENT


def test_without_its_key_an_apps_secret_is_a_fault_and_counted() -> None:
    apps, before = apps_over(described("acme", app()), vault=OTHER_VAULT), unreadable()
    assert apps.of(effects.AppRef(tenant="acme", client_key="aw-acme")) is facts.FailureClass.MISCONFIGURED
    assert apps.of_tenant("acme") is None
    assert unreadable() == before + 2


def test_people_of_a_tenant_consent_to_its_own_app() -> None:
    apps = apps_over(described("acme", msgspec.structs.replace(app(), pkce="hex")), described("globex", None))
    found = apps.of_tenant("acme")
    assert found is not None
    assert (found.recorded_key, found.client_key, found.pkce) == ("aw-acme", "aw-acme", True)
    assert made_of(found.client) == {"client_key": "aw-acme", "client_secret": SECRET}
    assert apps.of_tenant("globex") is OWN
    assert apps.of_tenant("unknown") is OWN


@pytest.mark.parametrize(
    "moved",
    [app(tenant="globex"), app(sealed_for="aw-former")],
    ids=["from another tenant", "from another client key"],
)
def test_a_secret_that_was_moved_does_not_open(moved: TikTokApp) -> None:
    with pytest.raises(CannotOpen):
        open_secret(VAULT, "acme", moved)
    apps = apps_over(described("acme", moved))
    assert apps.of(effects.AppRef(tenant="acme", client_key="aw-acme")) is facts.FailureClass.MISCONFIGURED
    assert apps.of_tenant("acme") is None


def test_a_pair_is_no_secret_of_an_app_and_none_of_its_kind() -> None:
    sealed = VAULT.seal(SECRET.encode(), owner="acme", field="token_pair", version=0)
    with pytest.raises(CannotOpen):
        open_secret(VAULT, "acme", TikTokApp(client_key="aw-acme", sealed_secret=sealed))


def test_a_secret_is_quoted_nowhere() -> None:
    sealed = app()
    assert open_secret(VAULT, "acme", sealed) == SECRET
    assert SECRET not in f"{sealed!r} {msgspec.json.encode(sealed).decode()} {OWN!r}"
    assert "sealed" not in repr(sealed)
    with pytest.raises(CannotOpen) as refused:
        open_secret(OTHER_VAULT, "acme", sealed)
    assert SECRET not in str(refused.value)
