"""Runs auth: `python -m auth_service [worker|edge|rotate-keys]`, both roles by default."""

import sys

from auth_service.machine import SERVICE
from auth_service.rotate_keys import rotate_keys
from auth_service.wiring import Role, run
from common.service.process import run_process

DESCRIPTION = "Connects TikTok accounts and keeps their tokens fresh."
ERRANDS = {"rotate-keys": rotate_keys}

if __name__ == "__main__":
    sys.exit(run_process(service=SERVICE, description=DESCRIPTION, roles=Role, run=run, commands=ERRANDS))
