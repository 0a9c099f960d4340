"""How a permission ends: the tokens die at once, what is under way fails, and the app is told."""

from enum import IntEnum
from typing import Final

from tiktok_sandbox.model import publication_updates, publications
from tiktok_sandbox.model.grants import disconnect
from tiktok_sandbox.model.pending_webhooks import Notice
from tiktok_sandbox.model.publications import UNDER_WAY
from tiktok_sandbox.model.tables import World

REMOVED: Final = "authorization.removed"


class Removal(IntEnum):
    """Why a permission ended, as TikTok counts it."""

    UNKNOWN = 0
    DISCONNECTED = 1
    ACCOUNT_DELETED = 2
    AGE_CHANGED = 3
    ACCOUNT_BANNED = 4
    REVOKED = 5


def end(world: World, open_id: str, removal: Removal, now: float) -> None:
    """One app's permission to act for one person is over; nothing happens if there was none."""
    client_key = disconnect(world.grants, open_id)
    lose_permission(world, open_id, now)
    if not client_key:
        return
    world.notices.plan(
        Notice(due_at=now, client_key=client_key, event=REMOVED, open_id=open_id, content={"reason": int(removal)})
    )


def lose_permission(world: World, open_id: str, now: float) -> None:
    """A person or TikTok took an app's permission back: what is under way fails."""
    creator = world.creators.of(open_id)
    found = [] if creator is None else world.of_person(creator.profile.username)
    for publication in found:
        if publication.open_id == open_id and publications.status_code(publication, now) in UNDER_WAY:
            world.keep(publication_updates.failed_with(publication, "auth_removed", now))
