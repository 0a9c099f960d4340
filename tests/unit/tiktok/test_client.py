"""What each call sends, and what it makes of an answer that never comes."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import httpx
import pytest

from tiktok.chunks import plan_chunks
from tiktok.client import TikTok
from tiktok.errors import TooManyVideoIds
from tiktok.models import VideoPost
from tiktok.results import CallResult, Done, NotSent, Unknown

Call: TypeAlias = Callable[[TikTok], Awaitable[CallResult[Any]]]

POST = VideoPost(
    title="Hello #world",
    privacy_level="SELF_ONLY",
    disable_comment=True,
    disable_duet=True,
    disable_stitch=False,
    brand_content_toggle=False,
    brand_organic_toggle=False,
    is_aigc=False,
    video_cover_timestamp_ms=None,
)
PLAN = plan_chunks(80_000_123)
CALLS: dict[str, Call] = {
    "exchange_code": lambda tiktok: tiktok.exchange_code("co.de*1", "https://app.example/callback", "verifier"),
    "refresh": lambda tiktok: tiktok.refresh("rft.1"),
    "revoke": lambda tiktok: tiktok.revoke("act.1"),
    "user_info": lambda tiktok: tiktok.user_info("act.1", ("user.info.basic",)),
    "creator_info": lambda tiktok: tiktok.creator_info("act.1"),
    "init_video": lambda tiktok: tiktok.init_video("act.1", POST, PLAN),
    "status": lambda tiktok: tiktok.status("act.1", "v_pub_file~v2-1.1"),
    "query_videos": lambda tiktok: tiktok.query_videos("act.1", ("7600000000000123457",)),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@each_call
async def test_lost_answer_is_unknown(
    call: Call, silent: tuple[str, list[bytes]], tiktok_at: Callable[[str], TikTok]
) -> None:
    url, seen = silent
    assert isinstance(await call(tiktok_at(url)), Unknown)
    assert len(seen) == 1


@each_call
async def test_refused_connection_is_not_sent(call: Call, closed_port: str, tiktok_at: Callable[[str], TikTok]) -> None:
    assert isinstance(await call(tiktok_at(closed_port)), NotSent)


@each_call
async def test_unknown_name_is_not_sent(call: Call, tiktok_at: Callable[[str], TikTok]) -> None:
    # Longer than any name may be, so that the resolver says no without asking anyone.
    assert isinstance(await call(tiktok_at(f"http://{'a.' * 130}invalid")), NotSent)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError, NotSent),
        (httpx.ConnectTimeout, NotSent),
        (httpx.PoolTimeout, NotSent),
        (httpx.ReadTimeout, Unknown),
        (httpx.WriteTimeout, Unknown),
        (httpx.ReadError, Unknown),
        (httpx.WriteError, Unknown),
        (httpx.RemoteProtocolError, Unknown),
        (httpx.DecodingError, Unknown),
    ],
)
@each_call
async def test_only_a_failed_connection_is_not_sent(
    call: Call, error: type[httpx.RequestError], expected: type[NotSent | Unknown]
) -> None:
    def break_off(request: httpx.Request) -> httpx.Response:
        message = "broken"
        raise error(message, request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(break_off)) as http:
        assert isinstance(await call(TikTok(http, "https://api.example", "key", "secret")), expected)


async def sent_by(call: Call, answer: dict[str, Any]) -> tuple[httpx.Request, CallResult[Any]]:
    requests: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=answer)

    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as http:
        result = await call(TikTok(http, "https://api.example/", "key", "secret"))
    (request,) = requests
    return request, result


def ok(data: dict[str, Any]) -> dict[str, Any]:
    return {"data": data, "error": {"code": "ok", "message": "", "log_id": "L"}}


TOKENS = {"open_id": "o", "access_token": "a", "refresh_token": "r", "expires_in": 7200, "refresh_expires_in": 15552000}


async def test_exchange_sends_a_form() -> None:
    request, result = await sent_by(CALLS["exchange_code"], TOKENS)
    assert isinstance(result, Done)
    assert (request.method, str(request.url)) == ("POST", "https://api.example/v2/oauth/token/")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert {name: value for name, (value,) in parse_qs(request.content.decode()).items()} == {
        "client_key": "key",
        "client_secret": "secret",
        "grant_type": "authorization_code",
        "code": "co.de*1",
        "redirect_uri": "https://app.example/callback",
        "code_verifier": "verifier",
    }


async def test_refresh_sends_neither_redirect_nor_scope() -> None:
    request, _ = await sent_by(CALLS["refresh"], TOKENS)
    assert set(parse_qs(request.content.decode())) == {"client_key", "client_secret", "grant_type", "refresh_token"}


async def test_revoke_sends_the_access_token_in_a_form() -> None:
    request, result = await sent_by(CALLS["revoke"], {})
    assert result == Done(None)
    assert (request.method, str(request.url)) == ("POST", "https://api.example/v2/oauth/revoke/")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "client_key": ["key"],
        "client_secret": ["secret"],
        "token": ["act.1"],
    }


@pytest.mark.parametrize(
    ("scopes", "fields"),
    [
        (("user.info.basic",), "open_id,display_name,avatar_url"),
        (("user.info.basic", "user.info.profile", "video.list"), "open_id,display_name,avatar_url,username"),
        (("user.info.stats",), "open_id"),
    ],
)
async def test_user_info_requests_only_granted_fields(scopes: tuple[str, ...], fields: str) -> None:
    request, _ = await sent_by(lambda tiktok: tiktok.user_info("act.1", scopes), ok({"user": {"open_id": "o"}}))
    assert (request.method, request.url.path, request.url.params["fields"]) == ("GET", "/v2/user/info/", fields)
    assert request.headers["authorization"] == "Bearer act.1"


async def test_init_sends_the_post_and_the_plan() -> None:
    request, _ = await sent_by(CALLS["init_video"], ok({"publish_id": "v", "upload_url": "u"}))
    assert request.url.path == "/v2/post/publish/video/init/"
    assert request.headers["content-type"] == "application/json; charset=UTF-8"
    assert json.loads(request.content) == {
        "post_info": {
            "title": "Hello #world",
            "privacy_level": "SELF_ONLY",
            "disable_comment": True,
            "disable_duet": True,
            "disable_stitch": False,
            "brand_content_toggle": False,
            "brand_organic_toggle": False,
            "is_aigc": False,
        },
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": 80_000_123,
            "chunk_size": 10_000_000,
            "total_chunk_count": 8,
        },
    }


async def test_query_sends_fields_in_url_and_ids_in_body() -> None:
    request, result = await sent_by(CALLS["query_videos"], ok({"videos": []}))
    assert result == Done(())
    assert request.url.path == "/v2/video/query/"
    assert "view_count" in request.url.params["fields"].split(",")
    assert json.loads(request.content) == {"filters": {"video_ids": ["7600000000000123457"]}}


@pytest.mark.parametrize("count", [0, 21])
async def test_query_of_too_many_ids_is_not_made(count: int, tiktok_at: Callable[[str], TikTok]) -> None:
    with pytest.raises(TooManyVideoIds):
        await tiktok_at("https://api.example").query_videos("act.1", ["1"] * count)


async def test_redirect_is_not_followed() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "api.example"
        return httpx.Response(307, headers={"Location": "https://elsewhere.example/"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(reply), follow_redirects=True) as http:
        assert isinstance(await CALLS["creator_info"](TikTok(http, "https://api.example", "k", "s")), Unknown)
