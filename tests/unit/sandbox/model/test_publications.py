"""The status of an unfinished upload."""

import pytest

from harness.sandbox_client import SMALL, NewClient
from tiktok_sandbox.model.settings import AbandonedUpload, Settings
from tiktok_sandbox.runtime.clock import Clock

HOUR = 3_600


@pytest.mark.parametrize(("abandoned", "status"), [("stuck", "PROCESSING_UPLOAD"), ("failed", "FAILED")])
async def test_unfinished_upload_stays_or_fails_by_the_settings(
    new_client: NewClient, clock: Clock, abandoned: str, status: str
) -> None:
    client = await (await new_client(Settings(chunk_limits=SMALL, abandoned=AbandonedUpload(abandoned)))).connect()
    publish_id, url = await client.open_upload(20, 10, 2)
    await client.put(url, bytes(10), 0, 20)
    clock.advance(HOUR - 1)
    before = (await client.status(publish_id)).json()["data"]
    clock.advance(1)

    after = (await client.status(publish_id)).json()["data"]

    assert before == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 10}
    assert (after["status"], after["uploaded_bytes"]) == (status, 10)
    assert after.get("fail_reason", "internal") == "internal"
    assert (await client.put(url, bytes(10), 10, 20)).status_code == 403
