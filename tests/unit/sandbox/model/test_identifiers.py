"""Identifiers that clients must not round."""

import re

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"


async def test_post_id_does_not_fit_into_a_double(connected: SandboxClient, clock: Clock) -> None:
    publish_id = await connected.post_video(CONTENT)
    clock.advance(2)

    text = (await connected.status(publish_id)).text

    assert re.search(r'"publicaly_available_post_id": \[\d{19}\]', text)
