"""The read API: parse, ask the store, answer."""

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
    Numbers,
    PostAnswer,
    Progress,
    SeriesAnswer,
    TimelineEntry,
    Video,
    latest_numbers,
    seconds_between,
)
from analytics_service.errors import NotACursor, StoreUnavailable
from analytics_service.read_side.cursors import Cursor, parse_cursor
from analytics_service.read_side.queries import Counted, Place, PostFound, Queries
from common.clock import Clock, UtcDatetime
from common.contract.tenant import Scope
from common.http.api_keys import ApiKeyAuth, AuthenticateBeforeBody, Caller
from common.http.errors import Problem, problem_response
from common.http.openapi import problems
from common.http.problems import Code

MOST_NUMBERS = 1_000
"""Numbers in one answer; more are fetched with `after`."""
LONGEST_CURSOR = 1_024
"""One of ours is shorter, however long the ids in it."""

AccountId = Annotated[
    str | None, Query(max_length=128, description="Needed where several accounts have a post of this id.")
]
Since = Annotated[AwareDatetime | None, Query(description="Only what was collected at or after this moment.")]
After = Annotated[
    str | None,
    Query(max_length=LONGEST_CURSOR, description="The `next` of the answer before: only what follows that answer."),
]
Limit = Annotated[int, Query(ge=1, le=MOST_NUMBERS, description="At most so many.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadApi:
    """Answers a tenant from the store. Another tenant's post is as unknown as one that is none."""

    queries: Queries
    clock: Clock

    async def post(self, tenant: str, post_id: str, account_id: str | None = None) -> PostAnswer:
        """Tell everything known about a post."""
        post, as_of = await self._find(tenant, post_id, account_id)
        timeline = await self.queries.timeline(post)
        latest = {counted.video_id: counted for counted in await self.queries.latest(post)}
        now = self.clock()
        return PostAnswer(
            account_id=post.account_id,
            post_id=post.post_id,
            tenant=post.tenant,
            state=post.state,
            since=post.since,
            progress=_progress(post),
            videos=[_video(video_id, latest.get(video_id), now) for video_id in post.video_ids],
            timeline=[TimelineEntry.model_validate(event) for event in timeline],
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
    ) -> SeriesAnswer:
        """Tell up to `limit` of a post's numbers."""
        post, as_of = await self._find(tenant, post_id, account_id)
        found = await self.queries.series(post, since=since, after=after, limit=limit + 1)
        return SeriesAnswer(
            account_id=post.account_id,
            post_id=post.post_id,
            metrics=[Numbers.model_validate(counted) for counted in found[:limit]],
            next=_next(found, limit),
            freshness=_freshness(as_of, self.clock()),
        )

    async def _find(self, tenant: str, post_id: str, account_id: str | None) -> tuple[PostFound, UtcDatetime | None]:
        place = _only(await self.queries.places(tenant, post_id, account_id), post_id, account_id)
        # First how fresh the store is, then what is in it: the other way round, what came between would be claimed.
        as_of = await self.queries.as_of(place.partition)
        post = await self.queries.post(place)
        if post is None:
            raise _unknown(post_id, account_id)
        return post, as_of


def add_read_api(app: FastAPI, api: ReadApi, gate: ApiKeyAuth) -> None:
    """Add the routes, and the answer for when the store is away."""
    app.include_router(_routes(api, gate))
    app.exception_handler(StoreUnavailable)(_unavailable)


def _routes(api: ReadApi, gate: ApiKeyAuth) -> APIRouter:
    refusals = problems(Code.UNKNOWN_POST, Code.AMBIGUOUS_POST, Code.STORE_UNAVAILABLE)
    router = APIRouter(prefix="/v1/posts", tags=["posts"], responses=refusals, route_class=AuthenticateBeforeBody)
    may_read = Depends(gate.require(Scope.ANALYTICS_READ))

    @router.get("/{post_id}")
    async def post(post_id: str, caller: Annotated[Caller, may_read], account_id: AccountId = None) -> PostAnswer:
        """Tell everything known about a post: its state, its timeline, its videos and their newest numbers."""
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
    ) -> SeriesAnswer:
        """Tell a post's numbers over time, oldest first."""
        begin = None if after is None else _cursor(after)
        return await api.metrics(caller.tenant, post_id, account_id, since=since, after=begin, limit=limit)

    return router


async def _unavailable(_request: Request, _error: StoreUnavailable) -> JSONResponse:
    return problem_response(Problem(Code.STORE_UNAVAILABLE))


def _only(found: Sequence[Place], post_id: str, account_id: str | None) -> Place:
    if not found:
        raise _unknown(post_id, account_id)
    if len(found) > 1:
        raise Problem(
            Code.AMBIGUOUS_POST,
            members={"post_id": post_id, "account_ids": [place.account_id for place in found]},
        )
    return found[0]


def _unknown(post_id: str, account_id: str | None) -> Problem:
    return Problem(Code.UNKNOWN_POST, members={"post_id": post_id, "account_id": account_id})


def _cursor(after: str) -> Cursor:
    try:
        return parse_cursor(after)
    except NotACursor as error:
        fault = {"type": "cursor", "loc": ("query", "after"), "msg": str(error), "input": after}
        raise RequestValidationError([fault]) from error


def _next(found: Sequence[Counted], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return Cursor(at=last.at, id=last.id).text()


def _freshness(as_of: UtcDatetime | None, now: UtcDatetime) -> Freshness:
    return Freshness(as_of=as_of, lag_seconds=None if as_of is None else seconds_between(as_of, now))


def _progress(post: PostFound) -> Progress | None:
    if post.bytes_sent is None or post.bytes_total is None:
        return None
    return Progress(bytes_sent=post.bytes_sent, bytes_total=post.bytes_total)


def _video(video_id: str, counted: Counted | None, now: UtcDatetime) -> Video:
    if counted is None:
        return Video(video_id=video_id, share_url=None, latest=None)
    return Video(video_id=video_id, share_url=counted.share_url or None, latest=latest_numbers(counted, now))
