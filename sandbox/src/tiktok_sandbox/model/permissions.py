"""How a permission ends: the tokens die at once, what is under way fails, and the app is told."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from tiktok_sandbox.api import content_posting, oauth
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.pending_webhooks import Notice
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
    client_key = oauth.disconnect(world.grants, open_id)
    content_posting.lose_permission(world, open_id, now)
    if not client_key:
        return
    world.notices.plan(
        Notice(due_at=now, client_key=client_key, event=REMOVED, open_id=open_id, content={"reason": int(removal)})
    )


def answer_revoke(world: World, form: Mapping[str, str], now: float) -> Answer:
    """Forget everything the person behind an access token allowed."""
    permission = oauth.to_revoke(world.grants, world.apps.get(form.get("client_key", "")), form)
    if isinstance(permission, Answer):
        return permission
    end(world, permission.open_id, Removal.REVOKED, now)
    return Answer(body={})
