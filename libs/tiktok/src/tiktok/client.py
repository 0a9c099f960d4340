"""TikTok's JSON calls. Each makes one request and never repeats it: whether to repeat is the caller's decision."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import msgspec

from tiktok.chunks import ChunkPlan
from tiktok.errors import TooManyVideoIds
from tiktok.limits import VIDEO_IDS_PER_QUERY
from tiktok.models import CreatorInfo, PublishStatus, TokenResponse, UploadPermit, UserInfo, Video, VideoPost
from tiktok.responses import Wire, call_without_response, read, read_revocation, read_token_response
from tiktok.results import CallResult, NotSent, Unknown
from tiktok.wire import CreatorInfoWire, StatusWire, UploadPermitWire, UserInfoWire, VideosWire

T = TypeVar("T")

CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=20)
"""Calls never queue for a connection; the caller decides how many run at once."""

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds: 10 to connect, and 30 for each wait to send or receive."""
_JSON = "application/json; charset=UTF-8"
_VIDEO_FIELDS = "id,create_time,share_url,view_count,like_count,comment_count,share_count"
_USER_FIELDS = {"user.info.basic": ("open_id", "display_name", "avatar_url"), "user.info.profile": ("username",)}


@asynccontextmanager
async def open_http_client() -> AsyncIterator[httpx.AsyncClient]:
    """Open the HTTP client for TikTok's JSON calls. One client serves any number of apps and accounts.

    Proxy variables of the environment (`HTTPS_PROXY` and others) are ignored. Otherwise client secrets and tokens would
    pass through a proxy that was configured for something else.
    """
    async with httpx.AsyncClient(verify=ssl.create_default_context(), limits=CONNECTIONS, trust_env=False) as http:
        yield http


@asynccontextmanager
async def open_tiktok_client(api_url: str) -> AsyncIterator["TikTok"]:
    """Open a client for calls with a person's token. It has no client secret, because such calls need none."""
    async with open_http_client() as http:
        yield TikTok(http, api_url, client_key="", client_secret="")


class TikTok:
    """TikTok's API for one app. `http` is made, shared and closed by the caller."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, client_key: str, client_secret: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._app = {"client_key": client_key, "client_secret": client_secret}

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> CallResult[TokenResponse]:
        """Exchange a consent's percent-decoded code for tokens.

        A code works once. After a lost answer the person has to consent again.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._grant(form if verifier is None else {**form, "code_verifier": verifier})

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        """Refresh the tokens.

        The old refresh token may be dead afterwards, even if the answer is lost.
        """
        return await self._grant({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def revoke(self, access_token: str) -> CallResult[None]:
        """End the person's grant: all their tokens of this app are dead afterwards. May be repeated."""
        answer = await self._form("/v2/oauth/revoke/", {"token": access_token})
        return read_revocation(answer) if isinstance(answer, httpx.Response) else answer

    async def user_info(self, token: str, scopes: Sequence[str]) -> CallResult[UserInfo]:
        """Return whose token it is. Only granted fields are requested: any other would fail the call."""
        fields = [name for scope, names in _USER_FIELDS.items() if scope in scopes for name in names] or ["open_id"]
        query = {"fields": ",".join(fields)}
        return await self._call("GET", "/v2/user/info/", UserInfoWire, token=token, query=query)

    async def creator_info(self, token: str) -> CallResult[CreatorInfo]:
        """Return what the creator may do now. May be repeated."""
        return await self._call("POST", "/v2/post/publish/creator_info/query/", CreatorInfoWire, token=token)

    async def init_video(self, token: str, post: VideoPost, plan: ChunkPlan) -> CallResult[UploadPermit]:
        """Open an upload. Each call that arrives makes a new `publish_id`.

        Without all of its bytes it never publishes, so an init may be repeated after a lost answer.
        """
        body = {"post_info": _post_info(post), "source_info": _source_info(plan)}
        return await self._call("POST", "/v2/post/publish/video/init/", UploadPermitWire, token=token, body=body)

    async def status(self, token: str, publish_id: str) -> CallResult[PublishStatus]:
        """Return how far TikTok is with a post. May be repeated."""
        body = {"publish_id": publish_id}
        return await self._call("POST", "/v2/post/publish/status/fetch/", StatusWire, token=token, body=body)

    async def query_videos(self, token: str, ids: Sequence[str]) -> CallResult[tuple[Video, ...]]:
        """Return totals of up to 20 of the person's public videos. May be repeated. Raises `TooManyVideoIds`."""
        if not 1 <= len(ids) <= VIDEO_IDS_PER_QUERY:
            raise TooManyVideoIds(len(ids))
        body = {"filters": {"video_ids": list(ids)}}
        query = {"fields": _VIDEO_FIELDS}
        return await self._call("POST", "/v2/video/query/", VideosWire, token=token, query=query, body=body)

    async def _call(
        self,
        method: str,
        path: str,
        wire: type[Wire[T]],
        *,
        token: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> CallResult[T]:
        request = self._http.build_request(
            method,
            self._base_url + path,
            params=query,
            content=None if body is None else msgspec.json.encode(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": _JSON},
            timeout=_TIMEOUT,
        )
        try:
            # A followed redirect would be a second request, and each call promises one.
            response = await self._http.send(request, follow_redirects=False)
        except httpx.HTTPError as error:
            return call_without_response(error)
        return read(response, wire)

    async def _grant(self, form: Mapping[str, str]) -> CallResult[TokenResponse]:
        """Ask the token endpoint for tokens. Code and refresh token differ only in the form."""
        answer = await self._form("/v2/oauth/token/", form)
        return read_token_response(answer) if isinstance(answer, httpx.Response) else answer

    async def _form(self, path: str, form: Mapping[str, str]) -> httpx.Response | NotSent | Unknown:
        """Post a form with the app's key and secret. Return the response, or that none arrived."""
        url = self._base_url + path
        try:
            # The body holds the client secret, which a followed redirect could send to another host.
            return await self._http.post(url, data={**self._app, **form}, timeout=_TIMEOUT, follow_redirects=False)
        except httpx.HTTPError as error:
            return call_without_response(error)


def _post_info(post: VideoPost) -> dict[str, Any]:
    info: dict[str, Any] = {
        "privacy_level": post.privacy_level,
        "disable_comment": post.disable_comment,
        "disable_duet": post.disable_duet,
        "disable_stitch": post.disable_stitch,
        "brand_content_toggle": post.brand_content_toggle,
        "brand_organic_toggle": post.brand_organic_toggle,
        "is_aigc": post.is_aigc,
    }
    if post.title:
        info["title"] = post.title
    if post.video_cover_timestamp_ms is not None:
        info["video_cover_timestamp_ms"] = post.video_cover_timestamp_ms
    return info


def _source_info(plan: ChunkPlan) -> dict[str, Any]:
    """Announce the file as the chunk plan cuts it. Sizes are in bytes."""
    return {
        "source": "FILE_UPLOAD",
        "video_size": plan.size,
        "chunk_size": plan.chunk_size,
        "total_chunk_count": plan.count,
    }
