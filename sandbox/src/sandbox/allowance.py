"""How often a token may call an endpoint: sliding windows of one minute."""

from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 60.0

PER_MINUTE: Final = {
    "creator_info": 20,
    "video_init": 6,
    "status": 30,
    "user_info": 600,
    "video_query": 600,
}


class Allowance:
    """The recent calls of every token and endpoint."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def take(self, endpoint: str, token: str, now: float) -> bool:
        """Count a call; False when the minute is used up, and then it is not counted."""
        calls = self._calls.setdefault((endpoint, token), deque())
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= PER_MINUTE[endpoint]:
            return False
        calls.append(now)
        return True
