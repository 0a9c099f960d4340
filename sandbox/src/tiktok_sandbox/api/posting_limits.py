"""Who may post now: bans, daily caps, active creators, drafts, audits."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from tiktok_sandbox.api.init_requests import InitRequest
from tiktok_sandbox.model import publications
from tiktok_sandbox.model.creators import Creator
from tiktok_sandbox.model.publications import DAY_SECONDS, Medium, Publication, PublishStatus, publish_status
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import Tables

UNAUDITED_ACTIVE_CREATORS: Final = 5
MAX_PENDING_SHARES: Final = 5
MIN_PHOTO_APP_VERSION: Final = (31, 8)


def direct_post_block_code(tables: Tables, app: App, creator: Creator, now: float) -> str:
    """Return the code that keeps this creator from posting directly through this app.

    Empty if nothing does.
    """
    profile = creator.profile
    blocked = publications.creator_block_code(profile, tables.publications_of(profile.username), now)
    if blocked:
        return blocked
    return "" if _may_be_active(tables, app, profile.username, now) else "reached_active_user_cap"


def _may_be_active(tables: Tables, app: App, username: str, now: float) -> bool:
    """Return whether this creator may be active through the app today."""
    cap = app.active_creator_cap or (0 if app.audited else UNAUDITED_ACTIVE_CREATORS)
    if not cap:
        return True
    active = {
        each.username
        for each in _of_last_day(tables, now)
        if each.client_key == app.client_key and not each.is_draft and each.failure is None
    }
    # A creator who is active already does not count twice.
    return username in active or len(active) < cap


def _of_last_day(tables: Tables, now: float) -> Iterator[Publication]:
    # Publications are ordered by their init, so the search can stop at the first older one.
    return takewhile(lambda each: each.inited_at > now - DAY_SECONDS, reversed(tables.publications.values()))


def init_refusal_code(tables: Tables, app: App, creator: Creator, request: InitRequest, now: float) -> str:
    """Return the code with which a valid init is refused; empty if it is accepted."""
    if request.is_draft:
        return _draft_refusal_code(tables, creator, request, now)
    blocked = direct_post_block_code(tables, app, creator, now)
    if blocked:
        return blocked
    # An app without audit may only post privately, to accounts that are private themselves.
    level, profile = request.post_info.privacy_level, creator.profile
    if not app.audited and not (profile.private_account and level == "SELF_ONLY"):
        return "unaudited_client_can_only_post_to_private_accounts"
    return "" if level in creator.privacy_levels else "privacy_level_option_mismatch"


def _draft_refusal_code(tables: Tables, creator: Creator, request: InitRequest, now: float) -> str:
    """Return the code with which a draft is refused; empty if it is accepted."""
    profile = creator.profile
    if request.medium is Medium.PHOTO and _version(profile.app_version) < MIN_PHOTO_APP_VERSION:
        return "app_version_check_failed"
    if profile.banned:
        return "spam_risk_user_banned_from_posting"
    waiting = sum(_is_waiting(each, now) for each in tables.publications_of(profile.username))
    return "spam_risk_too_many_pending_share" if waiting >= MAX_PENDING_SHARES else ""


def _is_waiting(publication: Publication, now: float) -> bool:
    """Return whether this is a recent draft that neither failed nor was posted."""
    ended = {PublishStatus.FAILED, PublishStatus.PUBLISH_COMPLETE}
    is_recent = publication.inited_at > now - DAY_SECONDS
    return publication.is_draft and is_recent and publish_status(publication, now) not in ended


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
