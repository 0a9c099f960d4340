"""The TikTok library and the sandbox agree about TikTok's API."""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import httpx
import pytest

from tiktok.chunks import ChunkPlan, plan_chunks
from tiktok.client import TikTok
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import StatusCode, TokenResponse, UploadPermit, VideoPost
from tiktok.results import CallResult, ChunkResult, Done, Refused, Stored, Unknown
from tiktok.uploads import Uploads
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

T = TypeVar("T")
Call: TypeAlias = Callable[[TikTok, TokenResponse], Awaitable[CallResult[Any]]]

POST = VideoPost(
    title="A contract",
    privacy_level="PUBLIC_TO_EVERYONE",
    disable_comment=True,
    disable_duet=True,
    disable_stitch=True,
    brand_content_toggle=False,
    brand_organic_toggle=False,
    is_aigc=False,
    video_cover_timestamp_ms=0,
)
AT_ONCE = 120
"""More than the connections that an `AsyncClient` opens by default."""
SMALL = plan_chunks(1_000_003)
SEVERAL = plan_chunks(70_000_003)
FIRST = bytes(range(250)) * 400


def content(first: int, last: int) -> Iterator[bytes]:
    """A file that repeats; every piece but the last has the same length."""
    for at in range(first, last + 1, len(FIRST)):
        yield (FIRST * 2)[at % len(FIRST) :][: min(len(FIRST), last + 1 - at)]


def digest(size: int) -> str:
    return hashlib.sha256(b"".join(content(0, size - 1))).hexdigest()


def done(result: CallResult[T]) -> T:
    assert isinstance(result, Done), result
    return result.value


async def put(uploads: Uploads, permit: UploadPermit, plan: ChunkPlan, index: int) -> ChunkResult:
    first, last = plan.first(index), plan.last(index)
    return await asyncio.to_thread(
        uploads.put_chunk,
        permit.upload_url,
        first=first,
        last=last,
        total=plan.size,
        content_type="video/mp4",
        pieces=content(first, last),
        stop=threading.Event(),
    )


async def rule(http: httpx.AsyncClient, server: Server, **wanted: Any) -> None:
    (await http.post(f"{server.url}/_sandbox/rules", json=wanted)).raise_for_status()


async def ledger(http: httpx.AsyncClient, server: Server) -> Any:
    return (await http.get(f"{server.url}/_sandbox/ledger")).json()


async def test_consent_gives_tokens_of_its_creator(
    tiktok: TikTok, tokens: TokenResponse, http: httpx.AsyncClient
) -> None:
    assert "video.publish" in tokens.scopes
    assert (tokens.expires_in, tokens.refresh_expires_in) == (7200, 15552000)
    person = done(await tiktok.user_info(tokens.access_token, tokens.scopes))
    assert (person.open_id, person.username) == (tokens.open_id, "demo-creator")
    assert (await http.get(person.avatar_url)).is_success
    assert "PUBLIC_TO_EVERYONE" in done(await tiktok.creator_info(tokens.access_token)).privacy_level_options


async def test_code_works_once(tiktok: TikTok, tokens: TokenResponse, code: str) -> None:
    result = await tiktok.exchange_code(code, "http://127.0.0.1:8101/callback", None)
    assert isinstance(result, Refused)
    assert retry_advice(result) in {RetryAdvice.RECONSENT, RetryAdvice.PERMANENT}


async def test_refresh_ends_the_old_refresh_token(tiktok: TikTok, tokens: TokenResponse) -> None:
    renewed = done(await tiktok.refresh(tokens.refresh_token))
    assert renewed.open_id == tokens.open_id
    again = await tiktok.refresh(tokens.refresh_token)
    assert isinstance(again, Refused)
    assert retry_advice(again) is RetryAdvice.RECONSENT


async def test_revoke_ends_both_tokens(tiktok: TikTok, tokens: TokenResponse) -> None:
    assert await tiktok.revoke(tokens.access_token) == Done(None)
    refused = await tiktok.user_info(tokens.access_token, tokens.scopes)
    assert isinstance(refused, Refused)
    assert retry_advice(refused) is RetryAdvice.TOKEN_REJECTED
    ended = await tiktok.refresh(tokens.refresh_token)
    assert isinstance(ended, Refused)
    assert retry_advice(ended) is RetryAdvice.RECONSENT


@pytest.mark.parametrize("oauth_errors_as_200", [False, True])
async def test_ended_token_cannot_be_revoked(
    *, oauth_errors_as_200: bool, tiktok: TikTok, tokens: TokenResponse, http: httpx.AsyncClient, server: Server
) -> None:
    assert await tiktok.revoke(tokens.access_token) == Done(None)
    request = {"oauth_errors_as_200": oauth_errors_as_200}
    (await http.post(f"{server.url}/_sandbox/settings", json=request)).raise_for_status()
    again = await tiktok.revoke(tokens.access_token)
    assert isinstance(again, Refused)
    assert (again.status, again.code) == (200 if oauth_errors_as_200 else 400, "invalid_request")
    assert again.log_id


async def test_revoke_with_another_secret_is_refused(
    tiktok: TikTok, tokens: TokenResponse, http: httpx.AsyncClient, server: Server
) -> None:
    refused = await TikTok(http, server.url, App().client_key, "another secret").revoke(tokens.access_token)
    assert isinstance(refused, Refused)
    assert retry_advice(refused) is RetryAdvice.MISCONFIGURED
    assert isinstance(await tiktok.user_info(tokens.access_token, tokens.scopes), Done)


async def test_revoke_with_a_lost_answer_took_effect(
    tiktok: TikTok, tokens: TokenResponse, http: httpx.AsyncClient, server: Server
) -> None:
    await rule(http, server, endpoint="revoke", at="answer", action="lose_answer")
    assert isinstance(await tiktok.revoke(tokens.access_token), Unknown)
    assert isinstance(await tiktok.revoke(tokens.access_token), Refused)


@pytest.mark.parametrize("plan", [SMALL, SEVERAL], ids=["one chunk", "several chunks"])
async def test_video_is_uploaded_and_published(
    *,
    plan: ChunkPlan,
    tiktok: TikTok,
    tokens: TokenResponse,
    uploads: Uploads,
    http: httpx.AsyncClient,
    server: Server,
    clock: Clock,
) -> None:
    permit = done(await tiktok.init_video(tokens.access_token, POST, plan))
    for index in range(plan.count):
        assert await put(uploads, permit, plan, index) == Stored(complete=index == plan.count - 1)
        status = done(await tiktok.status(tokens.access_token, permit.publish_id))
        assert (status.status, status.uploaded_bytes) == (StatusCode.PROCESSING_UPLOAD, plan.last(index) + 1)
    clock.advance(60)
    status = done(await tiktok.status(tokens.access_token, permit.publish_id))
    assert status.status is StatusCode.PUBLISH_COMPLETE
    (post,) = (await ledger(http, server))["posts"]
    assert status.public_ids == (post["post_id"],)
    assert (post["sha256"], post["bytes"]) == (digest(plan.size), plan.size)
    (video,) = done(await tiktok.query_videos(tokens.access_token, status.public_ids))
    assert video.id == post["post_id"]
    assert video.share_url


async def test_chunk_out_of_order_is_refused(tiktok: TikTok, tokens: TokenResponse, uploads: Uploads) -> None:
    permit = done(await tiktok.init_video(tokens.access_token, POST, SEVERAL))
    result = await put(uploads, permit, SEVERAL, 1)
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.RESYNC


async def test_expired_upload_url_is_refused(
    tiktok: TikTok, tokens: TokenResponse, uploads: Uploads, clock: Clock
) -> None:
    permit = done(await tiktok.init_video(tokens.access_token, POST, SMALL))
    clock.advance(3601)
    result = await put(uploads, permit, SMALL, 0)
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.NEW_UPLOAD


async def test_expired_token_is_refused(tiktok: TikTok, tokens: TokenResponse, clock: Clock) -> None:
    clock.advance(7201)
    result = await tiktok.creator_info(tokens.access_token)
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.TOKEN_REJECTED


async def test_too_many_calls_are_rate_limited(tiktok: TikTok, tokens: TokenResponse) -> None:
    results = [await tiktok.init_video(tokens.access_token, POST, SMALL) for _ in range(7)]
    assert all(isinstance(result, Done) for result in results[:6])
    assert isinstance(results[6], Refused)
    assert retry_advice(results[6]) is RetryAdvice.RATE_LIMITED


CALLS: dict[str, Call] = {
    "token": lambda tiktok, tokens: tiktok.refresh(tokens.refresh_token),
    "revoke": lambda tiktok, tokens: tiktok.revoke(tokens.access_token),
    "user_info": lambda tiktok, tokens: tiktok.user_info(tokens.access_token, tokens.scopes),
    "creator_info": lambda tiktok, tokens: tiktok.creator_info(tokens.access_token),
    "video_init": lambda tiktok, tokens: tiktok.init_video(tokens.access_token, POST, SMALL),
    "status": lambda tiktok, tokens: tiktok.status(tokens.access_token, "v_pub_file~v2-1.1"),
    "video_query": lambda tiktok, tokens: tiktok.query_videos(tokens.access_token, ("1",)),
}


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize(
    "trouble",
    [{"at": "answer", "action": "lose_answer"}, {"at": "request", "action": "status", "status": 502}],
    ids=["answer lost", "bad gateway"],
)
async def test_untrustworthy_answer_is_unknown(
    *,
    endpoint: str,
    trouble: dict[str, Any],
    tiktok: TikTok,
    tokens: TokenResponse,
    http: httpx.AsyncClient,
    server: Server,
) -> None:
    await rule(http, server, endpoint=endpoint, **trouble)
    assert isinstance(await CALLS[endpoint](tiktok, tokens), Unknown)


async def test_calls_do_not_wait_for_each_other(
    *, tiktok: TikTok, tokens: TokenResponse, http: httpx.AsyncClient, server: Server
) -> None:
    await rule(http, server, endpoint="user_info", action="hold", times=AT_ONCE)
    calls = [asyncio.create_task(tiktok.user_info(tokens.access_token, tokens.scopes)) for _ in range(AT_ONCE)]
    held = f"{server.url}/_sandbox/rules/1"
    assert (await http.get(f"{held}/wait", params={"holding": AT_ONCE, "timeout": 20}, timeout=25)).is_success
    await http.post(f"{held}/release")
    assert all(isinstance(result, Done) for result in await asyncio.gather(*calls))


async def test_chunk_with_a_lost_answer_is_stored_once(
    *, tiktok: TikTok, tokens: TokenResponse, uploads: Uploads, http: httpx.AsyncClient, server: Server, clock: Clock
) -> None:
    permit = done(await tiktok.init_video(tokens.access_token, POST, SMALL))
    await rule(http, server, endpoint="upload", at="answer", action="lose_answer")
    assert isinstance(await put(uploads, permit, SMALL, 0), Unknown)
    status = done(await tiktok.status(tokens.access_token, permit.publish_id))
    assert status.uploaded_bytes == SMALL.size
    assert isinstance(await put(uploads, permit, SMALL, 0), Refused)
    clock.advance(60)
    assert len((await ledger(http, server))["posts"]) == 1


async def test_interrupted_chunk_is_sent_again_completely(
    *, tiktok: TikTok, tokens: TokenResponse, uploads: Uploads, http: httpx.AsyncClient, server: Server, clock: Clock
) -> None:
    permit = done(await tiktok.init_video(tokens.access_token, POST, SMALL))
    await rule(http, server, endpoint="upload", at="body", after_bytes=300_000, action="lose_answer")
    assert isinstance(await put(uploads, permit, SMALL, 0), Unknown)
    status = done(await tiktok.status(tokens.access_token, permit.publish_id))
    assert not status.uploaded_bytes
    assert await put(uploads, permit, SMALL, 0) == Stored(complete=True)
    clock.advance(60)
    (post,) = (await ledger(http, server))["posts"]
    assert post["sha256"] == digest(SMALL.size)
