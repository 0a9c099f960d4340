"""Webhooks: events, signatures, retries."""

import ssl
from itertools import pairwise
from pathlib import Path

import pytest
import trustme
from msgspec import structs

from harness.file_host import file_host
from harness.sandbox_client import SandboxClient
from harness.sandbox_webhooks import (
    NOON,
    SECRET,
    deliveries_after,
    deliveries_of,
    sandbox_in_memory,
    sandbox_with_state,
    settings_for,
    wait_until,
)
from harness.webhook_receiver import Receiver, receiving
from tiktok_sandbox.model.settings import App, Delays, Pulls
from tiktok_sandbox.runtime.clock import Clock

KEY = App().client_key


HOUR = 3_600


async def test_public_post_sends_two_webhooks(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    publish_id = await subscribed.post_video(b"bytes")
    clock.advance(1)
    await deliveries_after(subscribed, 1)
    clock.advance(1)
    found = await deliveries_after(subscribed, 2)
    [post] = (await subscribed.ledger())["posts"]

    assert [each.envelope for each in receiver.received] == [
        {
            "client_key": KEY,
            "event": "post.publish.complete",
            "create_time": NOON + 1,
            "user_openid": subscribed.tokens["open_id"],
            "content": f'{{"publish_id":"{publish_id}","publish_type":"DIRECT_PUBLISH"}}',
        },
        {
            "client_key": KEY,
            "event": "post.publish.publicly_available",
            "create_time": NOON + 2,
            "user_openid": subscribed.tokens["open_id"],
            "content": f'{{"publish_id":"{publish_id}","publish_type":"DIRECT_PUBLISH","post_id":"{post["post_id"]}"}}',
        },
    ]
    assert [each["state"] for each in found] == ["delivered", "delivered"]
    assert [each["attempts"] for each in found] == [
        [{"at": NOON + 1, "status": 200, "error": ""}],
        [{"at": NOON + 2, "status": 200, "error": ""}],
    ]


async def test_body_is_signed_with_the_apps_secret(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await deliveries_after(subscribed, 1)
    [received] = receiver.received

    assert received.headers["content-type"] == "application/json"
    assert received.signed_at == NOON + 1
    assert received.is_signed_with(SECRET)
    assert not received.is_signed_with("another")


async def test_failed_post_sends_its_reason(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    await subscribed.add_rule(endpoint="processing", action="error", code="spam_risk")
    publish_id = await subscribed.post_video(b"bytes")
    clock.advance(2)
    await deliveries_after(subscribed, 1)

    assert receiver.received[0].event == "failed"
    assert receiver.received[0].content == {
        "publish_id": publish_id,
        "reason": "spam_risk",
        "publish_type": "DIRECT_PUBLISH",
    }


@pytest.mark.parametrize("by_app", [True, False])
async def test_end_of_a_permission_sends_a_webhook(
    subscribed: SandboxClient, receiver: Receiver, *, by_app: bool
) -> None:
    open_id = subscribed.tokens["open_id"]
    if by_app:
        await subscribed.http.post("/v2/oauth/revoke/", data={**subscribed.app, "token": subscribed.token})
    else:
        await subscribed.http.post(f"/_sandbox/creators/{open_id}/disconnect")
    await deliveries_after(subscribed, 1)
    [received] = receiver.received

    assert (received.event, received.envelope["user_openid"]) == ("authorization.removed", open_id)
    assert received.envelope["content"] == f'{{"reason":{5 if by_app else 1}}}'


async def test_cancelled_event_is_not_sent(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    publish_id = await subscribed.post_video(b"bytes")
    await subscribed.http.post(f"/_sandbox/publications/{publish_id}/fail", json={"reason": "spam_risk"})
    clock.advance(10)
    await subscribed.post_video(b"other", level="SELF_ONLY")
    clock.advance(1)
    await deliveries_after(subscribed, 2)

    assert receiver.events == ["failed", "complete"]


async def test_app_without_a_url_gets_no_webhooks(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    app = structs.replace(subscribed.context.tables.apps.default, webhook_url="")
    shown = {**structs.asdict(app), "platform": app.platform.value}
    assert (await subscribed.http.post("/_sandbox/apps", json=shown)).status_code == 201
    await subscribed.post_video(b"bytes")
    clock.advance(2)
    await subscribed.creator_info()

    assert not subscribed.context.tables.pending_webhooks.rows
    assert (await deliveries_of(subscribed), receiver.received) == ([], [])


@pytest.mark.parametrize("status", [500, 302, 204, 404])
async def test_any_status_but_200_is_retried(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock, status: int
) -> None:
    receiver.answers = [status]
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    [first] = await deliveries_after(subscribed, 1)
    clock.advance(30)
    [second] = await deliveries_after(subscribed, 2)

    assert (first["state"], first["next_at"]) == ("waiting", NOON + 31)
    assert [each["status"] for each in second["attempts"]] == [status, 200]
    assert second["state"] == "delivered"
    assert receiver.received[0].body == receiver.received[1].body
    assert [each.signed_at for each in receiver.received] == [NOON + 1, NOON + 31]


async def test_pauses_double_until_72_hours_are_over(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock
) -> None:
    receiver.usual = 503
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    attempts = 1
    [found] = await deliveries_after(subscribed, attempts)
    while found["next_at"] is not None:
        clock.advance(found["next_at"] - clock.now())
        attempts += 1
        [found] = await deliveries_after(subscribed, attempts)
    moments = [each["at"] for each in found["attempts"]]

    assert found["state"] == "dropped"
    assert [after - before for before, after in pairwise(moments)] == [30 * 2**n for n in range(attempts - 1)]
    assert 36 * HOUR < moments[-1] - moments[0] <= 72 * HOUR


@pytest.mark.parametrize(("answer", "error"), [(0, "RemoteProtocolError"), (-1, "timeout")])
async def test_no_answer_is_retried(receiver: Receiver, clock: Clock, answer: int, error: str) -> None:
    receiver.answers = [answer]
    async with sandbox_in_memory(settings_for(receiver, answer_seconds=2.0, first_retry=5), clock) as subscribed:
        await (await subscribed.connect()).post_video(b"bytes", level="SELF_ONLY")
        clock.advance(1)
        await deliveries_after(subscribed, 1)
        clock.advance(5)
        [found] = await deliveries_after(subscribed, 2)

    assert [(each["status"], each["error"]) for each in found["attempts"]] == [(0, error), (200, "")]


async def test_retry_can_keep_its_first_signature(receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [500]
    async with sandbox_in_memory(settings_for(receiver, renew_signature=False), clock) as subscribed:
        await (await subscribed.connect()).post_video(b"bytes", level="SELF_ONLY")
        clock.advance(1)
        await deliveries_after(subscribed, 1)
        clock.advance(30)
        await deliveries_after(subscribed, 2)

    assert [each.signed_at for each in receiver.received] == [NOON + 1] * 2


async def test_slow_webhook_of_one_person_does_not_block_another(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [-1]
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await subscribed.connect("another")
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await deliveries_after(subscribed, 1)

    assert {each.envelope["user_openid"] for each in receiver.received} >= {subscribed.tokens["open_id"]}


async def test_unsent_and_future_webhooks_survive_a_restart(tmp_path: Path, receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [500]
    settings = settings_for(receiver)
    async with sandbox_with_state(settings, clock, tmp_path) as before:
        await (await before.connect()).post_video(b"bytes")
        clock.advance(1)
        await deliveries_after(before, 1)
    async with sandbox_with_state(settings, clock, tmp_path) as after:
        clock.advance(1)
        await deliveries_after(after, 2)
        clock.advance(29)
        found = await deliveries_after(after, 3)

    assert receiver.events == ["complete", "publicly_available", "complete"]
    assert [(each["id"], each["state"]) for each in found] == [("1", "delivered"), ("2", "delivered")]


async def test_receiver_needs_a_valid_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    authority, unknown = trustme.CA(), trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    outcomes = []
    for issuer in (authority, unknown):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issuer.issue_cert("localhost").configure_cert(context)
        async with receiving(context) as receiver, sandbox_in_memory(settings_for(receiver), clock) as subscribed:
            await (await subscribed.connect()).post_video(b"bytes", level="SELF_ONLY")
            clock.advance(1)
            [found] = await deliveries_after(subscribed, 1)
            outcomes.append((found["attempts"][0]["status"], found["attempts"][0]["error"]))

    assert outcomes == [(200, ""), (0, "ConnectError")]


async def test_downloaded_post_sends_webhooks(receiver: Receiver, clock: Clock) -> None:
    async with file_host() as host:
        host.files["/video.mp4"] = b"bytes"
        pulls = Pulls(allow_http=True, resolve={"media.example.com": host.address})
        settings = settings_for(receiver)
        app = structs.replace(settings.app, verified_urls=("example.com",))
        async with sandbox_in_memory(structs.replace(settings, app=app, pulls=pulls), clock) as subscribed:
            source = {"source": "PULL_FROM_URL", "video_url": "http://media.example.com/video.mp4"}
            body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
            await (await subscribed.connect()).call("/v2/post/publish/video/init/", body)
            await wait_until(subscribed, lambda: not subscribed.context.tables.pending_downloads)
            clock.advance(1)
            await deliveries_after(subscribed, 1)

    assert receiver.events == ["complete"]


async def test_fast_clock_sends_webhooks_sooner(receiver: Receiver) -> None:
    clock = Clock()
    clock.change_pace(factor=3_600)
    receiver.answers = [500, 500]
    async with sandbox_in_memory(
        structs.replace(settings_for(receiver), delays=Delays(processing=600)), clock
    ) as subscribed:
        await (await subscribed.connect()).post_video(b"bytes", level="SELF_ONLY")
        [found] = await deliveries_after(subscribed, 3)

    assert found["state"] == "delivered"
