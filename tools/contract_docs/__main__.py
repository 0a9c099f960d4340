"""Writes every generated page: `PYTHONPATH=tools python -m contract_docs [--check]`, from the root of the project."""

import sys

from contract_docs import events, problems_page

if __name__ == "__main__":
    sys.exit(max(events.main(), problems_page.main()))
