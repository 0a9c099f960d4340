"""Runs auth: `python -m auth_service [worker|edge|rotate-keys]`, both roles by default."""

import sys

from auth_service import service
from auth_service.tokens.rotate_keys import rotate_keys
from auth_service.wiring import run
from common.service.process import run_process

DESCRIPTION = "Connects TikTok accounts and keeps their tokens fresh."

COMMANDS = {"rotate-keys": rotate_keys}

if __name__ == "__main__":
    sys.exit(run_process(service=service.NAME, description=DESCRIPTION, roles=service.Role, run=run, commands=COMMANDS))
