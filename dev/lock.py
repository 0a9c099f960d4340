"""Writes requirements.lock: every library and tool, with hashes and without addresses."""  # noqa: INP001  # a script, no package

import subprocess
import sys
import tomllib
from pathlib import Path

TOOLS = Path("requirements.in")
LOCK = Path("requirements.lock")
OURS = "postbus-"


def main(packages: list[str]) -> None:
    """Resolve for Python 3.11 and newer on every platform."""
    command = [
        *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url"),
        *("--prerelease", "if-necessary-or-explicit", "--output-file", str(LOCK), "-"),
    ]
    subprocess.run(command, input="\n".join(requirements(packages)), text=True, check=True)
    if "://" in LOCK.read_text():
        sys.exit(f"{LOCK} contains an address. Remove it: the lock has to work with any index.")


def requirements(packages: list[str]) -> list[str]:
    """Return the requirements of the packages and tools, without the packages themselves."""
    names = set(TOOLS.read_text().splitlines())
    for package in packages:
        project = tomllib.loads((Path(package) / "pyproject.toml").read_text())["project"]
        names |= {text for text in project["dependencies"] if not text.startswith(OURS)}
    return sorted(names)


if __name__ == "__main__":
    main(sys.argv[1:])
