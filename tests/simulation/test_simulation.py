"""Ten thousand simulation runs: nothing is posted twice or lost, and the events match TikTok's ledger."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from simulation.simulation_run import InvariantViolated, run_seed

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "10000"))
FIRST = int(os.environ.get("SIMULATION_FIRST_SEED", "0"))
A_BATCH = 50


def run_batch(seeds: Sequence[int]) -> tuple[Counter[str], list[str]]:
    """Run seeds one after the other; count their events, and collect the violated invariants."""
    seen: Counter[str] = Counter()
    broken = []
    for seed in seeds:
        try:
            history = run_seed(seed)
        except InvariantViolated as violated:
            broken.append(str(violated))
            continue
        seen.update(type(event).__name__ for event in history.events)
        seen.update(posted=len(history.ledger), inits=history.inits, starts=history.process_starts)
    return seen, broken


def test_no_seed_violates_an_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    batches = [range(first, min(first + A_BATCH, FIRST + SEEDS)) for first in range(FIRST, FIRST + SEEDS, A_BATCH)]
    seen: Counter[str] = Counter()
    broken: list[str] = []
    # Spawned, not forked: a worker must not inherit the threads that other tests left in this process.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, (happened, failed) in enumerate(pool.map(run_batch, batches), start=1):
            seen += happened
            broken += failed
            if done % 20 == 0:
                with capsys.disabled():
                    print(f"simulation: {done * A_BATCH} runs, {seen['posted']} posts, {len(broken)} broken")
    with capsys.disabled():
        print(f"simulation: {dict(seen)}")
    assert not broken, "\n".join(broken)
    if SEEDS >= 1000:
        assert seen["inits"] > seen["posted"], "no attempt was lost: there were too few faults"
        assert seen["PostReturned"] > 0, "no attempt was returned to the uploader"


def test_same_seed_gives_the_same_run() -> None:
    assert run_seed(11) == run_seed(11)
