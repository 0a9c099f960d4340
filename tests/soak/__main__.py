"""`make soak-auth`: a thousand accounts, three workers, kills all along; ends with a table and a RESULT line."""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from fakes.tiktok_token_endpoint import Rotation
from soak.report import print_line, table
from soak.soak_run import SoakPlan, run_soak


def main() -> int:
    """Soak twice, side by side, once for each way TikTok may rotate; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak-auth", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=100, help="refreshes of each account at the least")
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same soak")
    asked = parser.parse_args()
    whole = SoakPlan(accounts=asked.accounts, rounds=asked.rounds, seed=asked.seed)
    # Where a lost answer costs its account, most would be gone before the last round: fewer are lost, in less time.
    strict = SoakPlan(
        accounts=max(asked.accounts // 4, 1),
        rounds=max(asked.rounds // 4, 1),
        seed=asked.seed,
        rotation=Rotation.STRICT,
        lose_after=0.001,
    )
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        findings = list(pool.map(partial(run_soak, say=print_line), (whole, strict)))
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
    return 0 if all(one.invariants_hold for one in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
