"""Runs the publisher: `python -m publisher_service [worker|edge]`, both roles by default."""

import sys

from common.service.process import run_process
from publisher_service import service
from publisher_service.wiring import run

DESCRIPTION = "Follows posts to their verdict."

if __name__ == "__main__":
    sys.exit(run_process(service=service.NAME, description=DESCRIPTION, roles=service.Role, run=run))
