"""Does to a publication what its creator or TikTok would do.

A creator posts a draft or changes who sees a post. TikTok removes a post, fails a publication, or lets its upload
URL expire.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model import publication_updates, publications
from tiktok_sandbox.model.chunks import expire_uploads
from tiktok_sandbox.model.publications import FAIL_REASONS, TRANSFERRING, Post, Publication, PublishStatus
from tiktok_sandbox.model.tables import Tables

Body = TypeVar("Body", bound=Struct)
Act = Callable[[Tables, Publication, Body, float], "Publication | str"]

PRIVACY_LEVELS: Final = frozenset({publications.PUBLIC, "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"})


class DraftPost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a creator posts a draft."""

    privacy_level: str = publications.PUBLIC


class PostChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the publication's posts; the last one by default."""

    post_id: str = ""


class PrivacyChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new privacy level of one of the publication's posts."""

    privacy_level: str
    post_id: str = ""


class FailureReason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason with which the publication fails."""

    reason: str = "internal"


def publication_routes(context: AppContext) -> list[Route]:
    """Return the routes under `/_sandbox/publications/`."""
    return [
        _route(context, "post", DraftPost, _post_draft),
        _route(context, "takedown", PostChoice, _take_down),
        _route(context, "visibility", PrivacyChange, _change_privacy),
        _route(context, "fail", FailureReason, _fail),
        _route(context, "expire", PostChoice, _expire),
    ]


def _route(context: AppContext, name: str, body_type: type[Body], act: "Act[Body]") -> Route:
    """Return the route of one change.

    The change returns a publication, or why it is refused.
    """

    async def handle(request: Request) -> Response:
        publication = context.tables.publications.get(request.path_params["publish_id"])
        if publication is None:
            return JSONResponse(
                {"error": f"There is no such publication: {request.path_params['publish_id']}."}, status_code=404
            )
        try:
            body = msgspec.json.decode(await request.body() or b"{}", type=body_type)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        now = context.clock.now()
        outcome = act(context.tables, publication, body, now)
        if isinstance(outcome, str):
            return JSONResponse({"error": outcome}, status_code=409)
        context.tables.save_publication(outcome)
        context.notify_change()
        return JSONResponse(describe(outcome, now))

    return Route(f"/_sandbox/publications/{{publish_id}}/{name}", handle, methods=["POST"])


def describe(publication: Publication, now: float) -> dict[str, object]:
    """Return the publication as the admin API shows it."""
    failure = publications.failure_of(publication, now)
    return {
        "publish_id": publication.publish_id,
        "status": publications.publish_status(publication, now).value,
        "fail_reason": "" if failure is None else failure.reason,
        "posts": [
            {
                "post_id": str(each.post_id),
                "privacy_level": each.privacy_level,
                "is_public": publications.is_public(each, now),
            }
            for each in publication.posts
            if each.posted_at <= now
        ],
    }


def _post_draft(tables: Tables, publication: Publication, body: DraftPost, now: float) -> Publication | str:
    """Post a draft that is in the inbox; the same draft may be posted again."""
    code = publications.publish_status(publication, now)
    if not publication.is_draft or code not in {PublishStatus.SEND_TO_USER_INBOX, PublishStatus.PUBLISH_COMPLETE}:
        return "The publication is not a draft in the inbox. Only those can be posted."
    if body.privacy_level not in PRIVACY_LEVELS:
        return f"There is no such privacy level: {body.privacy_level}."
    # The first post has the id that the publication was created with.
    post_id = tables.ids.post_id() if publication.posts else publication.post_id
    return publication_updates.with_draft_posted(publication, post_id, body.privacy_level, now)


def _chosen_post(publication: Publication, post_id: str, now: float) -> Post | None:
    posted = [each for each in publication.posts if each.posted_at <= now and post_id in {"", str(each.post_id)}]
    return posted[-1] if posted else None


def _take_down(tables: Tables, publication: Publication, body: PostChoice, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    post = _chosen_post(publication, body.post_id, now)
    if post is None:
        return "The publication has no such post yet."
    return publication_updates.with_post(publication, publication_updates.taken_down(post, now))


def _change_privacy(tables: Tables, publication: Publication, body: PrivacyChange, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    post = _chosen_post(publication, body.post_id, now)
    if post is None:
        return "The publication has no such post yet."
    if body.privacy_level not in PRIVACY_LEVELS:
        return f"There is no such privacy level: {body.privacy_level}."
    changed = publication_updates.with_privacy_level(post, body.privacy_level, publication.delays, now)
    return publication_updates.with_post(publication, changed)


def _fail(tables: Tables, publication: Publication, body: FailureReason, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    """Fail a transfer that runs, or a draft that waits."""
    if publications.publish_status(publication, now) not in TRANSFERRING | {PublishStatus.SEND_TO_USER_INBOX}:
        return "The publication has ended already and cannot fail."
    if body.reason not in FAIL_REASONS:
        return f"There is no such fail reason: {body.reason}."
    return publication_updates.with_failure(publication, body.reason, now)


def _expire(tables: Tables, publication: Publication, body: PostChoice, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    if not expire_uploads(tables, publication.publish_id, now):
        return "The publication has no upload URL."
    # Also ends an unfinished upload, if the settings say that abandoned uploads fail.
    return publication if publication.processing else msgspec.structs.replace(publication, deadline=now)
