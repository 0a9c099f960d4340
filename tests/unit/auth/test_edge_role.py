"""The edge does not start with addresses that its cookie cannot bridge."""

import pytest

from auth_service.edge_role import check_same_host
from common.errors import SettingsRefused
from harness.auth_api import AUTH


def test_hosts_that_differ_are_refused_at_the_start() -> None:
    check_same_host(public_url=AUTH, redirect_uri="http://127.0.0.1:9999/v1/oauth/callback")
    with pytest.raises(SettingsRefused, match="TIKTOK_REDIRECT_URI"):
        check_same_host(public_url=AUTH, redirect_uri="http://localhost:8101/v1/oauth/callback")
