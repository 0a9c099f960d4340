"""The Content Posting API: creator_info, the three inits, status and cancel."""

from typing import Final

import msgspec
from msgspec import Struct, structs

from tiktok_sandbox.api import posting_limits
from tiktok_sandbox.api.init_requests import InitRequest, is_verified_url, read_init
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model import creators, publication_updates, publications, uploads
from tiktok_sandbox.model.answers import Answer, error, success
from tiktok_sandbox.model.creators import Creator
from tiktok_sandbox.model.grants import Permission
from tiktok_sandbox.model.issued_secrets import SecretKind
from tiktok_sandbox.model.publications import PULL_FAILED, PostInfo, Publication, PublishStatus, Source
from tiktok_sandbox.model.settings import AbandonedUpload, App, Settings
from tiktok_sandbox.model.tables import Tables

ABANDONED_REASON: Final = "internal"


class PublishIdBody(Struct, frozen=True, kw_only=True):
    """The body of status/fetch and of cancel."""

    publish_id: str


def creator_info(tables: Tables, permission: Permission, now: float) -> Answer:
    """Answer creator_info.

    A blocked creator is an error within HTTP 200, as at TikTok.
    """
    creator = tables.creators.get(permission.open_id)
    blocked = posting_limits.direct_post_block_code(tables, _app(tables, permission), creator, now)
    return error(blocked, status=200) if blocked else creators.creator_info_answer(creator, tables.base_url)


def _app(tables: Tables, permission: Permission) -> App:
    return tables.apps.rows[permission.client_key]


def init(tables: Tables, endpoint: Endpoint, body: bytes, permission: Permission, now: float) -> Answer:
    """Answer any of the three inits.

    Checks the body, whether the app has verified its URLs, and whether this creator may post now.
    """
    settings = tables.settings
    request = read_init(endpoint, body, settings.chunk_limits, allow_http=settings.pulls.allow_http)
    if isinstance(request, Answer):
        return request
    app, creator = _app(tables, permission), tables.creators.get(permission.open_id)
    if not all(is_verified_url(app.verified_urls, url) for url in request.urls):
        return error("url_ownership_unverified")
    # Last: a client learns the errors of its own request before those of the creator.
    refused = posting_limits.init_refusal_code(tables, app, creator, request, now)
    return error(refused) if refused else _create_publication(tables, app, creator, request, now)


def _create_publication(tables: Tables, app: App, creator: Creator, request: InitRequest, now: float) -> Answer:
    """Store a new publication; for an upload, also create its URL."""
    publication = _publication(tables, app, creator, request, now)
    tables.save_publication(publication)
    data: dict[str, object] = {"publish_id": publication.publish_id}
    if request.source is Source.FILE_UPLOAD:
        data["upload_url"] = _new_upload_url(tables, publication, now)
    return success(data)


def _publication(tables: Tables, app: App, creator: Creator, request: InitRequest, now: float) -> Publication:
    seconds, reason = _transfer_limit(tables.settings, request)
    return Publication(
        publish_id=tables.ids.publish_id(request.medium, request.mode, request.source),
        post_id=tables.ids.post_id(),
        open_id=creator.open_id,
        client_key=app.client_key,
        username=creator.profile.username,
        medium=request.medium,
        mode=request.mode,
        source=request.source,
        urls=request.urls,
        cover_index=request.cover_index,
        post_info=_limited_by_account(request.post_info, creator),
        plan=request.plan,
        delays=tables.settings.delays,
        inited_at=now,
        deadline=now + seconds,
        abandoned_reason=reason,
    )


def _transfer_limit(settings: Settings, request: InitRequest) -> tuple[float, str]:
    """Return the seconds a transfer may take, and its fail reason after that."""
    if request.source is Source.PULL_FROM_URL:
        return settings.pulls.timeout, PULL_FAILED[request.medium]
    # TikTok documents neither behaviour; the setting chooses.
    gives_up = settings.abandoned is AbandonedUpload.FAILED
    return settings.lifetimes.upload_url, ABANDONED_REASON if gives_up else ""


def _limited_by_account(info: PostInfo, creator: Creator) -> PostInfo:
    """Return the post's switches; what the account forbids stays forbidden."""
    profile = creator.profile
    return structs.replace(
        info,
        disable_comment=info.disable_comment or profile.comment_disabled,
        disable_duet=info.disable_duet or profile.private_account or profile.duet_disabled,
        disable_stitch=info.disable_stitch or profile.private_account or profile.stitch_disabled,
    )


def _new_upload_url(tables: Tables, publication: Publication, now: float) -> str:
    """Create an upload and return its URL, whose token is a secret."""
    secrets, open_id = tables.grants.secrets, publication.open_id
    upload_id, token = tables.ids.upload_id(), secrets.record(SecretKind.UPLOAD_TOKEN, tables.ids.text(40), open_id)
    tables.uploads[upload_id] = uploads.new_upload(
        publish_id=publication.publish_id,
        token=token,
        plan=publication.plan,
        expires_at=now + tables.settings.lifetimes.upload_url,
    )
    url = f"{tables.base_url}/upload/video/?upload_id={upload_id}&upload_token={token}"
    # Recorded as well as its token: tests search logs for either.
    return secrets.record(SecretKind.UPLOAD_URL, url, open_id)


def find_publication(tables: Tables, body: bytes) -> Publication | None:
    """Return the publication that a body names, or None.

    It does not check the owner: rules use it to filter calls before any check.
    """
    try:
        return tables.publications.get(msgspec.json.decode(body, type=PublishIdBody).publish_id)
    except msgspec.MsgspecError:
        return None


def _own_publication(tables: Tables, body: bytes, permission: Permission) -> Publication | Answer:
    """Return the publication a body names, or the refusal if another owns it."""
    publication = find_publication(tables, body)
    if publication is None:
        return error("invalid_publish_id")
    # An open id is one person in one app, so this refuses other apps as well.
    if publication.open_id != permission.open_id:
        return error("token_not_authorized_for_specified_publish_id")
    return publication


def status(tables: Tables, body: bytes, permission: Permission, now: float) -> Answer:
    """Answer status/fetch. The misspelt key and the ids as JSON numbers are TikTok's."""
    publication = _own_publication(tables, body, permission)
    if isinstance(publication, Answer):
        return publication
    counted = "uploaded_bytes" if publication.source is Source.FILE_UPLOAD else "downloaded_bytes"
    data: dict[str, object] = {
        "status": publications.publish_status(publication, now).value,
        counted: publication.uploaded_bytes,
    }
    failure, shown = publications.failure_of(publication, now), publications.public_posts(publication, now)
    if failure is not None:
        data["fail_reason"] = failure.reason
    # No key at all before a post is public, so a client must not rely on it.
    if shown:
        data["publicaly_available_post_id"] = [each.post_id for each in shown]
    return success(data)


def cancel(tables: Tables, body: bytes, permission: Permission, now: float) -> Answer:
    """Answer cancel: stop a running download. The answer has no `data`, as TikTok's."""
    publication = _own_publication(tables, body, permission)
    if isinstance(publication, Answer):
        return publication
    if publications.publish_status(publication, now) is not PublishStatus.PROCESSING_DOWNLOAD:
        return error("publish_not_cancellable")
    tables.save_publication(publication_updates.with_failure(publication, "publish_cancelled", now))
    return Answer(body={"error": {"code": "ok", "message": ""}})
