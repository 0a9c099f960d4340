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
    """Run two soaks side by side, one for each way TikTok may rotate; return 1 if an invariant was violated."""
    parser = argparse.ArgumentParser(prog="make soak-auth", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=100, help="refreshes of each account at the least")
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same soak")
    arguments = parser.parse_args()
    whole = SoakPlan(accounts=arguments.accounts, rounds=arguments.rounds, seed=arguments.seed)
    # A lost answer ends its account here. With the full rates most accounts would end before the last round.
    strict = SoakPlan(
        accounts=max(arguments.accounts // 4, 1),
        rounds=max(arguments.rounds // 4, 1),
        seed=arguments.seed,
        rotation=Rotation.STRICT,
        lose_after=0.001,
    )
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(partial(run_soak, report=print_line), (whole, strict)))
    print(table(results))
    first = results[0]
    result = {
        "accounts": first.plan.accounts,
        "refreshes": first.refreshes,
        "kills": first.kills,
        "lost": first.lost,
        "reused": first.reused,
        "expired_handed_out": first.expired_handed_out,
    }
    print(f"RESULT {json.dumps(result)}")
    return 0 if all(one.invariants_hold for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
