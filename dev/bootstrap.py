"""Makes the virtual environment from requirements.lock, using only Python's standard library."""  # noqa: INP001  # a script, no package

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

LOCK = Path("requirements.lock")


def main(folder: str, packages: list[str]) -> None:
    """Install every locked library, with hashes checked, and the workspace's packages as editable."""
    environment = Path(folder)
    python = environment / "bin" / "python"
    if not python.exists():
        print(f"Making {environment}", flush=True)
        venv.create(environment, with_pip=True)
    installer = environment / "bin" / "uv"
    if not installer.exists():
        print("Installing the installer", flush=True)
        install_uv(python)
    print("Installing the locked libraries", flush=True)
    uv = [str(installer), "pip", "install", "--python", str(python), "--quiet"]
    run([*uv, "--require-hashes", "--no-deps", "--requirement", str(LOCK)])
    editable = [argument for package in packages for argument in ("--editable", package)]
    run([*uv, "--no-deps", "--no-build-isolation", *editable])


def install_uv(python: Path) -> None:
    """Install the locked uv with pip; uv installs the rest several times faster."""
    with tempfile.TemporaryDirectory() as folder:
        only = Path(folder) / "uv.txt"
        only.write_text(entry("uv"))
        run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(only)])


def entry(name: str) -> str:
    """Return one library's lines of the lock, hashes included."""
    found = re.search(rf"^{re.escape(name)}==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        sys.exit(f"{LOCK} has no entry for {name}. Write it again with `make lock`.")
    return found.group()


def run(command: list[str]) -> None:
    """Run a command that must succeed."""
    # Without VIRTUAL_ENV: uv would install into an environment that happens to be active.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, check=False, env=environment)
    if done.returncode != 0:
        sys.exit(f"This command failed: {' '.join(command[:4])} …. Its output is above.")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
