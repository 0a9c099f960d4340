"""What a post may want done in the outside world."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Ask TikTok for the status of an attempt. It changes nothing at TikTok, so it may be repeated freely."""

    publish_id: str
    attempt: int
