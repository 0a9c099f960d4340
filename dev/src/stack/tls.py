"""The stack's own certificate authority, for the sandbox and the media server.

They speak TLS because TikTok and storages do: the services then run the same code as in production.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from stack.ports import HOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of the files that a server and its clients need."""

    ca: Path
    certificate: Path
    key: Path

    def client_context(self) -> ssl.SSLContext:
        """Make a context that trusts only the stack's authority."""
        return ssl.create_default_context(cafile=str(self.ca))


def certificates(folder: Path, *names: str) -> Certificates:
    """Return a stack's authority and certificate; the first call makes them.

    The certificate is for loopback and `names`.
    """
    made = Certificates(ca=folder / "ca.pem", certificate=folder / "server.pem", key=folder / "server.key")
    # The key is written last, so if it exists, all three files are complete.
    if not made.key.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = trustme.CA()
        server = authority.issue_cert(HOST, "localhost", *names)
        authority.cert_pem.write_to_path(made.ca)
        made.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        made.key.touch(mode=0o600)
        server.private_key_pem.write_to_path(made.key)
    return made
