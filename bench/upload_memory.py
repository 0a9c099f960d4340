"""How much memory sending a 4 GB source takes: read by ranges over TLS, sent on in chunks over TLS."""

import json
import re
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from tiktok.chunks import plan_chunks
from tiktok.limits import MAX_VIDEO_BYTES
from tiktok.results import Stored
from tiktok.uploads import Uploads
from uploader_service.sources.reader import ProbedSource, SourceReader

KIB_PER_MIB = 1024


@contextmanager
def server(script: str, *arguments: str) -> Iterator[int]:
    """A server's port, while it runs."""
    command = [sys.executable, str(Path(__file__).with_name("servers") / script), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def memory_kib(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1])


def send(source: int, sink: int, tls: ssl.SSLContext) -> tuple[int, int]:
    """Resident memory before, and the most there ever was, in KiB."""
    url = f"https://localhost:{source}/video.mp4"
    trusted = frozenset({f"localhost:{source}"})
    with SourceReader(tls, trusted=trusted) as sources, Uploads(tls, (f"localhost:{sink}",)) as uploads:
        before = memory_kib("VmRSS")
        video = sources.probe(url)
        assert isinstance(video, ProbedSource), video
        plan = plan_chunks(video.size)
        for index in range(plan.count):
            first, last = plan.first(index), plan.last(index)
            outcome = uploads.put_chunk(
                f"https://localhost:{sink}/video/",
                first=first,
                last=last,
                total=plan.size,
                content_type=video.content_type,
                pieces=sources.read(url, first, last, video.validator),
                stop=threading.Event(),
            )
            assert outcome == Stored(complete=index == plan.count - 1), outcome
        return before, memory_kib("VmHWM")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        authority, certificate = trustme.CA(), Path(name) / "server.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        tls = ssl.create_default_context()
        authority.configure_trust(tls)
        source = servers.enter_context(server("upload_source.py", str(certificate), str(MAX_VIDEO_BYTES)))
        sink = servers.enter_context(server("upload_sink.py", str(certificate)))
        before, most = send(source, sink, tls)
    figures = {"growth_mib": round((most - before) / KIB_PER_MIB, 1), "before_mib": round(before / KIB_PER_MIB, 1)}
    print(json.dumps({"bench": "upload_memory", **figures, "bytes": MAX_VIDEO_BYTES}))


if __name__ == "__main__":
    main()
