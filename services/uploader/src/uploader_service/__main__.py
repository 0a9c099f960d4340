"""Runs the uploader: `python -m uploader_service [worker]`."""

import sys

from common.service.process import run_process
from uploader_service.outcomes import SERVICE
from uploader_service.wiring import Role, run

DESCRIPTION = "Takes posts to TikTok."

if __name__ == "__main__":
    sys.exit(run_process(service=SERVICE, description=DESCRIPTION, roles=Role, run=run))
