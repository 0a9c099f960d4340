"""Replay seeds by hand: `PYTHONPATH=tests python -m simulation SEED [SEED ...]`."""

import sys

from simulation.simulation_run import run_seed

for seed in map(int, sys.argv[1:]):
    history = run_seed(seed)
    print(f"seed {seed}: {len(history.ledger)} posted, {history.inits} inits, {history.process_starts} starts")
    for event in history.events:
        print("   ", event)
