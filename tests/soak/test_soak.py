"""Small soaks: the invariants of `make soak-auth` over several seeds."""

import pytest

from fakes.tiktok_token_endpoint import Rotation
from soak.soak_run import SoakPlan, run_soak

UNTIL_USED = [SoakPlan(accounts=60, rounds=8, seed=seed) for seed in range(1, 9)]
STRICT = [SoakPlan(accounts=60, rounds=8, seed=seed, rotation=Rotation.STRICT) for seed in range(1, 7)]


def quiet(_line: str) -> None:
    """Drop the progress lines."""


@pytest.mark.parametrize("plan", UNTIL_USED, ids=lambda plan: plan.seed)
def test_soak_loses_no_account_until_the_new_token_is_used(plan: SoakPlan) -> None:
    found = run_soak(plan, quiet)
    assert (found.lost, found.reused, found.expired_handed_out, found.went_back) == (0, 0, 0, 0)
    assert found.refreshes >= plan.accounts * plan.rounds
    assert found.kills > 0
    assert found.counts["lost before"] + found.counts["lost after"] > 0, "no answer was lost"


def test_strict_soak_loses_only_pairs_that_never_arrived() -> None:
    results = [run_soak(plan, quiet) for plan in STRICT]
    assert [found.lost for found in results] == [0] * len(STRICT)
    assert sum(found.unsavable for found in results) > 0, "TikTok never rotated a pair whose answer was lost"
    for found in results:
        asked = found.counts.get("account.reauthorization_required", 0)
        assert asked - found.counts.get("healed", 0) == found.unsavable
        assert (found.reused, found.expired_handed_out, found.went_back) == (0, 0, 0)


def test_same_seed_gives_the_same_soak() -> None:
    plan = SoakPlan(accounts=20, rounds=3, seed=5)
    assert run_soak(plan, quiet) == run_soak(plan, quiet)
