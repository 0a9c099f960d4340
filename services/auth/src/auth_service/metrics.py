"""The metrics of auth."""

from collections.abc import Mapping

from prometheus_client import Counter

from auth_service import facts

REFRESH_RESULTS: Mapping[type, str] = {
    facts.RefreshDone: "done",
    facts.RefreshRefused: "refused",
    facts.RefreshUnsettled: "unsettled",
}
"""The metric label of each result of a refresh."""

REFRESHES = Counter("auth_refreshes_total", "Refreshes of token pairs, by result.", ["result"])

REVOCATIONS = Counter("auth_revocations_total", "Revocations of grants at TikTok, by result.", ["result"])

UNREADABLE_ITEMS = Counter(
    "auth_unreadable_items_total",
    "Sealed token pairs and app secrets that did not open: a vault key is missing, or a record was moved.",
)

CONSENTS = Counter("auth_consents_total", "Consents of people, by the result that the page shows.", ["result"])
