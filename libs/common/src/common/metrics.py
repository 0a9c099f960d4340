"""Numbers about what every service shares outside its streams."""

from typing import Final

from prometheus_client import Counter

UNREADABLE_CREDENTIALS: Final = Counter(
    "unreadable_credentials_total", "Access tokens that were not sealed to this service's present key."
)
