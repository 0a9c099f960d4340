"""The read API: `GET /v1/posts/{post_id}` and its metrics. Reads MongoDB and keeps no state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from analytics_service.api_models import (
    Freshness,
    MetricSample,
    MetricsAnswer,
    PostAnswer,
    Progress,
    Video,
    latest_sample,
    seconds_between,
)
from analytics_service.errors import NotACursor, StoreUnavailable
from analytics_service.read_side.cursors import Cursor, parse_cursor
from analytics_service.read_side.queries import PostLocator, PostRow, StoreReader
from common.clock import Clock, UtcDatetime
from common.contract.tenant import Scope
from common.http.api_keys import ApiKeyAuth, AuthenticateBeforeBody, Caller
from common.http.errors import Problem, problem_response
from common.http.openapi import problems
from common.http.problems import Code

MAX_SAMPLES = 1_000
"""Most samples of one answer. The next page is fetched with `after`."""
MAX_CURSOR_LENGTH = 1_024
"""Every cursor of ours is shorter, even with the longest ids."""

AccountId = Annotated[
    str | None, Query(max_length=128, description="Needed if several of your accounts have a post with this id.")
]
Since = Annotated[AwareDatetime | None, Query(description="Only samples that were collected at or after this moment.")]
After = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR_LENGTH,
        description="The `next` of the previous answer, unchanged: only samples that follow it.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_SAMPLES, description="Most samples of the answer.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadApi:
    """Answers for one tenant at a time. A post of another tenant gets the same answer as one that does not exist."""

    reader: StoreReader
    clock: Clock

    async def post(self, tenant: str, post_id: str, account_id: str | None = None) -> PostAnswer:
        """Return everything that is known about a post."""
        post, as_of = await self._find(tenant, post_id, account_id)
        timeline = await self.reader.timeline(post)
        latest = {sample.video_id: sample for sample in await self.reader.latest_metrics(post)}
        now = self.clock()
        return PostAnswer(
            account_id=post.account_id,
            post_id=post.post_id,
            tenant=post.tenant,
            state=post.state,
            since=post.since,
            progress=_progress(post),
            videos=[_video(video_id, latest.get(video_id), now) for video_id in post.video_ids],
            timeline=timeline,
            freshness=_freshness(as_of, now),
        )

    async def metrics(
        self,
        tenant: str,
        post_id: str,
        account_id: str | None = None,
        *,
        since: UtcDatetime | None = None,
        after: Cursor | None = None,
        limit: int,
    ) -> MetricsAnswer:
        """Return up to `limit` of a post's samples."""
        post, as_of = await self._find(tenant, post_id, account_id)
        # One more than asked for shows whether another page follows.
        found = await self.reader.metrics(post, since=since, after=after, limit=limit + 1)
        return MetricsAnswer(
            account_id=post.account_id,
            post_id=post.post_id,
            metrics=found[:limit],
            next=_next(found, limit),
            freshness=_freshness(as_of, self.clock()),
        )

    async def _find(self, tenant: str, post_id: str, account_id: str | None) -> tuple[PostRow, UtcDatetime | None]:
        locator = _only(await self.reader.locate(tenant, post_id, account_id), post_id, account_id)
        # The watermark is read first. Read last, it would promise events that arrived after the post was read.
        as_of = await self.reader.watermark(locator.partition)
        post = await self.reader.post(locator)
        if post is None:
            raise _unknown(post_id, account_id)
        return post, as_of


def add_read_api(app: FastAPI, api: ReadApi, api_keys: ApiKeyAuth) -> None:
    """Add the routes, and the answer while MongoDB is down."""
    app.include_router(_routes(api, api_keys))
    app.exception_handler(StoreUnavailable)(_unavailable)


def _routes(api: ReadApi, api_keys: ApiKeyAuth) -> APIRouter:
    refusals = problems(Code.UNKNOWN_POST, Code.AMBIGUOUS_POST, Code.STORE_UNAVAILABLE)
    router = APIRouter(prefix="/v1/posts", tags=["posts"], responses=refusals, route_class=AuthenticateBeforeBody)
    may_read = Depends(api_keys.require(Scope.ANALYTICS_READ))

    @router.get("/{post_id}")
    async def post(post_id: str, caller: Annotated[Caller, may_read], account_id: AccountId = None) -> PostAnswer:
        """Return everything known about a post: its state, its timeline, its videos and their newest statistics."""
        return await api.post(caller.tenant, post_id, account_id)

    @router.get("/{post_id}/metrics")
    async def metrics(
        post_id: str,
        caller: Annotated[Caller, may_read],
        *,
        account_id: AccountId = None,
        since: Since = None,
        after: After = None,
        limit: Limit = 500,
    ) -> MetricsAnswer:
        """Return a post's statistics over time, oldest first."""
        begin = None if after is None else _cursor(after)
        return await api.metrics(caller.tenant, post_id, account_id, since=since, after=begin, limit=limit)

    return router


async def _unavailable(_request: Request, _error: StoreUnavailable) -> JSONResponse:
    return problem_response(Problem(Code.STORE_UNAVAILABLE))


def _only(found: Sequence[PostLocator], post_id: str, account_id: str | None) -> PostLocator:
    if not found:
        raise _unknown(post_id, account_id)
    # Two accounts of a tenant may use the same post id. Choosing one for the client would be a guess.
    if len(found) > 1:
        raise Problem(
            Code.AMBIGUOUS_POST,
            members={"post_id": post_id, "account_ids": [locator.account_id for locator in found]},
        )
    return found[0]


def _unknown(post_id: str, account_id: str | None) -> Problem:
    return Problem(Code.UNKNOWN_POST, members={"post_id": post_id, "account_id": account_id})


def _cursor(after: str) -> Cursor:
    try:
        return parse_cursor(after)
    except NotACursor as error:
        # Answered like every other parameter that is wrong.
        fault = {"type": "cursor", "loc": ("query", "after"), "msg": str(error), "input": after}
        raise RequestValidationError([fault]) from error


def _next(found: Sequence[MetricSample], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    # The sample behind it only shows that there are more: the next page begins with it.
    last = found[limit - 1]
    return Cursor(at=last.at, id=last.id).text()


def _freshness(as_of: UtcDatetime | None, now: UtcDatetime) -> Freshness:
    return Freshness(as_of=as_of, lag_seconds=None if as_of is None else seconds_between(as_of, now))


def _progress(post: PostRow) -> Progress | None:
    if post.bytes_sent is None or post.bytes_total is None:
        return None
    return Progress(bytes_sent=post.bytes_sent, bytes_total=post.bytes_total)


def _video(video_id: str, sample: MetricSample | None, now: UtcDatetime) -> Video:
    if sample is None:
        return Video(video_id=video_id, share_url=None, latest=None)
    return Video(video_id=video_id, share_url=sample.share_url or None, latest=latest_sample(sample, now))
