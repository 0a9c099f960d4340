"""The Content Posting endpoints: creator_info, the three inits, status and cancel."""

from typing import Final

import msgspec
from msgspec import Struct, structs

from tiktok_sandbox.api import posting_limits
from tiktok_sandbox.api.init_requests import Wanted, owns, read_init
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model import creators, publication_updates, publications, uploads
from tiktok_sandbox.model.answers import Answer, done, failed
from tiktok_sandbox.model.creators import Creator
from tiktok_sandbox.model.grants import Permission
from tiktok_sandbox.model.issued_secrets import Kind
from tiktok_sandbox.model.publications import PULL_FAILED, PostInfo, Publication, Source, StatusCode
from tiktok_sandbox.model.settings import Abandoned, App, Settings
from tiktok_sandbox.model.tables import World

ABANDONED_REASON: Final = "internal"


class Named(Struct, frozen=True, kw_only=True):
    """The body of status/fetch and of cancel."""

    publish_id: str


def creator_info(world: World, permission: Permission, now: float) -> Answer:
    """What a posting page must show. A blocked creator is told inside HTTP 200, on purpose."""
    creator = world.creators.get(permission.open_id)
    blocked = posting_limits.why_blocked(world, _app(world, permission), creator, now)
    return failed(blocked, status=200) if blocked else creators.creator_info(creator, world.base_url)


def _app(world: World, permission: Permission) -> App:
    return world.apps.rows[permission.client_key]


def init(world: World, endpoint: Endpoint, body: bytes, permission: Permission, now: float) -> Answer:
    """Any of the three inits: the body, whose addresses it names, and whether this creator may post now."""
    settings = world.settings
    wanted = read_init(endpoint, body, settings.chunk_limits, allow_http=settings.pulls.allow_http)
    if isinstance(wanted, Answer):
        return wanted
    app, creator = _app(world, permission), world.creators.get(permission.open_id)
    if not all(owns(app.verified_urls, url) for url in wanted.urls):
        return failed("url_ownership_unverified")
    refused = posting_limits.why_refused(world, app, creator, wanted, now)
    return failed(refused) if refused else _open(world, app, creator, wanted, now)


def _open(world: World, app: App, creator: Creator, wanted: Wanted, now: float) -> Answer:
    publication = _publication(world, app, creator, wanted, now)
    world.keep(publication)
    data: dict[str, object] = {"publish_id": publication.publish_id}
    if wanted.source is Source.FILE_UPLOAD:
        data["upload_url"] = _upload_url(world, publication, now)
    return done(data)


def _publication(world: World, app: App, creator: Creator, wanted: Wanted, now: float) -> Publication:
    seconds, reason = _patience(world.settings, wanted)
    return Publication(
        publish_id=world.ids.publish_id(wanted.medium, wanted.mode, wanted.source),
        post_id=world.ids.post_id(),
        open_id=creator.open_id,
        client_key=app.client_key,
        username=creator.profile.username,
        medium=wanted.medium,
        mode=wanted.mode,
        source=wanted.source,
        urls=wanted.urls,
        cover_index=wanted.cover_index,
        post_info=_as_the_account_allows(wanted.post_info, creator),
        plan=wanted.plan,
        delays=world.settings.delays,
        inited_at=now,
        deadline=now + seconds,
        abandoned_reason=reason,
    )


def _patience(settings: Settings, wanted: Wanted) -> tuple[float, str]:
    """How long a transfer may take, and what it fails with then."""
    if wanted.source is Source.PULL_FROM_URL:
        return settings.pulls.timeout, PULL_FAILED[wanted.medium]
    gives_up = settings.abandoned is Abandoned.FAILED
    return settings.lifetimes.upload_url, ABANDONED_REASON if gives_up else ""


def _as_the_account_allows(info: PostInfo, creator: Creator) -> PostInfo:
    """What the account forbids stays forbidden, whatever a post asks for."""
    profile = creator.profile
    return structs.replace(
        info,
        disable_comment=info.disable_comment or profile.comment_disabled,
        disable_duet=info.disable_duet or profile.private_account or profile.duet_disabled,
        disable_stitch=info.disable_stitch or profile.private_account or profile.stitch_disabled,
    )


def _upload_url(world: World, publication: Publication, now: float) -> str:
    secrets, open_id = world.grants.secrets, publication.open_id
    upload_id, token = world.ids.upload_id(), secrets.note(Kind.UPLOAD_TOKEN, world.ids.text(40), open_id)
    world.uploads[upload_id] = uploads.fresh_upload(
        publish_id=publication.publish_id,
        token=token,
        plan=publication.plan,
        expires_at=now + world.settings.lifetimes.upload_url,
    )
    url = f"{world.base_url}/upload/video/?upload_id={upload_id}&upload_token={token}"
    return secrets.note(Kind.UPLOAD_URL, url, open_id)


def named_in(world: World, body: bytes) -> Publication | None:
    """The publication a body names, if there is one."""
    try:
        return world.publications.get(msgspec.json.decode(body, type=Named).publish_id)
    except msgspec.MsgspecError:
        return None


def _own(world: World, body: bytes, permission: Permission) -> Publication | Answer:
    publication = named_in(world, body)
    if publication is None:
        return failed("invalid_publish_id")
    if publication.open_id != permission.open_id:
        return failed("token_not_authorized_for_specified_publish_id")
    return publication


def status(world: World, body: bytes, permission: Permission, now: float) -> Answer:
    """What status/fetch tells; the misspelt key and ids as JSON numbers are TikTok's."""
    publication = _own(world, body, permission)
    if isinstance(publication, Answer):
        return publication
    counted = "uploaded_bytes" if publication.source is Source.FILE_UPLOAD else "downloaded_bytes"
    data: dict[str, object] = {
        "status": publications.status_code(publication, now).value,
        counted: publication.uploaded_bytes,
    }
    failure, shown = publications.failure_of(publication, now), publications.shown_posts(publication, now)
    if failure is not None:
        data["fail_reason"] = failure.reason
    if shown:
        data["publicaly_available_post_id"] = [each.post_id for each in shown]
    return done(data)


def cancel(world: World, body: bytes, permission: Permission, now: float) -> Answer:
    """Stop a download that is under way; the answer has no `data`."""
    publication = _own(world, body, permission)
    if isinstance(publication, Answer):
        return publication
    if publications.status_code(publication, now) is not StatusCode.PROCESSING_DOWNLOAD:
        return failed("publish_not_cancellable")
    world.keep(publication_updates.failed_with(publication, "publish_cancelled", now))
    return Answer(body={"error": {"code": "ok", "message": ""}})
