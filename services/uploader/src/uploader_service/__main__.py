"""Runs the uploader: `python -m uploader_service [worker]`."""

import sys

from common.service.process import run_process
from uploader_service import service
from uploader_service.wiring import run

DESCRIPTION = "Takes posts from the request to TikTok: checks them and uploads their bytes."

if __name__ == "__main__":
    sys.exit(run_process(service=service.NAME, description=DESCRIPTION, roles=service.Role, run=run))
