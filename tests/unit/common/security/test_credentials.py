"""Access tokens are opened for whom the grant was given, while they live, and by whom they were sealed to."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.topics import Topic
from common.security.credentials import AccessToken, AccessTokens, NoAccessToken, access_token_context
from common.security.sealing import seal_for

NOW = datetime(2026, 12, 1, tzinfo=UTC)
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
TOKENS = AccessTokens(service="uploader", private_key=KEY, clock=lambda: NOW)


class Views:
    """One credential."""

    def __init__(self, tenant: str) -> None:
        sealed = seal_for(KEY.public_key(), b"act.1", access_token_context("acc_1", 4))
        self._credential = CredentialIssued(
            account_id="acc_1",
            tenant=tenant,
            version=4,
            scopes=(),
            expires_at=NOW + timedelta(hours=1),
            sealed={"uploader": sealed},
        )

    def get(self, topic: Topic, key: str) -> Body | None:
        return self._credential


@pytest.mark.parametrize("asking", ["acme", ""])
@pytest.mark.parametrize("tenant", ["acme", ""])
def test_tenant_gets_the_token_of_its_own_account(tenant: str, asking: str) -> None:
    """Callers may name no tenant, and credentials of older releases name none."""
    assert TOKENS.of("acc_1", Views(tenant), tenant=asking) == AccessToken(text="act.1", version=4)


def test_account_of_another_tenant_has_no_token_for_a_post() -> None:
    assert TOKENS.of("acc_1", Views("globex"), tenant="acme") == NoAccessToken(version=4)
