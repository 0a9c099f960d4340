"""Runs analytics: `python -m analytics_service [worker|projector|edge]`, all roles by default."""

import sys

from analytics_service import service
from analytics_service.wiring import run
from common.service.process import run_process

DESCRIPTION = "Collects numbers, keeps the read side, answers questions about posts."

if __name__ == "__main__":
    sys.exit(run_process(service=service.NAME, description=DESCRIPTION, roles=service.Role, run=run))
