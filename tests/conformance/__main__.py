"""`PYTHONPATH=tests python -m conformance [URL]`: run every case and print a table; `--write` the map of cases."""

import argparse
import sys
from pathlib import Path

from conformance.book import Case, all_cases
from conformance.launch import place_at
from conformance.map import MAP, drawn
from conformance.place import Place
from conformance.stage import Stage


def main() -> int:
    """Zero if everything holds."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("url", nargs="?", default="", help="a running sandbox; without it one is started")
    parser.add_argument("--section", default="", help="only sections that begin so, such as 2 or 2.5")
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md again, and run nothing")
    given = parser.parse_args()
    if given.write:
        Path(MAP).write_text(drawn(all_cases()), "utf-8")
        return 0
    chosen = [each for each in all_cases() if f"{each.section}.".startswith(f"{given.section}.".lstrip("."))]
    width = max((len(each.name) for each in chosen), default=0)
    with place_at(given.url) as place:
        failures = [each for each in chosen if not _shown(place, each, width)]
    print(f"\n{len(chosen)} cases, {len(chosen) - len(failures)} hold, {len(failures)} do not")
    return 1 if failures or not chosen else 0


def _shown(place: Place, case: Case, width: int) -> bool:
    why = _why_not(place, case)
    print(f"{case.section:<5} {case.name:<{width}} {'FAILS' if why else 'ok'}", flush=True)
    if why:
        print(f"      {why}", flush=True)
    return not why


def _why_not(place: Place, case: Case) -> str:
    try:
        case.run(Stage(place))
    except Exception as found:  # noqa: BLE001 -- one broken case must not keep the others from being shown
        return str(found) or repr(found)
    return ""


if __name__ == "__main__":
    sys.exit(main())
