"""The end of a permission.

Tokens stop working, running transfers fail, and the app gets a webhook.
"""

from enum import IntEnum
from typing import Final

from tiktok_sandbox.model import publication_updates, publications
from tiktok_sandbox.model.grants import remove_grants
from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.publications import TRANSFERRING
from tiktok_sandbox.model.tables import Tables

AUTHORIZATION_REMOVED: Final = "authorization.removed"


class RemovalReason(IntEnum):
    """Why a permission ended, by TikTok's numbers."""

    UNKNOWN = 0
    DISCONNECTED = 1
    ACCOUNT_DELETED = 2
    AGE_CHANGED = 3
    ACCOUNT_BANNED = 4
    REVOKED = 5


def end_permission(tables: Tables, open_id: str, removal: RemovalReason, now: float) -> None:
    """End one app's permission to act for one person; does nothing if there is none."""
    # Tokens first: from here on no call of the app can succeed.
    client_key = remove_grants(tables.grants, open_id)
    # An upload needs no token once it has its URL, so its transfer has to be failed as well.
    fail_transfers(tables, open_id, now)
    if not client_key:
        return
    tables.pending_webhooks.schedule(
        PendingWebhook(
            due_at=now,
            client_key=client_key,
            event=AUTHORIZATION_REMOVED,
            open_id=open_id,
            content={"reason": int(removal)},
        )
    )


def fail_transfers(tables: Tables, open_id: str, now: float) -> None:
    """Fail the transfers that run for a person and app whose permission has ended."""
    creator = tables.creators.find(open_id)
    found = [] if creator is None else tables.publications_of(creator.profile.username)
    for publication in found:
        if publication.open_id == open_id and publications.publish_status(publication, now) in TRANSFERRING:
            tables.save_publication(publication_updates.with_failure(publication, "auth_removed", now))
