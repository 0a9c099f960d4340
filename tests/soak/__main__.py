"""`make soak-auth`: a thousand accounts, three workers, kills all along; ends with a table and a RESULT line."""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from soak.run import Findings, Plan, soak
from soak.tiktok import Rotation


def main() -> int:
    """Soak twice, side by side, once for each way TikTok may rotate; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak-auth", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=100, help="refreshes of each account at the least")
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same soak")
    asked = parser.parse_args()
    whole = Plan(accounts=asked.accounts, rounds=asked.rounds, seed=asked.seed)
    # Where a lost answer costs its account, most would be gone before the last round: fewer are lost, in less time.
    strict = Plan(
        accounts=max(asked.accounts // 4, 1),
        rounds=max(asked.rounds // 4, 1),
        seed=asked.seed,
        rotation=Rotation.STRICT,
        lose_after=0.001,
    )
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        findings = list(pool.map(partial(soak, say=_say), (whole, strict)))
    print(table(findings))
    first = findings[0]
    result = {
        "accounts": first.plan.accounts,
        "refreshes": first.refreshes,
        "kills": first.kills,
        "lost": first.lost,
        "reused": first.reused,
        "expired_handed_out": first.expired_handed_out,
    }
    print(f"RESULT {json.dumps(result)}")
    return 0 if all(one.kept for one in findings) else 1


def table(findings: Sequence[Findings]) -> str:
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


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
