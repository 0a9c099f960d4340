"""What collecting a post's numbers can be: one class for each state."""

from datetime import datetime
from typing import TypeAlias

import msgspec


class Collecting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="collecting"):
    """The next numbers are wanted `next_age` seconds after the post became available.

    `tries` counts the calls for this age that brought nothing, `misses` those of them that TikTok answered without
    the video. `called_at` is when TikTok was last asked, for the account's share of calls.
    """

    tenant: str
    video_ids: tuple[str, ...]
    available_at: datetime
    next_age: int
    tries: int = 0
    misses: int = 0
    retry_at: datetime | None = None
    called_at: datetime | None = None


class Parked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="parked"):
    """Waits for a credential newer than `version`; `since` then bounds how long."""

    collecting: Collecting
    version: int
    since: datetime


class Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    """Every age is done. Remembered for a while, so that a repeated event does not start over."""

    tenant: str
    at: datetime
    called_at: datetime | None = None


Video: TypeAlias = Collecting | Parked | Finished


def tenant_of(state: Video) -> str:
    """Say whose post it is."""
    match state:
        case Parked(collecting=collecting):
            return collecting.tenant
        case Finished(tenant=tenant):
            return tenant
        case Collecting(tenant=tenant):
            return tenant
