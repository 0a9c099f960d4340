"""CPU seconds that sending a gigabyte over TLS costs, beside `curl -T` of the same file to the same server.

Each is counted as it is used: ours in a process that has uploaded before, as a worker has; curl as a process for a file
of a usual size. What such a process costs without any bytes is printed too, and the ratio without it.
"""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import trustme

from tiktok.chunks import plan_chunks
from tiktok.results import Stored
from tiktok.uploads import Uploads
from uploader_service.sources.reader import PIECE_BYTES

FILE_BYTES = 256_000_000
ROUNDS = 15


def certificates(folder: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return folder / "authority.pem"


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    """The server's port, while it runs."""
    script = Path(__file__).with_name("servers") / "upload_sink.py"
    with subprocess.Popen([sys.executable, str(script), str(folder / "server.pem")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def pieces(path: Path, first: int, last: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(first)
        for at in range(first, last + 1, PIECE_BYTES):
            yield file.read(min(PIECE_BYTES, last + 1 - at))


def upload(path: Path, port: int, authority: Path) -> float:
    plan = plan_chunks(path.stat().st_size)
    with Uploads(ssl.create_default_context(cafile=authority), (f"localhost:{port}",)) as uploads:
        began = time.process_time()
        for index in range(plan.count):
            first, last = plan.first(index), plan.last(index)
            outcome = uploads.put_chunk(
                f"https://localhost:{port}/video/?upload_id=1&upload_token=2",
                first=first,
                last=last,
                total=plan.size,
                content_type="video/mp4",
                pieces=pieces(path, first, last),
                stop=threading.Event(),
            )
            assert outcome == Stored(complete=index == plan.count - 1), outcome
        return time.process_time() - began


def curl(path: Path, port: int, authority: Path) -> float:
    url = f"https://localhost:{port}/video/"
    command = ["curl", "--silent", "--fail", "--http1.1", "--cacert", str(authority), "--upload-file", str(path), url]
    with subprocess.Popen(command) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority, path = certificates(folder), folder / "video"
        with path.open("wb") as file:
            file.writelines(os.urandom(1_000_000) for _ in range(FILE_BYTES // 1_000_000))
        with sink(folder) as port:
            upload(path, port, authority)
            rounds = [(upload(path, port, authority), curl(path, port, authority)) for _ in range(ROUNDS)]
            empty = folder / "empty"
            empty.touch()
            starting = median(curl(empty, port, authority) for _ in range(ROUNDS))
    ours, theirs = (median(seconds) * 1e9 / FILE_BYTES for seconds in zip(*rounds, strict=True))
    figures = {
        "ratio": ours / theirs,
        "ratio_without_start": ours / (theirs - starting * 1e9 / FILE_BYTES),
        "cpu_seconds_per_gb": ours,
        "curl_cpu_seconds_per_gb": theirs,
        "curl_start_cpu_seconds": starting,
    }
    print(json.dumps({"bench": "upload_cpu", **{name: round(figure, 3) for name, figure in figures.items()}}))


if __name__ == "__main__":
    main()
