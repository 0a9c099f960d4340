"""How often a token may call an endpoint: sliding windows of one minute."""

from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 60.0
CLEAN_ABOVE: Final = 4_096

# For one token, by TikTok's documentation. The three inits are counted apart, as it does not say more.
PER_MINUTE: Final = {
    "creator_info": 20,
    "video_init": 6,
    "inbox_init": 6,
    "content_init": 6,
    "status": 30,
    "user_info": 600,
    "video_list": 600,
    "video_query": 600,
}


class RateLimits:
    """The recent calls of every token and endpoint."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = {}
        self._clean_above = CLEAN_ABOVE

    def try_take(self, endpoint: str, token: str, now: float) -> bool:
        """Count a call; return False, without counting it, if the minute is used up.

        Endpoints that are not in the table have no documented limit.

        A window slides: a call counts for the 60 seconds after it, not until the minute ends.
        """
        if endpoint not in PER_MINUTE:
            return True
        self._drop_idle(now)
        calls = self._calls.setdefault((endpoint, token), deque())
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= PER_MINUTE[endpoint]:
            return False
        calls.append(now)
        return True

    def _drop_idle(self, now: float) -> None:
        """Remove tokens without a call in the last minute.

        Tokens are replaced all the time, so the table would otherwise grow for ever.
        """
        if len(self._calls) <= self._clean_above:
            return
        self._calls = {key: calls for key, calls in self._calls.items() if calls and calls[-1] > now - WINDOW_SECONDS}
        # Doubling the threshold keeps the total cost of cleaning linear in the number of calls.
        self._clean_above = max(CLEAN_ABOVE, 2 * len(self._calls))
