"""Installs Chromium if this machine allows it, for the tests of the sandbox's page."""  # noqa: INP001  # a script, no package

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL_TIMEOUT = 600


def main() -> None:
    """Find Chromium or install it with apt; print why not, but never fail for that."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        sys.stdout.write("There is no Chromium, and no root or apt-get to install it. The browser tests are skipped.\n")
        return
    sys.stdout.write("Installing Chromium for the browser tests.\n")
    sys.stdout.flush()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        if not succeeds([apt, "--quiet", "--quiet", *command], environment):
            sys.stdout.write("Chromium could not be installed. The browser tests are skipped.\n")
            return


def succeeds(command: list[str], environment: dict[str, str]) -> bool:
    """Run a command; return False if it fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            check=False,
            env=environment,
            timeout=INSTALL_TIMEOUT,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    main()
