"""Makes what docker-compose.yml mounts, in .stack/compose: secrets and certificates; once it runs, an API key.

`python -m stack.compose` before, `python -m stack.compose key` after.
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


def write(folder: Path = FOLDER) -> None:
    """Write one file of variables per container. A second call changes nothing: the secrets are kept."""
    tls.certificates(folder, "sandbox")
    # Read in the container by a user who is not the one that wrote it; the folder itself is closed to others.
    (folder / "server.key").chmod(0o644)
    made = keys.load(folder)
    for name, text in variables(made).items():
        path = folder / f"{name}.env"
        path.touch(mode=0o600)
        path.write_text(text)


def variables(made: Keys) -> dict[str, str]:
    """Return each container's secrets as lines of an environment file."""
    files = {
        "sandbox": [f"SANDBOX_CLIENT_SECRET={made.client_secret}"],
        "auth": [
            f"TIKTOK_CLIENT_SECRET={made.client_secret}",
            f"AUTH_BOOTSTRAP_SECRET={made.bootstrap}",
            f"AUTH_VAULT_KEYS={made.named_vault_key}",
            f"AUTH_SERVICE_PUBLIC_KEYS={made.public_list}",
        ],
        **{name: [f"{name.upper()}_PRIVATE_KEY={key}"] for name, key in made.private.items()},
    }
    files["publisher"].append(f"TIKTOK_CLIENT_SECRET={made.client_secret}")
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def keep_key(folder: Path = FOLDER) -> Path:
    """Have an API key of a tenant to begin with in a file; a good one that is there stays."""
    urls = {name: f"http://{HOST}:{port}" for name, port in USUAL_PORTS.items()}
    Operator(urls, keys.load(folder).bootstrap).keep(folder / API_KEY_FILE, FIRST_TENANT)
    return folder / API_KEY_FILE


if __name__ == "__main__":
    if sys.argv[1:] == ["key"]:
        print(f"API key of {FIRST_TENANT}: {keep_key()}")
    else:
        write()
