"""Fill docs/benchmarks.md and docs/verification.md from what is recorded: ``python -m benchmarks.pages [--check]``.

What stands between ``<!-- table: NAME -->`` and ``<!-- end: NAME -->`` is made here; all else is written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fedss_opt.documents.files import write_atomically
from fedss_opt.exceptions import FedssOptError

from .race_tables import race_tables
from .records import FOLDER, load, load_document
from .results.document import blocks_of, fill
from .solver_tables import solver_tables
from .verification_tables import verification_tables

__all__ = ["BENCHMARKS", "VERIFICATION", "main", "tables_of"]

_DOCS = FOLDER.parents[1] / "docs"
BENCHMARKS, VERIFICATION = _DOCS / "benchmarks.md", _DOCS / "verification.md"


def tables_of(page: Path, folder: Path = FOLDER) -> dict[str, str]:
    """Return what the records have for a page, by marker.

    Raises
    ------
    FileFormatError
        When a record is not what it should be.
    """
    tables: Mapping[str, str] = {}
    if page.name == VERIFICATION.name:
        tables = _from(folder / "verification.json", verification_tables)
    elif page.name == BENCHMARKS.name:
        tables = solver_tables(load(folder)) | _from(folder / "race.json", race_tables)
    # What the page does not show yet is not an error: a table may be recorded before it is written about.
    asked = blocks_of(page.read_text(encoding="utf-8"))
    return {f"table: {name}": text for name, text in tables.items() if f"table: {name}" in asked}


def _from(path: Path, make: Callable[[dict[str, Any]], dict[str, str]]) -> dict[str, str]:
    return make(load_document(path)) if path.exists() else {}


def filled(page: Path, folder: Path = FOLDER) -> str:
    """Return the page's text with every recorded table in its place."""
    return fill(page.read_text(encoding="utf-8"), tables_of(page, folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the pages, or check them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when a page differs")
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="where the records are")
    given = parser.parse_args(arguments)
    status = 0
    for page in (BENCHMARKS, VERIFICATION):
        try:
            text = filled(page, given.folder)
        except FedssOptError as error:
            print(f"{page}: {error}", file=sys.stderr)
            return 2
        if text == page.read_text(encoding="utf-8"):
            continue
        print(f"{page}: {'differs from the records' if given.check else 'filled'}")
        status = max(status, int(given.check))
        if not given.check:
            write_atomically(page, text.encode())
    return status


if __name__ == "__main__":
    sys.exit(main())
