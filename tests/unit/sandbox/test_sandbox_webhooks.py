"""What an app's webhook is told, how it is signed, and how often it is tried."""

import ssl
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
import trustme
from msgspec import structs

from harness.file_host import file_host
from harness.sandbox_client import Visitor
from harness.sandbox_webhooks import NOON, SECRET, after_attempt, deliveries_of, keeping, serving, settings_for, until
from harness.webhook_receiver import Receiver, receiving
from tiktok_sandbox.model.settings import App, Delays, Pulls
from tiktok_sandbox.runtime.clock import Clock

KEY = App().client_key
HOUR = 3_600


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def visitor(receiver: Receiver, clock: Clock) -> AsyncIterator[Visitor]:
    async with serving(settings_for(receiver), clock) as found:
        yield await found.connect()


async def test_a_public_post_is_told_twice(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    publish_id = await visitor.posted(b"bytes")
    clock.advance(1)
    await after_attempt(visitor, 1)
    clock.advance(1)
    found = await after_attempt(visitor, 2)
    [post] = (await visitor.ledger())["posts"]

    assert [each.envelope for each in receiver.told] == [
        {
            "client_key": KEY,
            "event": "post.publish.complete",
            "create_time": NOON + 1,
            "user_openid": visitor.tokens["open_id"],
            "content": f'{{"publish_id":"{publish_id}","publish_type":"DIRECT_PUBLISH"}}',
        },
        {
            "client_key": KEY,
            "event": "post.publish.publicly_available",
            "create_time": NOON + 2,
            "user_openid": visitor.tokens["open_id"],
            "content": f'{{"publish_id":"{publish_id}","publish_type":"DIRECT_PUBLISH","post_id":"{post["post_id"]}"}}',
        },
    ]
    assert [each["state"] for each in found] == ["delivered", "delivered"]
    assert [each["attempts"] for each in found] == [
        [{"at": NOON + 1, "status": 200, "error": ""}],
        [{"at": NOON + 2, "status": 200, "error": ""}],
    ]


async def test_a_body_is_signed_with_the_secret_of_the_app(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(visitor, 1)
    [told] = receiver.told

    assert told.headers["content-type"] == "application/json"
    assert told.signed_at == NOON + 1
    assert told.is_signed_with(SECRET)
    assert not told.is_signed_with("another")


async def test_a_failure_is_told_with_its_reason(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="processing", action="error", code="spam_risk")
    publish_id = await visitor.posted(b"bytes")
    clock.advance(2)
    await after_attempt(visitor, 1)

    assert receiver.told[0].event == "failed"
    assert receiver.told[0].content == {
        "publish_id": publish_id,
        "reason": "spam_risk",
        "publish_type": "DIRECT_PUBLISH",
    }


@pytest.mark.parametrize("by_app", [True, False])
async def test_the_end_of_a_permission_is_told(visitor: Visitor, receiver: Receiver, *, by_app: bool) -> None:
    open_id = visitor.tokens["open_id"]
    if by_app:
        await visitor.http.post("/v2/oauth/revoke/", data={**visitor.app, "token": visitor.token})
    else:
        await visitor.http.post(f"/_sandbox/creators/{open_id}/disconnect")
    await after_attempt(visitor, 1)
    [told] = receiver.told

    assert (told.event, told.envelope["user_openid"]) == ("authorization.removed", open_id)
    assert told.envelope["content"] == f'{{"reason":{5 if by_app else 1}}}'


async def test_what_did_not_come_true_is_not_told(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    publish_id = await visitor.posted(b"bytes")
    await visitor.http.post(f"/_sandbox/publications/{publish_id}/fail", json={"reason": "spam_risk"})
    clock.advance(10)
    await visitor.posted(b"other", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(visitor, 2)

    assert receiver.events == ["failed", "complete"]


async def test_an_app_without_an_address_is_told_nothing(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    app = structs.replace(visitor.context.tables.apps.default, webhook_url="")
    shown = {**structs.asdict(app), "platform": app.platform.value}
    assert (await visitor.http.post("/_sandbox/apps", json=shown)).status_code == 201
    await visitor.posted(b"bytes")
    clock.advance(2)
    await visitor.creator_info()

    assert not visitor.context.tables.pending_webhooks.rows
    assert (await deliveries_of(visitor), receiver.told) == ([], [])


async def test_an_address_that_is_none_is_refused(visitor: Visitor) -> None:
    answer = await visitor.http.post("/_sandbox/apps", json={"client_key": "k", "webhook_url": "ftp://host/hook"})

    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "The webhook_url is not https or http: ftp://host/hook. Give a full URL.",
    )


@pytest.mark.parametrize("status", [500, 302, 204, 404])
async def test_anything_but_200_is_tried_again(visitor: Visitor, receiver: Receiver, clock: Clock, status: int) -> None:
    receiver.answers = [status]
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    [first] = await after_attempt(visitor, 1)
    clock.advance(30)
    [second] = await after_attempt(visitor, 2)

    assert (first["state"], first["next_at"]) == ("waiting", NOON + 31)
    assert [each["status"] for each in second["attempts"]] == [status, 200]
    assert second["state"] == "delivered"
    assert receiver.told[0].body == receiver.told[1].body
    assert [each.signed_at for each in receiver.told] == [NOON + 1, NOON + 31]


async def test_the_pauses_grow_until_it_is_given_up_after_72_hours(
    visitor: Visitor, receiver: Receiver, clock: Clock
) -> None:
    receiver.usual = 503
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    attempts = 1
    [found] = await after_attempt(visitor, attempts)
    while found["next_at"] is not None:
        clock.advance(found["next_at"] - clock.now())
        attempts += 1
        [found] = await after_attempt(visitor, attempts)
    moments = [each["at"] for each in found["attempts"]]

    assert found["state"] == "dropped"
    assert [after - before for before, after in pairwise(moments)] == [30 * 2**n for n in range(attempts - 1)]
    assert 36 * HOUR < moments[-1] - moments[0] <= 72 * HOUR


@pytest.mark.parametrize(("answer", "error"), [(0, "RemoteProtocolError"), (-1, "timeout")])
async def test_no_answer_is_tried_again(receiver: Receiver, clock: Clock, answer: int, error: str) -> None:
    receiver.answers = [answer]
    async with serving(settings_for(receiver, answer_seconds=0.2, first_retry=5), clock) as visitor:
        await (await visitor.connect()).posted(b"bytes", level="SELF_ONLY")
        clock.advance(1)
        await after_attempt(visitor, 1)
        clock.advance(5)
        [found] = await after_attempt(visitor, 2)

    assert [(each["status"], each["error"]) for each in found["attempts"]] == [(0, error), (200, "")]


async def test_a_retry_may_keep_its_first_signature(receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [500]
    async with serving(settings_for(receiver, renew_signature=False), clock) as visitor:
        await (await visitor.connect()).posted(b"bytes", level="SELF_ONLY")
        clock.advance(1)
        await after_attempt(visitor, 1)
        clock.advance(30)
        await after_attempt(visitor, 2)

    assert [each.signed_at for each in receiver.told] == [NOON + 1] * 2


async def test_anything_can_be_sent_again(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="webhook", action="lose", event="post.publish.complete")
    await visitor.posted(b"bytes")
    clock.advance(2)
    await after_attempt(visitor, 1)
    numbers = [each["id"] for each in await deliveries_of(visitor)]
    answers = [await visitor.http.post(f"/_sandbox/webhooks/{number}/resend") for number in (*numbers, "77")]
    await after_attempt(visitor, 3)
    seen = (await visitor.http.get(f"/_sandbox/webhooks/{numbers[0]}")).json()

    assert [each.status_code for each in answers] == [202, 202, 404]
    assert receiver.events == ["publicly_available", "complete", "publicly_available"]
    assert (seen["state"], seen["event"]) == ("delivered", "post.publish.complete")


async def test_the_list_can_be_narrowed(visitor: Visitor, clock: Clock) -> None:
    ids = [await visitor.posted(b"bytes", level=level) for level in ("SELF_ONLY", "PUBLIC_TO_EVERYONE")]
    clock.advance(2)
    await after_attempt(visitor, 3)

    assert [each["event"] for each in await deliveries_of(visitor, publish_id=ids[0])] == ["post.publish.complete"]
    assert len(await deliveries_of(visitor, publish_id=ids[1], client_key=KEY)) == 2
    assert await deliveries_of(visitor, client_key="another") == []


async def test_no_secret_is_shown(visitor: Visitor, clock: Clock) -> None:
    await visitor.posted(b"bytes")
    clock.advance(2)
    await after_attempt(visitor, 2)
    shown = (await visitor.http.get("/_sandbox/webhooks")).text

    assert SECRET not in shown
    assert visitor.token not in shown


async def test_a_slow_receiver_of_one_person_does_not_stop_what_is_told_of_another(
    visitor: Visitor, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [-1]
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await visitor.connect("another")
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(visitor, 1)

    assert {each.envelope["user_openid"] for each in receiver.told} >= {visitor.tokens["open_id"]}


async def test_what_was_not_heard_and_what_lies_ahead_survive_a_restart(
    tmp_path: Path, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [500]
    settings = settings_for(receiver)
    async with keeping(settings, clock, tmp_path) as before:
        await (await before.connect()).posted(b"bytes")
        clock.advance(1)
        await after_attempt(before, 1)
    async with keeping(settings, clock, tmp_path) as after:
        clock.advance(1)
        await after_attempt(after, 2)
        clock.advance(29)
        found = await after_attempt(after, 3)

    assert receiver.events == ["complete", "publicly_available", "complete"]
    assert [(each["id"], each["state"]) for each in found] == [("1", "delivered"), ("2", "delivered")]


async def test_a_receiver_must_be_who_it_says_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    outcomes = []
    for issuer in (authority, stranger):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issuer.issue_cert("localhost").configure_cert(context)
        async with receiving(context) as receiver, serving(settings_for(receiver), clock) as visitor:
            await (await visitor.connect()).posted(b"bytes", level="SELF_ONLY")
            clock.advance(1)
            [found] = await after_attempt(visitor, 1)
            outcomes.append((found["attempts"][0]["status"], found["attempts"][0]["error"]))

    assert outcomes == [(200, ""), (0, "ConnectError")]


async def test_what_is_fetched_is_told(receiver: Receiver, clock: Clock) -> None:
    async with file_host() as host:
        host.files["/video.mp4"] = b"bytes"
        pulls = Pulls(allow_http=True, resolve={"media.example.com": host.address})
        settings = settings_for(receiver)
        app = structs.replace(settings.app, verified_urls=("example.com",))
        async with serving(structs.replace(settings, app=app, pulls=pulls), clock) as visitor:
            source = {"source": "PULL_FROM_URL", "video_url": "http://media.example.com/video.mp4"}
            body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
            await (await visitor.connect()).call("/v2/post/publish/video/init/", body)
            await until(visitor, lambda: not visitor.context.tables.pending_downloads)
            clock.advance(1)
            await after_attempt(visitor, 1)

    assert receiver.events == ["complete"]


async def test_time_that_passes_faster_makes_it_come_sooner(receiver: Receiver) -> None:
    clock = Clock()
    clock.change_pace(factor=3_600)
    receiver.answers = [500, 500]
    async with serving(structs.replace(settings_for(receiver), delays=Delays(processing=600)), clock) as visitor:
        await (await visitor.connect()).posted(b"bytes", level="SELF_ONLY")
        [found] = await after_attempt(visitor, 3)

    assert found["state"] == "delivered"
