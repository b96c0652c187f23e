"""Turn pytest-benchmark's JSON into tables: ``python -m benchmarks.report out/benchmark.json [more.json ...]``.

Nothing is kept; `benchmarks.record` does that, with the same tables.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .records import from_pytest, merged
from .solver_tables import solver_tables


def main(paths: list[str]) -> None:
    """Print the tables of these files, as one measurement."""
    records = merged(from_pytest(json.loads(Path(path).read_text(encoding="utf-8"))) for path in paths)
    for name, text in solver_tables(records).items():
        print(f"## {name.replace('-', ' ').capitalize()}\n\n{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
