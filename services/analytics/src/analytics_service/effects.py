"""What collecting may want done in the outside world."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Ask TikTok for the numbers of these videos, by the grant of this tenant. `due` is when they were wanted."""

    tenant: str
    video_ids: tuple[str, ...]
    age: int
    due: datetime
