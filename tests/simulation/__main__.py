"""Replay seeds by hand: `PYTHONPATH=tests python -m simulation SEED [SEED ...]`."""

import sys

from simulation.simulation_run import run

for seed in map(int, sys.argv[1:]):
    history = run(seed)
    print(f"seed {seed}: {len(history.ledger)} posted, {history.inits} inits, {history.lives} lives")
    for event in history.events:
        print("   ", event)
