"""Numbers about what every service shares outside its streams."""

from typing import Final

from prometheus_client import Counter

UNREADABLE_CREDENTIALS: Final = Counter(
    "unreadable_credentials_total", "Access tokens that were not sealed to this service's present key."
)
API_KEY_REFUSALS: Final = Counter(
    "api_key_refusals_total", "Requests that an edge did not let in by their API key, by why.", ["why"]
)
