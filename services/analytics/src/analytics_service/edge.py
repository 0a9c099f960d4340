"""The read API: parse, ask the store, answer."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query
from fastapi.requests import Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from analytics_service.edge_models import (
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
from analytics_service.errors import StoreUnavailable
from analytics_service.queries import Counted, PostFound, Queries
from common.http_problems import PROBLEM_MEDIA_TYPE, Problem, problem_document
from common.instants import Clock, Instant

MOST_NUMBERS = 1_000
"""Numbers in one answer; more are fetched with `since`."""

AccountId = Annotated[
    str | None, Query(max_length=128, description="Needed where several accounts have a post of this id.")
]
Since = Annotated[AwareDatetime | None, Query(description="Only what was collected at or after this moment.")]
Limit = Annotated[int, Query(ge=1, le=MOST_NUMBERS, description="At most so many.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadApi:
    """Answers from the store."""

    queries: Queries
    clock: Clock

    async def post(self, post_id: str, account_id: AccountId = None) -> PostAnswer:
        """Tell everything known about a post: its state, its timeline, its videos and their newest numbers."""
        post = await self._find(post_id, account_id)
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
            freshness=await self._freshness(post, now),
        )

    async def metrics(
        self, post_id: str, account_id: AccountId = None, since: Since = None, limit: Limit = 500
    ) -> SeriesAnswer:
        """Tell a post's numbers over time, oldest first."""
        post = await self._find(post_id, account_id)
        found = await self.queries.series(post, since=since, limit=limit + 1)
        return SeriesAnswer(
            account_id=post.account_id,
            post_id=post.post_id,
            metrics=[Numbers.model_validate(counted) for counted in found[:limit]],
            more=len(found) > limit,
            freshness=await self._freshness(post, self.clock()),
        )

    async def _find(self, post_id: str, account_id: str | None) -> PostFound:
        found = await self.queries.posts(post_id, account_id)
        if not found:
            raise Problem(
                status=404,
                code="unknown_post",
                detail="Nothing is known of a post of this id. If it was just asked for, look again in a moment.",
                members={"post_id": post_id, "account_id": account_id},
            )
        if len(found) > 1:
            raise Problem(
                status=409,
                code="ambiguous_post",
                detail="Several accounts have a post of this id. Name one as `account_id`.",
                members={"post_id": post_id, "account_ids": [post.account_id for post in found]},
            )
        return found[0]

    async def _freshness(self, post: PostFound, now: Instant) -> Freshness:
        as_of = await self.queries.as_of(post.partition)
        return Freshness(as_of=as_of, lag_seconds=None if as_of is None else seconds_between(as_of, now))


def add_read_api(app: FastAPI, api: ReadApi) -> None:
    """Add the routes, and the answer for when the store is away."""
    router = APIRouter(prefix="/v1/posts", tags=["posts"])
    router.get("/{post_id}")(api.post)
    router.get("/{post_id}/metrics")(api.metrics)
    app.include_router(router)
    app.exception_handler(StoreUnavailable)(_unavailable)


async def _unavailable(_request: Request, _error: StoreUnavailable) -> JSONResponse:
    detail = "The store does not answer. Posting goes on; ask again in a moment."
    document = problem_document(status=503, code="store_unavailable", detail=detail)
    return JSONResponse(document, status_code=503, media_type=PROBLEM_MEDIA_TYPE, headers={"Retry-After": "5"})


def _progress(post: PostFound) -> Progress | None:
    if post.bytes_sent is None or post.bytes_total is None:
        return None
    return Progress(bytes_sent=post.bytes_sent, bytes_total=post.bytes_total)


def _video(video_id: str, counted: Counted | None, now: Instant) -> Video:
    if counted is None:
        return Video(video_id=video_id, share_url=None, latest=None)
    return Video(video_id=video_id, share_url=counted.share_url or None, latest=latest_numbers(counted, now))
