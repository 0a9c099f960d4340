"""What people and TikTok do to a publication: post a draft, take down, show to others, fail, end its upload."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.model import publication_updates, publications
from tiktok_sandbox.model.chunks import expire_uploads
from tiktok_sandbox.model.publications import FAIL_REASONS, UNDER_WAY, Post, Publication, StatusCode
from tiktok_sandbox.model.tables import World

Asked = TypeVar("Asked", bound=Struct)
Act = Callable[[World, Publication, Asked, float], "Publication | str"]

LEVELS: Final = frozenset({publications.PUBLIC, "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"})


class Posting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a creator posts a draft."""

    privacy_level: str = publications.PUBLIC


class Which(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of its posts; the last one if none is named."""

    post_id: str = ""


class Visibility(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may see one of its posts from now on."""

    privacy_level: str
    post_id: str = ""


class Reason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it fails."""

    reason: str = "internal"


def publication_routes(shell: Shell) -> list[Route]:
    """Everything under `/_sandbox/publications/`."""
    return [
        _route(shell, "post", Posting, _post_draft),
        _route(shell, "takedown", Which, _take_down),
        _route(shell, "visibility", Visibility, _show_to),
        _route(shell, "fail", Reason, _fail),
        _route(shell, "expire", Which, _expire),
    ]


def _route(shell: Shell, name: str, asked: type[Asked], act: "Act[Asked]") -> Route:
    async def handle(request: Request) -> Response:
        publication = shell.world.publications.get(request.path_params["publish_id"])
        if publication is None:
            return JSONResponse({"error": "no such publication"}, status_code=404)
        try:
            wish = msgspec.json.decode(await request.body() or b"{}", type=asked)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        now = shell.clock.now()
        outcome = act(shell.world, publication, wish, now)
        if isinstance(outcome, str):
            return JSONResponse({"error": outcome}, status_code=409)
        shell.world.keep(outcome)
        shell.changed()
        return JSONResponse(describe(outcome, now))

    return Route(f"/_sandbox/publications/{{publish_id}}/{name}", handle, methods=["POST"])


def describe(publication: Publication, now: float) -> dict[str, object]:
    """Where it stands, as the admin API shows it."""
    failure = publications.failure_of(publication, now)
    return {
        "publish_id": publication.publish_id,
        "status": publications.status_code(publication, now).value,
        "fail_reason": "" if failure is None else failure.reason,
        "posts": [
            {
                "post_id": str(each.post_id),
                "privacy_level": each.privacy_level,
                "is_public": publications.is_shown(each, now),
            }
            for each in publication.posts
            if each.posted_at <= now
        ],
    }


def _post_draft(world: World, publication: Publication, wish: Posting, now: float) -> Publication | str:
    code = publications.status_code(publication, now)
    if not publication.is_draft or code not in {StatusCode.SEND_TO_USER_INBOX, StatusCode.PUBLISH_COMPLETE}:
        return "only a draft in the inbox can be posted"
    if wish.privacy_level not in LEVELS:
        return "no such privacy level"
    post_id = world.ids.post_id() if publication.posts else publication.post_id
    return publication_updates.posted_by_person(publication, post_id, wish.privacy_level, now)


def _chosen(publication: Publication, post_id: str, now: float) -> Post | None:
    posted = [each for each in publication.posts if each.posted_at <= now and post_id in {"", str(each.post_id)}]
    return posted[-1] if posted else None


def _take_down(world: World, publication: Publication, wish: Which, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    post = _chosen(publication, wish.post_id, now)
    if post is None:
        return "nothing is posted yet"
    return publication_updates.with_changed(publication, publication_updates.taken_down(post, now))


def _show_to(world: World, publication: Publication, wish: Visibility, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    post = _chosen(publication, wish.post_id, now)
    if post is None:
        return "nothing is posted yet"
    if wish.privacy_level not in LEVELS:
        return "no such privacy level"
    changed = publication_updates.shown_to(post, wish.privacy_level, publication.delays, now)
    return publication_updates.with_changed(publication, changed)


def _fail(world: World, publication: Publication, wish: Reason, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    if publications.status_code(publication, now) not in UNDER_WAY | {StatusCode.SEND_TO_USER_INBOX}:
        return "it has ended already"
    if wish.reason not in FAIL_REASONS:
        return "no such reason"
    return publication_updates.failed_with(publication, wish.reason, now)


def _expire(world: World, publication: Publication, wish: Which, now: float) -> Publication | str:  # noqa: ARG001 -- one signature for all
    if not expire_uploads(world, publication.publish_id, now):
        return "it has no upload url"
    return publication if publication.arrival else msgspec.structs.replace(publication, deadline=now)
