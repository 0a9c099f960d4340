"""What a soak tells people: how far it is, and in the end what happened."""

from collections.abc import Sequence

from fakes.tiktok_token_endpoint import Rotation
from soak.soak_run import SoakResult


def print_line(line: str) -> None:
    """Tell it now."""
    print(line, flush=True)


def table(findings: Sequence[SoakResult]) -> str:
    """Lay out what happened, a column for each soak."""
    rows = [
        ("TikTok's old refresh token dies", *(_WHEN[one.plan.rotation] for one in findings)),
        ("accounts", *(one.plan.accounts for one in findings)),
        ("rounds", *(one.plan.rounds for one in findings)),
        ("virtual seconds", *(round(one.virtual_seconds) for one in findings)),
        ("refreshes committed", *(one.refreshes for one in findings)),
        ("kills (-9)", *(one.kills for one in findings)),
        ("pauses", *(one.pauses for one in findings)),
        ("ended after standing still", *(one.counts.get("lapsed", 0) for one in findings)),
        ("times partitions moved", *(one.moves for one in findings)),
        ("broker in doubt", *(one.doubts for one in findings)),
        *(
            (title, *(sum(one.counts.get(name, 0) for name in names) for one in findings))
            for title, names in _COUNTED.items()
        ),
        ("ended, as nobody has their newest pair", *(one.unsavable for one in findings)),
        ("lost", *(one.lost for one in findings)),
        ("a pair took the place of a newer one", *(one.went_back for one in findings)),
        ("asked with a token whose successor was there", *(one.reused for one in findings)),
        ("expired token handed out", *(one.expired_handed_out for one in findings)),
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
    "asked again after a lost answer, and given the same": ("repeated",),
    "refused for good": ("refused",),
    "account.at_risk": ("account.at_risk",),
    "account.reauthorization_required": ("account.reauthorization_required",),
    "connected again by another worker's answer": ("healed",),
    "tokens handed out": ("handed out",),
}
