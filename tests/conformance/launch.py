"""A sandbox of the suite's own, as a process on a free port."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.outside import Outside
from conformance.place import Place


@contextmanager
def place_at(url: str = "") -> Iterator[Place]:
    """The sandbox of that address, or one that lives as long as this; set up for cases."""
    with Outside() as outside, _running(url) as address:
        place = Place(address, outside)
        try:
            with place.set_up():
                yield place
        finally:
            place.close()


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
