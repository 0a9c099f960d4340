"""Upload URLs: expiry, and URLs without an upload."""

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.runtime.clock import Clock

CONTENT = bytes(range(53))


async def test_upload_url_expires_after_an_hour(connected: SandboxClient, clock: Clock) -> None:
    _, url = await connected.open_upload(53, 10, 5)
    clock.advance(3_599)
    in_time = await connected.put(url, CONTENT[:10], 0, 53)
    clock.advance(1)

    late = await connected.put(url, CONTENT[10:20], 10, 53)

    assert (in_time.status_code, late.status_code) == (206, 403)


async def test_finished_or_unknown_url_answers_404(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(10)
    guessed = await connected.put(url + "x", CONTENT[:10], 0, 10)
    first = await connected.put(url, CONTENT[:10], 0, 10)

    answers = [
        guessed,
        await connected.put(url, CONTENT[:10], 0, 10),
        await connected.put("/upload/video/?upload_id=1&upload_token=2", CONTENT[:10], 0, 10),
    ]

    assert first.status_code == 201
    assert [each.status_code for each in answers] == [404, 404, 404]
