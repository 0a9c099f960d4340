"""What every state has in common: its tenant, as long as there is one."""

import pytest

from auth_service import states
from auth_service.states import tenant_of
from builders.account_states import ACTIVE, DISCONNECTED, DISCONNECTING, NOW


@pytest.mark.parametrize("state", [*ACTIVE, DISCONNECTING])
def test_tenant_of_account_is_its_profiles(state: states.Account) -> None:
    assert tenant_of(state) == "acme"


def test_tenant_of_disconnected_account_is_empty() -> None:
    assert tenant_of(DISCONNECTED) == ""


def test_attempt_counts_the_one_under_way() -> None:
    assert states.RefreshProgress(since=NOW).attempt == 1
    assert states.RefreshProgress(since=NOW, failed_attempts=2).attempt == 3
