"""What collecting may want done in the outside world."""

from dataclasses import dataclass

from common.clock import UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Ask TikTok for the statistics of these videos, with the consent that this tenant has from the account.

    `due` is the time at which they were wanted. It changes nothing at TikTok, so it may be repeated freely.
    """

    tenant: str
    video_ids: tuple[str, ...]
    age: int
    due: UtcDatetime
