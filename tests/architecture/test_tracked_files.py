"""What is committed holds no address of a registry, no path of a machine and no key."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# Written in pieces, so that this file does not find itself.
REGISTRIES = (
    "pypi" + r"\.org",
    "python" + r"hosted\.org",
    "npm" + r"js\.(org|com)",
    "maven" + r"\.(org|apache|google)",
)
MACHINE_PATHS = tuple(rf"(?<![\w.$}}~]){re.escape('/' + name + '/')}" for name in ("work", "root", "home", "Users"))
SETTINGS_OF_A_MACHINE = (
    r"(?<!emit-)index" + r"-url\b",
    "extra" + r"-index",
    r"\bregistry" + r"\s*=\s*['\"]?https?:",
    "artifact" + "ory",
    "//" + r"[^/\s:@]+:[^/\s@]+@",
)
KEYS = ("BEGIN " + r"[A-Z ]*PRIVATE KEY",)
FORBIDDEN = re.compile("|".join((*REGISTRIES, *MACHINE_PATHS, *SETTINGS_OF_A_MACHINE, *KEYS)))
LARGEST_FILE = 1_000_000


def tracked(root: Path) -> list[Path]:
    git = shutil.which("git")
    assert git
    listed = subprocess.run([git, "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := root / name).is_file()]


def findings(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        found = FORBIDDEN.search(line)
        if found:
            yield f"{number}: {found[0]}"


def test_tracked_files_hold_no_registry_machine_or_key(root: Path) -> None:
    found = [
        f"{path.relative_to(root)}:{finding}"
        for path in tracked(root)
        for finding in findings(path.read_bytes().decode(errors="replace"))
    ]
    assert found == []


def test_no_tracked_file_is_large(root: Path) -> None:
    large = [str(path.relative_to(root)) for path in tracked(root) if path.stat().st_size > LARGEST_FILE]
    assert large == []


@pytest.mark.parametrize(
    "line",
    [
        "url = https://" + "pypi" + ".org/simple",
        "--index" + "-url something",
        "open('/" + "work/file')",
        "cd /" + "root/project",
        "https://" + "user:password@host/",
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
)
def test_forbidden_line_is_found(line: str) -> None:
    assert list(findings(line))


@pytest.mark.parametrize(
    "line", ["tests/" + "work/file", "/workflows/", "$HOME/" + "home/", "http://127.0.0.1:8101/callback"]
)
def test_harmless_line_is_allowed(line: str) -> None:
    assert list(findings(line)) == []
