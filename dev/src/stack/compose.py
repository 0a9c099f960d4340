"""Makes what docker-compose.yml mounts: `python -m stack.compose` writes secrets and certificates to .stack/compose."""

from pathlib import Path
from typing import Final

from stack import keys, tls
from stack.keys import Keys

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
            f"AUTH_VAULT_KEYS={made.named_vault_key}",
            f"AUTH_SERVICE_PUBLIC_KEYS={made.public_list}",
        ],
        **{name: [f"{name.upper()}_PRIVATE_KEY={key}"] for name, key in made.private.items()},
    }
    files["publisher"].append(f"TIKTOK_CLIENT_SECRET={made.client_secret}")
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


if __name__ == "__main__":
    write()
