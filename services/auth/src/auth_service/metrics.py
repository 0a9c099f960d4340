"""What auth counts."""

from collections.abc import Mapping

from prometheus_client import Counter

from auth_service import facts

REFRESH_RESULTS: Mapping[type, str] = {
    facts.RefreshDone: "done",
    facts.RefreshRefused: "refused",
    facts.RefreshUnsettled: "unsettled",
}

REFRESHES = Counter("auth_refreshes_total", "Refreshes of token pairs, by how they ended.", ["result"])

REVOCATIONS = Counter("auth_revocations_total", "Revocations of grants at TikTok, by how they ended.", ["result"])

UNREADABLE_PAIRS = Counter(
    "auth_unreadable_pairs_total",
    "Times a sealed pair did not open: a vault key is missing, or a record was moved.",
)

CONSENTS = Counter("auth_consents_total", "Browsers that came back from TikTok's consent page, by result.", ["result"])
