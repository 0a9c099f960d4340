"""The two HTTPS servers of the stack: the sandbox and the media server."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stack.polling import answers_ok, wait_until
from stack.ports import HOST
from stack.processes import Child
from stack.tls import Certificates

USUAL_SANDBOX_PORT: Final = 8443
USUAL_MEDIA_PORT: Final = 8444
READY_TIMEOUT: Final = 30.0


class Server:
    """One HTTPS server: its process, its address and its readiness."""

    def __init__(self, child: Child, *, port: int, readiness: str, certificates: Certificates) -> None:
        self.process = child
        self.port = port
        self.url = f"https://{HOST}:{port}"
        self._readiness = self.url + readiness
        self._tls = certificates.client_context()

    def start(self) -> None:
        """Start the process; `wait_ready` returns once it answers."""
        self.process.start()

    def wait_ready(self) -> None:
        """Return once the server answers.

        Raises:
            ProcessExited: it ended at once.
            NotReady: it did not answer in time.
        """
        name = self.process.name
        wait_until(lambda: answers_ok(self._readiness, self._tls), name=name, timeout=READY_TIMEOUT, child=self.process)

    def stop(self) -> None:
        """Stop the process."""
        self.process.stop()


def sandbox(
    folder: Path,
    *,
    port: int,
    certificates: Certificates,
    client_secret: str,
    webhook_url: str,
    log: Path,
    options: Sequence[str] = (),
) -> Server:
    """Return the sandbox, TikTok's stand-in, not started yet.

    `options` are added to its command line and win. With an empty `webhook_url` it sends no webhooks.
    """
    command = [sys.executable, "-m", "tiktok_sandbox", "--host", HOST, "--port", str(port), "--state", str(folder)]
    command += ["--tls-cert", str(certificates.certificate), "--tls-key", str(certificates.key)]
    command += ["--webhook-url", webhook_url, *options]
    folder.mkdir(parents=True, exist_ok=True)
    # In the environment, because every user of a machine can read command lines.
    environment = {**os.environ, "SANDBOX_CLIENT_SECRET": client_secret}
    child = Child("sandbox", command, log=log, environment=environment, folder=folder, restart=True)
    return Server(child, port=port, readiness="/_sandbox/ledger", certificates=certificates)


def media(folder: Path, *, port: int, certificates: Certificates, log: Path, options: Sequence[str] = ()) -> Server:
    """Return the media server over a folder, not started yet.

    `options` are added to its command line.
    """
    command = [sys.executable, "-m", "stack.media", "--folder", str(folder), "--port", str(port)]
    command += ["--tls-cert", str(certificates.certificate), "--tls-key", str(certificates.key), *options]
    folder.mkdir(parents=True, exist_ok=True)
    child = Child("media", command, log=log, folder=folder, restart=True)
    return Server(child, port=port, readiness="/readyz", certificates=certificates)
