"""Who may post now: bans, the creator's day, the app's active creators, waiting drafts, and apps nobody audited."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from tiktok_sandbox.api.init_requests import Wanted
from tiktok_sandbox.model import publications
from tiktok_sandbox.model.creators import Creator
from tiktok_sandbox.model.publications import DAY_SECONDS, Medium, Publication, StatusCode, status_code
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import World

UNAUDITED_ACTIVE_CREATORS: Final = 5
MOST_PENDING_SHARES: Final = 5
OLDEST_PHOTO_APP: Final = (31, 8)


def why_blocked(world: World, app: App, creator: Creator, now: float) -> str:
    """The code that keeps this creator from posting directly through this app now; empty when nothing does."""
    profile = creator.profile
    blocked = publications.why_blocked(profile, world.of_person(profile.username), now)
    if blocked:
        return blocked
    return "" if _may_be_active(world, app, profile.username, now) else "reached_active_user_cap"


def _may_be_active(world: World, app: App, username: str, now: float) -> bool:
    cap = app.active_creator_cap or (0 if app.audited else UNAUDITED_ACTIVE_CREATORS)
    if not cap:
        return True
    active = {
        each.username
        for each in _of_last_day(world, now)
        if each.client_key == app.client_key and not each.is_draft and each.failure is None
    }
    return username in active or len(active) < cap


def _of_last_day(world: World, now: float) -> Iterator[Publication]:
    return takewhile(lambda each: each.inited_at > now - DAY_SECONDS, reversed(world.publications.values()))


def why_refused(world: World, app: App, creator: Creator, wanted: Wanted, now: float) -> str:
    """The code an init in order is refused with; empty when it may go on."""
    if wanted.is_draft:
        return _why_draft_refused(world, creator, wanted, now)
    blocked = why_blocked(world, app, creator, now)
    if blocked:
        return blocked
    level, profile = wanted.post_info.privacy_level, creator.profile
    if not app.audited and not (profile.private_account and level == "SELF_ONLY"):
        return "unaudited_client_can_only_post_to_private_accounts"
    return "" if level in creator.privacy_levels else "privacy_level_option_mismatch"


def _why_draft_refused(world: World, creator: Creator, wanted: Wanted, now: float) -> str:
    profile = creator.profile
    if wanted.medium is Medium.PHOTO and _version(profile.app_version) < OLDEST_PHOTO_APP:
        return "app_version_check_failed"
    if profile.banned:
        return "spam_risk_user_banned_from_posting"
    waiting = sum(_is_waiting(each, now) for each in world.of_person(profile.username))
    return "spam_risk_too_many_pending_share" if waiting >= MOST_PENDING_SHARES else ""


def _is_waiting(publication: Publication, now: float) -> bool:
    """A draft of the last day that neither failed nor was posted."""
    ended = {StatusCode.FAILED, StatusCode.PUBLISH_COMPLETE}
    is_recent = publication.inited_at > now - DAY_SECONDS
    return publication.is_draft and is_recent and status_code(publication, now) not in ended


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
