"""Starts a sandbox of the suite's own as a process on a free port."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.external_server import ExternalServer
from conformance.sandbox_client import SandboxClient


@contextmanager
def sandbox_client_at(url: str = "") -> Iterator[SandboxClient]:
    """Yield a client of the sandbox at `url`, or of one that runs only for this block."""
    with ExternalServer() as external, _running(url) as address:
        sandbox = SandboxClient(address, external)
        try:
            with sandbox.set_up():
                yield sandbox
        finally:
            sandbox.close()


@contextmanager
def _running(url: str) -> Iterator[str]:
    if url:
        yield url
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "tiktok_sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready "), f"the sandbox said {line!r}"
        yield json.loads(line.removeprefix("ready "))["url"]
    finally:
        process.terminate()
        process.communicate(timeout=20)
