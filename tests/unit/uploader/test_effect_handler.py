"""What comes of each effect: every kind of answer, lost answers, no token, a cut-off in the middle of a chunk."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from builders.credentials import PRIVATE_KEY, TOKEN, credential
from builders.uploader_states import (
    CHECKING_CREATOR,
    INITIALISING,
    KEY,
    LARGE,
    PROBING,
    QUERYING_BEFORE,
    REQUEST,
    SESSION,
    requested_effect,
)
from common.contract.account import CredentialWithdrawn
from common.contract.post import FailureReason, PostFailed, PostUploaded
from common.security.sealing import open_sealed
from fakes.media_source import FakeMediaSource
from fakes.tiktok_uploads import CREATOR_INFO, URL, Attempt, FakeUploadTikTok
from fakes.views import CredentialViews
from harness.uploader import effects_over, run_until_handed_over
from tiktok import results
from tiktok.results import Unknown
from uploader_service.effects import Effect, SendChunk, TikTokCall
from uploader_service.facts import (
    CallRefused,
    CreatorInfoReceived,
    Fact,
    InitDone,
    NoCredential,
    RequestNotSent,
    ResultUnknown,
    SourceFound,
    SourceInterrupted,
    SourceUnusable,
    StatusReceived,
    UploadUrlUnreadable,
)
from uploader_service.sources.problems import Changed, TemporarilyUnavailable, Unavailable
from uploader_service.states import Finished, HandedOver

LATER = TemporarilyUnavailable(location="media.example", why="no route")
ASK, INIT, STATUS = (
    requested_effect(CHECKING_CREATOR),
    requested_effect(INITIALISING),
    requested_effect(QUERYING_BEFORE),
)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield pool


async def perform(threads: ThreadPoolExecutor, effect: Effect, tiktok: Any = None, **changes: Any) -> Fact:
    views, sources = changes.pop("views", CredentialViews()), changes.pop("sources", FakeMediaSource())
    return await effects_over(tiktok or FakeUploadTikTok(), sources, threads, **changes).perform(KEY, effect, views)


async def opened(threads: ThreadPoolExecutor, tiktok: FakeUploadTikTok, chunk: int = 0) -> SendChunk:
    """A chunk's effect with a url that was really sealed."""
    done = await perform(threads, INIT, tiktok)
    assert isinstance(done, InitDone)
    session = msgspec.structs.replace(SESSION, publish_id=done.publish_id, sealed_url=done.sealed_url)
    return SendChunk(attempt=1, url=REQUEST.source.url, media=LARGE, session=session, chunk=chunk)


async def test_probe_finds_source(threads: ThreadPoolExecutor) -> None:
    assert await perform(threads, requested_effect(PROBING)) == SourceFound(of=requested_effect(PROBING), media=LARGE)


@pytest.mark.parametrize(
    ("problem", "temporary"), [(LATER, True), (Unavailable(location="media.example", status=404), False)]
)
async def test_probe_reports_unusable_source(threads: ThreadPoolExecutor, problem: Any, temporary: bool) -> None:  # noqa: FBT001 - a table's column
    fact = await perform(threads, requested_effect(PROBING), sources=FakeMediaSource(problem=problem))
    assert isinstance(fact, SourceUnusable)
    assert (fact.fault.temporary, fact.fault.message) == (temporary, problem.message)
    assert fact.fault.reason is FailureReason.SOURCE_UNAVAILABLE


async def test_creator_query_returns_info(threads: ThreadPoolExecutor) -> None:
    fact = await perform(threads, ASK)
    assert isinstance(fact, CreatorInfoReceived)
    assert fact.privacy_levels == CREATOR_INFO.privacy_level_options
    assert (fact.comment_disabled, fact.duet_disabled, fact.stitch_disabled) == (True, False, False)


async def test_init_sends_the_request_and_seals_the_url(threads: ThreadPoolExecutor) -> None:
    tiktok = FakeUploadTikTok()
    fact = await perform(threads, INIT, tiktok)
    assert isinstance(fact, InitDone)
    assert "planted-secret" not in repr(fact)
    assert open_sealed(PRIVATE_KEY, fact.sealed_url, "acc_a|upload_url|p1").decode() == f"{URL}&id=p1"
    (post,) = tiktok.posts
    assert (post.title, post.privacy_level) == ("A cat", "PUBLIC_TO_EVERYONE")
    assert (post.disable_comment, post.disable_duet, post.disable_stitch) == (True, True, True)


@pytest.mark.parametrize("effect", [ASK, INIT])
async def test_new_post_needs_its_own_tenants_token(threads: ThreadPoolExecutor, effect: TikTokCall) -> None:
    views = CredentialViews(credential(version=9, tenant="another"))
    assert await perform(threads, effect, views=views) == NoCredential(of=effect, version=9)


async def test_status_query_takes_any_tenants_token(threads: ThreadPoolExecutor) -> None:
    tiktok = FakeUploadTikTok(attempts={"p1": Attempt(total=LARGE.size, stored=7)})
    assert isinstance(
        await perform(threads, STATUS, tiktok, views=CredentialViews(credential(tenant="another"))), StatusReceived
    )


async def test_status_query_returns_status(threads: ThreadPoolExecutor) -> None:
    fact = await perform(threads, STATUS, FakeUploadTikTok(attempts={"p1": Attempt(total=LARGE.size, stored=7)}))
    assert isinstance(fact, StatusReceived)
    assert (fact.of, fact.status, fact.uploaded_bytes) == (STATUS, "PROCESSING_UPLOAD", 7)


@pytest.mark.parametrize(("name", "effect"), [("creator", ASK), ("init", INIT), ("status", STATUS)])
@pytest.mark.parametrize(
    ("trouble", "kind"),
    [("lost", ResultUnknown), ("not_sent", RequestNotSent), ("spam_risk_too_many_posts", CallRefused)],
)
async def test_failed_call_becomes_a_fact(
    threads: ThreadPoolExecutor, name: str, effect: Any, trouble: str, kind: type[Any]
) -> None:
    tiktok = FakeUploadTikTok(failures={name: trouble}, attempts={"p1": Attempt(total=1)})
    fact = await perform(threads, effect, tiktok)
    assert isinstance(fact, kind)
    assert fact.of == effect
    if isinstance(fact, CallRefused):
        assert (fact.version, fact.refused.code) == (3, trouble)


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (None, -1),
        (CredentialWithdrawn(account_id="acc_a", version=5, reason="gone"), 5),
        (credential(expires_in=29), 3),
        (credential(sealed={"publisher": "x"}), 3),
        (credential(sealed={"uploader": "h1.AAAA"}), 3),
    ],
)
async def test_missing_token_makes_no_call(threads: ThreadPoolExecutor, body: Any, version: int) -> None:
    tiktok = FakeUploadTikTok()
    for effect in (ASK, INIT, STATUS):
        assert await perform(threads, effect, tiktok, views=CredentialViews(body)) == NoCredential(
            of=effect, version=version
        )
    assert tiktok.calls == []


async def test_url_sealed_for_another_key_is_unreadable(threads: ThreadPoolExecutor) -> None:
    tiktok = FakeUploadTikTok()
    effect = await opened(threads, tiktok)
    fact = await perform(threads, effect, tiktok, private_key=X25519PrivateKey.generate())
    assert fact == UploadUrlUnreadable(of=effect)


async def test_source_interrupted_within_a_chunk_is_reported(threads: ThreadPoolExecutor) -> None:
    tiktok = FakeUploadTikTok()
    effect = await opened(threads, tiktok)
    broken = FakeMediaSource(read_failure=Changed(location="media.example", what="ETag"))
    fact = await perform(threads, effect, tiktok, sources=broken)
    assert isinstance(fact, SourceInterrupted)
    assert fact.fault.reason is FailureReason.SOURCE_CHANGED


@dataclass
class Stuck:
    """An upload host that stops reading until the sender stops."""

    sending: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def put_chunk(self, upload_url: str, *, stop: threading.Event, **_range: Any) -> results.ChunkResult:
        self.sending.set()
        assert stop.wait(timeout=20)
        self.stopped.set()
        return Unknown("stopped")


async def test_cancelled_chunk_stops_its_thread(threads: ThreadPoolExecutor) -> None:
    effect = await opened(threads, FakeUploadTikTok())
    stuck = Stuck()
    sending = asyncio.create_task(perform(threads, effect, chunks=stuck))
    assert await asyncio.to_thread(stuck.sending.wait, 20)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await asyncio.to_thread(stuck.stopped.wait, 20)


async def test_nothing_secret_is_logged(threads: ThreadPoolExecutor) -> None:
    with structlog.testing.capture_logs() as lines:
        await perform(threads, INIT, FakeUploadTikTok(failures={"init": "spam_risk"}))
        await perform(threads, ASK, views=CredentialViews(credential(sealed={"uploader": "h1.AAAA"})))
    assert [line["event"] for line in lines] == ["tiktok_refused", "credential_unreadable"]
    assert TOKEN not in str(lines)
    assert "planted-secret" not in str(lines)


# -- a whole life over a model TikTok: one attempt gets all bytes, even if an answer is lost

CALLS = ("creator", "init", *(f"chunk {n}0000000" for n in range(1, 7)), "chunk 0")


@pytest.mark.parametrize("trouble", ["lost", "not_sent", "unstored"])
@pytest.mark.parametrize("call", CALLS)
async def test_any_lost_answer_still_hands_over_once(threads: ThreadPoolExecutor, call: str, trouble: str) -> None:
    tiktok = FakeUploadTikTok(failures={call: trouble})
    state, events = await run_until_handed_over(effects_over(tiktok, FakeMediaSource(), threads))
    assert isinstance(state, HandedOver)
    assert tiktok.failures == {}
    assert tiktok.complete == [state.publish_id]
    (uploaded,) = [event for event in events if isinstance(event, PostUploaded)]
    assert uploaded.publish_id == state.publish_id
    assert len(tiktok.attempts) == (2 if (call, trouble) == ("init", "lost") else 1)


@pytest.mark.parametrize("size", [5_000_000, 75_000_000])
async def test_any_result_lost_in_a_crash_still_hands_over_once(threads: ThreadPoolExecutor, size: int) -> None:
    for crash_at in range(25):
        tiktok = FakeUploadTikTok()
        state, _events = await run_until_handed_over(
            effects_over(tiktok, FakeMediaSource(size=size), threads), crash_at=crash_at
        )
        assert isinstance(state, HandedOver)
        assert tiktok.complete == [state.publish_id]


async def test_interrupted_source_is_read_on(threads: ThreadPoolExecutor) -> None:
    tiktok = FakeUploadTikTok()
    state, _events = await run_until_handed_over(effects_over(tiktok, FakeMediaSource(read_failure=LATER), threads))
    assert isinstance(state, HandedOver)
    assert len(tiktok.attempts) == 1


async def test_refused_post_never_reaches_tiktok(threads: ThreadPoolExecutor) -> None:
    tiktok = FakeUploadTikTok()
    gone = FakeMediaSource(problem=Unavailable(location="media.example", status=404))
    state, events = await run_until_handed_over(effects_over(tiktok, gone, threads))
    assert isinstance(state, Finished)
    assert tiktok.calls == []
    assert [event.message for event in events if isinstance(event, PostFailed)] == [
        "source.url: media.example answers HTTP 404. Check that the file can be downloaded."
    ]
