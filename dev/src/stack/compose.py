"""Writes what docker-compose.yml mounts to .stack/compose: secrets, certificates.

`python -m stack.compose` before the containers start, `python -m stack.compose key` once they run.
"""

import sys
from pathlib import Path
from typing import Final

from stack import keys, tls
from stack.api_keys import Operator
from stack.keys import Keys
from stack.local import API_KEY_FILE
from stack.options import FIRST_TENANT
from stack.ports import HOST
from stack.services import USUAL_PORTS

FOLDER: Final = Path(".stack/compose")


def write_files(folder: Path = FOLDER) -> None:
    """Write one file of variables per container.

    May be repeated: existing secrets are kept.
    """
    tls.certificates(folder, "sandbox")
    # The container reads it as another user. Other users of this machine cannot enter the folder.
    (folder / "server.key").chmod(0o644)
    made = keys.load(folder)
    for name, text in variables(made).items():
        path = folder / f"{name}.env"
        # Created with its mode before the secrets are written.
        path.touch(mode=0o600)
        path.write_text(text)


def variables(made: Keys) -> dict[str, str]:
    """Return each container's secrets as lines of an environment file."""
    files = {
        "sandbox": [f"SANDBOX_CLIENT_SECRET={made.client_secret}"],
        "auth": [
            f"TIKTOK_CLIENT_SECRET={made.client_secret}",
            f"AUTH_BOOTSTRAP_SECRET={made.bootstrap}",
            f"AUTH_VAULT_KEYS={made.vault_keys}",
            f"AUTH_SERVICE_PUBLIC_KEYS={made.service_public_keys}",
        ],
        **{name: [f"{name.upper()}_PRIVATE_KEY={key}"] for name, key in made.private.items()},
    }
    files["publisher"].append(f"TIKTOK_CLIENT_SECRET={made.client_secret}")
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def write_key(folder: Path = FOLDER) -> Path:
    """Write an API key of the first tenant to a file; keep one that still works."""
    urls = {name: f"http://{HOST}:{port}" for name, port in USUAL_PORTS.items()}
    Operator(urls, keys.load(folder).bootstrap).write_key(folder / API_KEY_FILE, FIRST_TENANT)
    return folder / API_KEY_FILE


if __name__ == "__main__":
    if sys.argv[1:] == ["key"]:
        print(f"API key of {FIRST_TENANT}: {write_key()}")
    else:
        write_files()
