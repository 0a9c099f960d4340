"""Writes the contract's documents: `python -m contract_docs.events [--check] [--out docs/events]`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from common.contract.registry import BODIES
from contract_docs.asyncapi import asyncapi_document
from contract_docs.markdown import events_page
from contract_docs.schemas import Document, schema_of

DEFAULT_FOLDER = Path("docs/events")


def documents() -> Mapping[str, bytes]:
    """Build every document, by its path inside the folder."""
    return {
        "README.md": events_page().encode(),
        "asyncapi.json": _json(asyncapi_document()),
        **{f"schemas/{body.versioned_name()}.json": _json(schema_of(body)) for body in BODIES},
    }


def stale_files(folder: Path) -> Sequence[str]:
    """Return each file that is missing, differs or belongs to no event, with which of these it is."""
    wanted = documents()
    there = _files_in(folder)
    return [
        *(f"{name}: missing" for name in wanted if name not in there),
        *(f"{name}: differs from the code" for name in wanted if name in there and there[name] != wanted[name]),
        *(f"{name}: no event of the contract" for name in there if name not in wanted),
    ]


def write(folder: Path) -> None:
    """Write every document and remove those of events that are gone."""
    wanted = documents()
    for name in _files_in(folder).keys() - wanted.keys():
        (folder / name).unlink()
    for name, content in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents, or with `--check` report which are stale. Returns the exit status, 1 if any is."""
    parser = argparse.ArgumentParser(prog="python -m contract_docs.events", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; name each stale file and exit 1")
    parser.add_argument("--out", type=Path, default=DEFAULT_FOLDER, help="folder of the documents (%(default)s)")
    chosen = parser.parse_args(arguments)
    if not chosen.check:
        write(chosen.out)
        return 0
    stale = stale_files(chosen.out)
    for line in stale:
        sys.stderr.write(f"{chosen.out}/{line}\n")
    if stale:
        sys.stderr.write("run `make events`\n")
    return 1 if stale else 0


def _files_in(folder: Path) -> Mapping[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _json(document: Document) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(main())
