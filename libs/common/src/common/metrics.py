"""Metrics of what every service shares, apart from the stream runtime's."""

from typing import Final

from prometheus_client import Counter

UNREADABLE_CREDENTIALS: Final = Counter(
    "unreadable_credentials_total", "Access tokens that this service's private key does not open."
)
API_KEY_REFUSALS: Final = Counter(
    "api_key_refusals_total", "Requests that an edge refused because of their API key.", ["reason"]
)
