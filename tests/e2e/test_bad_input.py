"""What backends get wrong: each ends in a sentence for a person, nothing reaches TikTok, and the partition goes on."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from harness.product import Account, Clip, Product, Request, open_product
from harness.topic_tail import Event, TopicTail
from stack.local import Stack
from stack.polling import run_in_own_loop

ENDED_WITHIN = 30.0
TOO_LARGE = 4_100_000_000
PASSWORD = "hunter2"
MP4 = b"\x00\x00\x00\x20ftypisom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a request, and how its post ends."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    """Instead of the source's; `{media}` is the media server, `{elsewhere}` another port of this machine."""
    reason: str = "invalid_request"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A record that identifies no post, and the reason in its dead letter."""

    name: str
    value: bytes | None
    ce_type: str | None = None
    message: str


def forbidden(name: str, url: str, at: str) -> Fault:
    return Fault(
        name=name,
        url=url,
        reason="source_forbidden",
        message=rf"source\.url: It points to .* at {re.escape(at)}\. Give a URL on the public internet",
    )


CONTENT_FAULTS = (
    Fault(name="unknown_value", changes={"privacy_level": "EVERYBODY"}, message=r"'EVERYBODY'.*privacy_level"),
    Fault(name="unknown_field", changes={"visibility": "all"}, message=r"unknown field `visibility`"),
    Fault(name="wrong_type", changes={"is_aigc": "yes"}, message=r"Expected `bool`, got `str` - at `\$\.is_aigc`"),
    Fault(name="no_source", changes={"source": None}, message=r"Expected `object`, got `null` - at `\$\.source`"),
    Fault(name="caption_too_long", changes={"caption": "x" * 2201}, message=r"length <= 2200 - at `\$\.caption`"),
    Fault(
        name="caption_too_long_for_tiktok",
        changes={"caption": "🎬" * 1101},
        message=r"caption: It has 2202 UTF-16 code units; TikTok takes at most 2200",
    ),
    Fault(
        name="time_without_offset",
        changes={"publish_at": "2026-01-01T12:00:00"},
        message=r"timezone.* - at `\$\.publish_at`",
    ),
    Fault(
        name="moment_has_passed",
        changes={"not_after": "2020-01-01T12:00:00Z"},
        reason="too_late",
        message=r"not_after: It was 2020-01-01T12:00:00",
    ),
    Fault(
        name="wrong_tenant",
        changes={"tenant": "another-tenant"},
        reason="wrong_tenant",
        message=r"tenant: The account does not belong to another-tenant",
    ),
    Fault(
        name="not_offered_to_the_creator",
        changes={"privacy_level": "FOLLOWER_OF_CREATOR"},
        message=r"privacy_level: FOLLOWER_OF_CREATOR is not offered .*: PUBLIC_TO_EVERYONE, ",
    ),
)
SOURCE_FAULTS = (
    Fault(name="no_address", url="clip.mp4", message=r"source\.url: .* does not begin with https://"),
    Fault(
        name="http", url="http://media.example/clip.mp4", message=r"source\.url: It leads to http://.*Give an https://"
    ),
    Fault(name="credentials", url="https://{person}@media.example/clip.mp4", message=r"Give a URL without credentials"),
    forbidden("private_address", "https://10.0.0.1/clip.mp4", "10.0.0.1"),
    forbidden("cloud_metadata", "https://169.254.169.254/latest/meta-data/", "169.254.169.254"),
    forbidden("another_port_of_this_machine", "https://127.0.0.1:{elsewhere}/clip.mp4", "127.0.0.1"),
    forbidden("loopback_v6", "https://[::1]:{elsewhere}/clip.mp4", "::1"),
    forbidden("mapped_v6", "https://[::ffff:10.0.0.1]/clip.mp4", "::ffff:10.0.0.1"),
    forbidden("decimal_address", "https://2130706433:{elsewhere}/clip.mp4", "127.0.0.1"),
    forbidden("hexadecimal_address", "https://0x7f.1:{elsewhere}/clip.mp4", "127.0.0.1"),
    forbidden("name_of_this_machine", "https://localhost:{elsewhere}/clip.mp4", "127.0.0.1"),
    Fault(name="octal_address", url="https://0177.0.0.1/clip.mp4", message=r"source\.url: .* is no valid URL"),
    Fault(
        name="missing",
        url="{media}/missing.mp4",
        reason="source_unavailable",
        message=r"source\.url: .*/missing\.mp4 answers HTTP 404",
    ),
    Fault(
        name="too_large",
        url="{media}/too_large.mp4",
        reason="source_too_large",
        message=rf"source\.url: The file has {TOO_LARGE} bytes\. "
        r"TikTok takes videos of at most 4 GB \(4000000000 bytes\)",
    ),
    Fault(
        name="a_page_named_mp4",
        url="{media}/page.mp4",
        reason="source_not_a_video",
        message=r"source\.url: The file is not an MP4, MOV or WebM video: its first bytes are those of a web page",
    ),
    Fault(
        name="empty",
        url="{media}/empty.mp4",
        reason="source_not_a_video",
        message=r"source\.url: The file is empty: .*/empty\.mp4 has 0 bytes",
    ),
)
FAULTS = (*CONTENT_FAULTS, *SOURCE_FAULTS)
LETTERS = (
    Letter(name="not_json", value=b"post this, please", message=r"post\.requested: JSON is malformed"),
    Letter(name="not_utf8", value=b'{"post_id": "\xff"}', message=r"post\.requested: .*utf-8"),
    Letter(name="not_an_object", value=b'["post-1"]', message=r"Expected `object`, got `array`"),
    Letter(name="no_account", value=b'{"post_id": "post-1", "tenant": "t"}', message=r"required field `account_id`"),
    Letter(name="no_post_id", value=b'{"account_id": "acc-1", "tenant": "t"}', message=r"required field `post_id`"),
    Letter(name="no_value", value=None, message=r"post\.requested"),
    Letter(name="unknown_type", value=b"{}", ce_type="post.wanted", message=r"`post\.wanted` is not an event type of"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequests:
    """Everything that was sent, all of it on one partition, and the good requests among and behind it."""

    account: Account
    bad: dict[str, Request]
    good: Request
    good_without_key: Request


@pytest.fixture(scope="module")
def sent(stack: Stack, short_clip: Clip) -> SentRequests:
    """All of it is sent before anything is looked at: the waits of one are the waits of all."""
    (stack.media_dir / "page.mp4").write_bytes(b"<!doctype html><title>Not found</title>")
    (stack.media_dir / "empty.mp4").touch()
    (stack.media_dir / "too_large.mp4").write_bytes(MP4)
    os.truncate(stack.media_dir / "too_large.mp4", TOO_LARGE)
    return run_in_own_loop(lambda: _ask(stack, short_clip))


async def _ask(stack: Stack, clip: Clip) -> SentRequests:
    async with open_product(stack) as product:
        account = await product.connect("careless")
        bad = {fault.name: _spoilt(product, product.request(account, clip), fault) for fault in FAULTS}
        for letter in LETTERS:
            await product.send([(account.account_id, letter.value)], ce_type=letter.ce_type)
        good, good_without_key = product.request(account, clip), product.request(account, clip)
        await product.request_posts(*bad.values(), good)
        await product.send([(None, msgspec.json.encode(good_without_key))])
        return SentRequests(account=account, bad=bad, good=good, good_without_key=good_without_key)


def _spoilt(product: Product, request: Request, fault: Fault) -> Request:
    elsewhere = product.stack.ports["sandbox"]
    url = fault.url.format(media=product.stack.media_url, elsewhere=elsewhere, person=f"me:{PASSWORD}")
    return {**request, **({"source": {"url": url}} if url else {}), **fault.changes}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_invalid_request_fails_the_post_with_a_message(
    product: Product, sent: SentRequests, fault: Fault
) -> None:
    request = sent.bad[fault.name]
    async with product.events_of(request) as events:
        failed = await events.until_type("post.failed", within=ENDED_WITHIN)
        await events.to_the_end(within=ENDED_WITHIN)
    assert failed.body["reason"] == fault.reason, failed.body
    assert re.search(fault.message, failed.body["message"]), failed.body
    assert events.types() in (["post.failed"], ["post.accepted", "post.failed"])
    assert [event.body["revision"] for event in events.seen] == list(range(1, len(events.seen) + 1))
    assert PASSWORD not in failed.body["message"]
    assert (await product.tiktok.ledger(title=request["caption"])).inits == ()


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
async def test_record_without_a_post_becomes_a_dead_letter(
    product: Product, sent: SentRequests, letter: Letter
) -> None:
    def of_this(event: Event) -> bool:
        return event.value == (letter.value or b"") and event.headers.get("ce_type") == letter.ce_type

    async with TopicTail(product.stack.bootstrap_servers, "uploader.dead_letters", of_this) as letters:
        await letters.until(lambda: bool(letters.seen), what="the dead letter", within=ENDED_WITHIN)
        await letters.to_the_end(within=ENDED_WITHIN)
    assert len(letters.seen) == 1
    headers = letters.seen[0].headers
    assert re.search(letter.message, headers["dlq_reason"]), headers["dlq_reason"]
    assert headers["dlq_topic"] == "post.requests"
    assert headers["dlq_offset"].isdigit()


async def test_partition_continues_after_invalid_records(
    product: Product, sent: SentRequests, short_clip: Clip
) -> None:
    async with product.events_of(sent.good) as events:
        await product.expect_published_once(sent.good, short_clip, events)


async def test_request_without_a_record_key_is_published(
    product: Product, sent: SentRequests, short_clip: Clip
) -> None:
    async with product.events_of(sent.good_without_key) as events:
        await product.expect_published_once(sent.good_without_key, short_clip, events)


async def test_repeated_request_publishes_once(product: Product, sent: SentRequests, short_clip: Clip) -> None:
    request = product.request(sent.account, short_clip)
    changed = {**request, "caption": "another caption"}
    async with product.events_of(request) as events:
        await product.request_posts(request, changed, request)
        await events.until_type("post.published", within=ENDED_WITHIN)
        await product.request_posts(request)
        conflict = await events.until_type("post.request_conflict", within=ENDED_WITHIN)
        await product.expect_published_once(request, short_clip, events)
    assert conflict.body["message"] == "The content differs from the first request. The first request stands."
    assert events.types().count("post.request_conflict") == 1
    assert (await product.tiktok.ledger(title="another caption")).inits == ()
