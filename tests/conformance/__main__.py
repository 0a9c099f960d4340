"""Runs every case and prints a table: `PYTHONPATH=tests python -m conformance [URL]`.

With `--write` it writes docs/conformance.md instead.
"""

import argparse
import sys
from pathlib import Path

from conformance.case_registry import Case, all_cases
from conformance.coverage_page import COVERAGE_PAGE, render
from conformance.sandbox_client import SandboxClient
from conformance.scenario import Scenario
from conformance.start_sandbox import sandbox_client_at


def main() -> int:
    """Zero if everything holds."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument(
        "url", nargs="?", default="", help="Address of a running sandbox. Default: a new one is started."
    )
    parser.add_argument("--section", default="", help="Run only sections that begin with this, such as 2 or 2.5.")
    parser.add_argument("--write", action="store_true", help="Write docs/conformance.md and run nothing.")
    given = parser.parse_args()
    if given.write:
        Path(COVERAGE_PAGE).write_text(render(all_cases()), "utf-8")
        return 0
    chosen = [each for each in all_cases() if f"{each.section}.".startswith(f"{given.section}.".lstrip("."))]
    width = max((len(each.name) for each in chosen), default=0)
    with sandbox_client_at(given.url) as sandbox:
        failures = [each for each in chosen if not _run_and_print(sandbox, each, width)]
    print(f"\n{len(chosen)} cases, {len(chosen) - len(failures)} hold, {len(failures)} do not")
    return 1 if failures or not chosen else 0


def _run_and_print(sandbox: SandboxClient, case: Case, width: int) -> bool:
    why = _failure_of(sandbox, case)
    print(f"{case.section:<5} {case.name:<{width}} {'FAILS' if why else 'ok'}", flush=True)
    if why:
        print(f"      {why}", flush=True)
    return not why


def _failure_of(sandbox: SandboxClient, case: Case) -> str:
    try:
        case.run(Scenario(sandbox))
    except Exception as found:  # noqa: BLE001 -- one broken case must not keep the others from being shown
        return str(found) or repr(found)
    return ""


if __name__ == "__main__":
    sys.exit(main())
