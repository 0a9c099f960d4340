"""Serves the avatar, cover, profile and post URLs of API answers.

Clients may follow every link that an answer contains.
"""

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model.creators import Creator
from tiktok_sandbox.model.publications import Post, Publication, public_posts
from tiktok_sandbox.model.video_stats import video_stats

# Names and captions come from API calls. A page must not run them, even if one was not escaped.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PICTURE: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 width="{width}" height="{height}"><rect width="100%" height="100%" fill="hsl({hue} 45% 40%)"/>
<text x="50%" y="50%" fill="#fff" font-family="sans-serif" font-size="{size}" text-anchor="middle"
 dominant-baseline="central">{text}</text></svg>"""
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 30rem; padding: 1rem; }}
img, video {{ max-width: 100%; max-height: 70vh; display: block; overflow-wrap: anywhere; }}
</style></head><body>{content}</body></html>"""


def public_page_routes(context: AppContext) -> list[Route]:
    """Return the routes of pictures and pages."""
    return [
        Route("/avatar/{username}.svg", _avatar(context)),
        Route("/cover/{post_id}.svg", _cover(context)),
        Route("/embed/{post_id}", _post_page(context)),
        Route("/@{username}", _profile_page(context)),
        Route("/@{username}/video/{post_id}", _post_page(context)),
    ]


def _not_found() -> Response:
    return PlainTextResponse("There is nothing at this address.", status_code=404, headers=_HEADERS)


def _picture(text: str, *, width: int, height: int, hue: int) -> Response:
    drawn = _PICTURE.format(width=width, height=height, hue=hue % 360, size=width // 2, text=escape(text))
    return Response(drawn, media_type="image/svg+xml", headers=_HEADERS)


def _page(title: str, content: str) -> Response:
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), headers=_HEADERS)


def _creator(context: AppContext, username: str) -> Creator | None:
    return context.tables.creators.get_or_create(username) if username in context.tables.creators.rows else None


def _avatar(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        creator = _creator(context, request.path_params["username"])
        if creator is None:
            return _not_found()
        hue = sum(creator.profile.username.encode()) * 37
        return _picture(creator.nickname[:1].upper(), width=100, height=100, hue=hue)

    return handle


def _public_post(context: AppContext, post_id: str) -> tuple[Publication, Post] | None:
    """Return the public post with this id, or None."""
    now = context.clock.now()
    for publication in context.tables.publications.values():
        for post in publication.posts:
            if str(post.post_id) == post_id:
                return (publication, post) if post in public_posts(publication, now) else None
    return None


def _cover(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        found = _public_post(context, request.path_params["post_id"])
        if found is None:
            return _not_found()
        return _picture("\N{BLACK RIGHT-POINTING TRIANGLE}", width=360, height=640, hue=found[1].post_id)

    return handle


def _post_page(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        found = _public_post(context, request.path_params["post_id"])
        if found is None:
            return _not_found()
        publication, post = found
        views = video_stats(post, context.clock.now())["view_count"]
        media = f"/_sandbox/posts/{post.post_id}/media"
        return _page(
            publication.post_info.title,
            f'<video controls src="{media}" poster="/cover/{post.post_id}.svg"></video>'
            f"<h1>{escape(publication.post_info.title)}</h1>"
            f"<p>{escape(publication.username)}, {views} views</p>",
        )

    return handle


def _profile_page(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        creator = _creator(context, request.path_params["username"])
        if creator is None:
            return _not_found()
        avatar = f"/avatar/{request.url.path.removeprefix('/@')}.svg"
        return _page(
            creator.nickname,
            f'<img src="{escape(avatar)}" alt=""><h1>{escape(creator.nickname)}</h1>'
            f"<p>{escape(creator.profile.bio_description)}</p>",
        )

    return handle
