"""The admin API refuses pages of other sites."""

import pytest

from harness.sandbox_client import SandboxClient


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("", 200)])
async def test_request_from_another_sites_page_is_refused(connected: SandboxClient, site: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}

    pulled = await connected.http.post("/_sandbox/clock", json={"seconds": 1}, headers=headers)
    looked = await connected.http.get("/_sandbox/", headers=headers)

    assert (pulled.status_code, looked.status_code) == (status, 200)
