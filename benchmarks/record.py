"""Keep what was measured: ``python -m benchmarks.record FILE ...``, then fill the pages from it.

A file is pytest-benchmark's JSON (``make bench``), the ``race.json`` of ``make race`` or the ``report.json`` of
``make verify-full``. What it has replaces what is recorded of the same benchmarks; everything else stays.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedss_opt.exceptions import FedssOptError, FileFormatError

from . import pages
from .records import FOLDER, from_pytest, load, merged, save, write_document

RACE, VERIFICATION = "fedss_opt/race", "fedss_opt/verification"


def record(document: dict[str, Any], folder: Path = FOLDER) -> list[Path]:
    """Add a measurement to the records.

    Parameters
    ----------
    document : dict
        The parsed file.
    folder : Path
        Where the records are.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    FileFormatError
        When the document is none of the three kinds, or nothing that pages should be filled from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if "machine_info" in document and "benchmarks" in document:
        new = from_pytest(document)
        whole = merged([load(folder), new])
        whole.families = {family: whole.families[family] for family in new.families}
        return save(whole, folder)
    if document.get("format") == RACE:
        return [write_document(document, folder / "race.json")]
    if document.get("format") == VERIFICATION:
        if document["size"] != "full":
            raise FileFormatError(f"a run of size {document['size']!r}: the page tells of the full one")
        return [write_document(document, folder / "verification.json")]
    raise FileFormatError("neither pytest-benchmark's JSON, nor race.json, nor the report.json of fedss-opt verify")


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the files, fill the pages, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="where the records are")
    given = parser.parse_args(arguments)
    for path in given.files:
        try:
            for written in record(json.loads(path.read_text(encoding="utf-8")), given.folder):
                print(f"{path} -> {written}")
        except (FedssOptError, ValueError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
    return pages.main(["--folder", str(given.folder)]) if given.folder == FOLDER else 0


if __name__ == "__main__":
    sys.exit(main())
