"""Prints the progress and the result table of a soak."""

from collections.abc import Sequence

from fakes.tiktok_token_endpoint import Rotation
from soak.soak_run import SoakResult


def print_line(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def table(results: Sequence[SoakResult]) -> str:
    """Format the results, one column for each soak."""
    rows = [
        ("TikTok's old refresh token dies", *(_WHEN[one.plan.rotation] for one in results)),
        ("accounts", *(one.plan.accounts for one in results)),
        ("rounds", *(one.plan.rounds for one in results)),
        ("virtual seconds", *(round(one.virtual_seconds) for one in results)),
        ("refreshes committed", *(one.refreshes for one in results)),
        ("kills (-9)", *(one.kills for one in results)),
        ("pauses", *(one.pauses for one in results)),
        ("ended by an expired session", *(one.counts.get("lapsed", 0) for one in results)),
        ("rebalances", *(one.moves for one in results)),
        ("broker in doubt", *(one.doubts for one in results)),
        *(
            (title, *(sum(one.counts.get(name, 0) for name in names) for one in results))
            for title, names in _COUNTED.items()
        ),
        ("ended, their newest pair is lost", *(one.unsavable for one in results)),
        ("lost otherwise", *(one.lost for one in results)),
        ("pair replaced by an older one", *(one.went_back for one in results)),
        ("refreshed with an outdated token", *(one.reused for one in results)),
        ("expired token handed out", *(one.expired_handed_out for one in results)),
    ]
    widths = [max(len(str(row[place])) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [
                str(row[0]).ljust(widths[0]),
                *(str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    )


_WHEN = {Rotation.UNTIL_USED: "when the new is used", Rotation.STRICT: "at once"}
_COUNTED = {
    "calls to TikTok": ("asked",),
    "not sent, or too late": ("not sent", "connected too late"),
    "answer lost before TikTok acted": ("lost before",),
    "answer lost after TikTok acted": ("lost after",),
    "refused for now (429, 5xx)": ("429", "5xx"),
    "repeated after a lost answer, same pair given": ("repeated",),
    "refused for good": ("refused",),
    "account.at_risk": ("account.at_risk",),
    "account.reauthorization_required": ("account.reauthorization_required",),
    "connected again by another worker's answer": ("healed",),
    "tokens handed out": ("handed out",),
}
