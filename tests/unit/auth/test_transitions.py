"""The steps that decisions share: versions, descriptions and what stays as it is."""

import msgspec
import pytest

from auth_service import states
from auth_service.transitions import describe, unchanged, version_of, with_scopes
from builders.account_states import (
    CHECKING_REMOVAL,
    CONNECTED,
    DISCONNECTED,
    DISCONNECTING,
    ISSUING,
    KEY,
    PROFILE,
    REAUTHORIZATION_REQUIRED,
    REFRESH_BACKOFF,
    REFRESH_TOKEN_REFUSED,
    REFRESHING,
)
from common.streams import Decision


@pytest.mark.parametrize(
    ("state", "version"),
    [
        (ISSUING, 4),
        (CONNECTED, 3),
        (REFRESHING, 3),
        (REFRESH_BACKOFF, 3),
        (REFRESH_TOKEN_REFUSED, 3),
        (CHECKING_REMOVAL, 3),
        (REAUTHORIZATION_REQUIRED, 4),
        (DISCONNECTING, 4),
        (DISCONNECTED, 5),
    ],
)
def test_version_of_state_is_the_newest_one(state: states.Account, version: int) -> None:
    assert version_of(state) == version


def test_unchanged_keeps_the_same_object() -> None:
    decision: Decision[states.Connected] = unchanged(CONNECTED)
    assert decision.state is CONNECTED
    assert decision.events == ()


def test_scopes_that_tiktok_leaves_out_are_kept() -> None:
    assert with_scopes(PROFILE, ()) == PROFILE
    assert with_scopes(PROFILE, ("video.list",)).scopes == ("video.list",)


def test_description_names_the_tenants_own_app() -> None:
    assert describe(KEY, PROFILE).client_key is None
    assert describe(KEY, msgspec.structs.replace(PROFILE, client_key="aw-own")).client_key == "aw-own"
