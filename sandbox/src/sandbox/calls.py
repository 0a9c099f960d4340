"""Every API call with a bearer token: token, scope, rate, then what the endpoint itself has to say."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from sandbox import creators, display, oauth, posting, uploads
from sandbox.answers import Answer, done, failed
from sandbox.creators import Creator
from sandbox.oauth import Permission
from sandbox.posting import Publication
from sandbox.rules import Endpoint, Subject
from sandbox.world import World

SCOPES_OF: Final = {
    Endpoint.USER_INFO: ("user.info.basic",),
    Endpoint.CREATOR_INFO: ("video.publish",),
    Endpoint.VIDEO_INIT: ("video.publish",),
    Endpoint.STATUS: ("video.publish", "video.upload"),
    Endpoint.VIDEO_QUERY: ("video.list",),
}


class Call(Struct, frozen=True, kw_only=True):
    """One API call with a bearer token."""

    endpoint: Endpoint
    token: str
    body: bytes = b""
    fields: str = ""

    def __repr__(self) -> str:
        return f"Call({self.endpoint})"


class StatusQuery(Struct, frozen=True, kw_only=True):
    """The body of status/fetch."""

    publish_id: str


def subject_of_call(world: World, call: Call) -> Subject:
    """What rules may look at in an API call."""
    permission = world.grants.access.get(call.token)
    open_id = None if permission is None else permission.open_id
    if call.endpoint is Endpoint.VIDEO_INIT:
        return Subject(open_id=open_id, title=posting.title_of(call.body))
    if call.endpoint is Endpoint.STATUS:
        publication = _asked_publication(world, call.body)
        if publication is not None:
            return Subject(open_id=open_id, title=publication.post_info.title, publish_id=publication.publish_id)
    return Subject(open_id=open_id)


def answer_call(world: World, call: Call, now: float) -> Answer:
    """Answer an API call: token, scope, rate, then what the endpoint itself has to say."""
    permission = oauth.permitted(world.grants, call.token, SCOPES_OF[call.endpoint], now)
    if isinstance(permission, Answer):
        return permission
    if not world.allowance.take(call.endpoint, call.token, now):
        return failed("rate_limit_exceeded")
    return _ENDPOINTS[call.endpoint](world, call, permission, now)


def _posts_today(world: World, open_id: str, now: float) -> int:
    return posting.posts_of_last_day(world.publications, open_id, now)


def _user_info(world: World, call: Call, permission: Permission, now: float) -> Answer:
    creator = world.creators.get(permission.open_id)
    public = [
        each for each in world.publications.values() if each.open_id == creator.open_id and posting.is_public(each, now)
    ]
    return display.user_info(creator, permission.scopes, call.fields, len(public), world.base_url)


def _creator_info(world: World, call: Call, permission: Permission, now: float) -> Answer:  # noqa: ARG001 -- one signature for all
    creator = world.creators.get(permission.open_id)
    return creators.creator_info(creator, _posts_today(world, creator.open_id, now), world.base_url)


def _video_init(world: World, call: Call, permission: Permission, now: float) -> Answer:
    creator = world.creators.get(permission.open_id)
    wanted = posting.read_init(
        call.body,
        creator,
        audited=world.settings.app.audited,
        posts_today=_posts_today(world, creator.open_id, now),
        limits=world.settings.chunk_limits,
    )
    if isinstance(wanted, Answer):
        return wanted
    return _open(world, creator, wanted, now)


def _open(world: World, creator: Creator, wanted: posting.Wanted, now: float) -> Answer:
    publication = Publication(
        publish_id=world.ids.publish_id(),
        post_id=world.ids.post_id(),
        open_id=creator.open_id,
        post_info=wanted.post_info,
        plan=wanted.plan,
        delays=world.settings.delays,
        inited_at=now,
    )
    upload_id, token = world.ids.upload_id(), world.ids.text(40)
    world.publications[publication.publish_id] = publication
    world.uploads[upload_id] = uploads.fresh_upload(
        publish_id=publication.publish_id,
        token=token,
        plan=wanted.plan,
        expires_at=now + world.settings.lifetimes.upload_url,
    )
    url = f"{world.base_url}/upload/video/?upload_id={upload_id}&upload_token={token}"
    return done({"publish_id": publication.publish_id, "upload_url": url})


def _asked_publication(world: World, body: bytes) -> Publication | None:
    try:
        return world.publications.get(msgspec.json.decode(body, type=StatusQuery).publish_id)
    except msgspec.MsgspecError:
        return None


def _status(world: World, call: Call, permission: Permission, now: float) -> Answer:
    publication = _asked_publication(world, call.body)
    if publication is None:
        return failed("invalid_publish_id")
    if publication.open_id != permission.open_id:
        return failed("token_not_authorized_for_specified_publish_id")
    return posting.answer_status(publication, now)


def _video_query(world: World, call: Call, permission: Permission, now: float) -> Answer:
    return display.query_videos(
        world.publications.values(),
        world.creators.get(permission.open_id),
        body=call.body,
        asked=call.fields,
        base_url=world.base_url,
        now=now,
    )


_ENDPOINTS: Final[dict[Endpoint, Callable[[World, Call, Permission, float], Answer]]] = {
    Endpoint.USER_INFO: _user_info,
    Endpoint.CREATOR_INFO: _creator_info,
    Endpoint.VIDEO_INIT: _video_init,
    Endpoint.STATUS: _status,
    Endpoint.VIDEO_QUERY: _video_query,
}
