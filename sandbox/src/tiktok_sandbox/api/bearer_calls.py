"""Answers API calls with a bearer token: checks token, scope and rate first."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, structs

from tiktok_sandbox.api import content_posting, display, init_requests, oauth
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model.answers import Answer, error
from tiktok_sandbox.model.grants import Permission
from tiktok_sandbox.model.publications import Mode
from tiktok_sandbox.model.tables import Tables

SCOPES_BY_ENDPOINT: Final = {
    Endpoint.USER_INFO: ("user.info.basic", "user.info.profile", "user.info.stats"),
    Endpoint.CREATOR_INFO: ("video.publish",),
    Endpoint.VIDEO_INIT: ("video.publish",),
    Endpoint.INBOX_INIT: ("video.upload",),
    Endpoint.CONTENT_INIT: ("video.publish", "video.upload"),
    Endpoint.STATUS: ("video.publish", "video.upload"),
    Endpoint.CANCEL: ("video.publish", "video.upload"),
    Endpoint.VIDEO_LIST: ("video.list",),
    Endpoint.VIDEO_QUERY: ("video.list",),
}

_INITS: Final = frozenset({Endpoint.VIDEO_INIT, Endpoint.INBOX_INIT, Endpoint.CONTENT_INIT})
_SCOPES_BY_MODE: Final = {Mode.DIRECT_POST: ("video.publish",), Mode.MEDIA_UPLOAD: ("video.upload",)}


class BearerCall(Struct, frozen=True, kw_only=True):
    """One API call with a bearer token."""

    endpoint: Endpoint
    token: str
    body: bytes = b""
    fields: str = ""

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Call({self.endpoint})"


def subject_of_call(tables: Tables, call: BearerCall) -> Subject:
    """Return what rules can filter by in an API call."""
    permission = tables.grants.access.get(call.token)
    subject = Subject() if permission is None else Subject(open_id=permission.open_id, client_key=permission.client_key)
    if call.endpoint in _INITS:
        return structs.replace(subject, title=init_requests.preview_init(call.body).title)
    # These name a publication, so that a rule can wait for one post among many.
    if call.endpoint in {Endpoint.STATUS, Endpoint.CANCEL}:
        publication = content_posting.find_publication(tables, call.body)
        if publication is not None:
            return structs.replace(subject, title=publication.post_info.title, publish_id=publication.publish_id)
    return subject


def answer_call(tables: Tables, call: BearerCall, now: float) -> Answer:
    """Answer an API call.

    A call that is refused for its token or scope does not count against the rate limit.
    """
    permission = oauth.authorize_bearer(tables.grants, call.token, _scopes_for(call), now)
    if isinstance(permission, Answer):
        return permission
    # Only calls that reach this point count: a refused token uses up no limit.
    if not tables.rate_limits.try_take(call.endpoint, call.token, now):
        return error("rate_limit_exceeded")
    return _ENDPOINTS[call.endpoint](tables, call, permission, now)


def _scopes_for(call: BearerCall) -> tuple[str, ...]:
    """Return the scopes of which the call needs one.

    For photos they depend on the mode in the body.
    """
    scopes = SCOPES_BY_ENDPOINT[call.endpoint]
    if call.endpoint is not Endpoint.CONTENT_INIT:
        return scopes
    mode = init_requests.preview_init(call.body).post_mode
    # An unknown mode passes here: it is refused with the rest of the body.
    return _SCOPES_BY_MODE[Mode(mode)] if mode in set(Mode) else scopes


def _user_info(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:
    creator = tables.creators.get(permission.open_id)
    return display.user_info(
        tables.publications_of(creator.profile.username),
        creator,
        scopes=permission.scopes,
        requested_fields=call.fields,
        base_url=tables.base_url,
        now=now,
    )


def _creator_info(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:  # noqa: ARG001 -- one signature for all
    return content_posting.creator_info(tables, permission, now)


def _init(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:
    return content_posting.init(tables, call.endpoint, call.body, permission, now)


def _status(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:
    return content_posting.status(tables, call.body, permission, now)


def _cancel(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:
    return content_posting.cancel(tables, call.body, permission, now)


def _video_list(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:
    creator = tables.creators.get(permission.open_id)
    return display.list_videos(
        tables.publications_of(creator.profile.username),
        creator,
        body=call.body,
        requested_fields=call.fields,
        base_url=tables.base_url,
        now=now,
    )


def _video_query(tables: Tables, call: BearerCall, permission: Permission, now: float) -> Answer:
    creator = tables.creators.get(permission.open_id)
    return display.query_videos(
        tables.publications_of(creator.profile.username),
        creator,
        body=call.body,
        requested_fields=call.fields,
        base_url=tables.base_url,
        now=now,
    )


_ENDPOINTS: Final[dict[Endpoint, Callable[[Tables, BearerCall, Permission, float], Answer]]] = {
    Endpoint.USER_INFO: _user_info,
    Endpoint.CREATOR_INFO: _creator_info,
    Endpoint.VIDEO_INIT: _init,
    Endpoint.INBOX_INIT: _init,
    Endpoint.CONTENT_INIT: _init,
    Endpoint.STATUS: _status,
    Endpoint.CANCEL: _cancel,
    Endpoint.VIDEO_LIST: _video_list,
    Endpoint.VIDEO_QUERY: _video_query,
}
