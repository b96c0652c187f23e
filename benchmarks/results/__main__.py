"""Make docs/results.md: ``python -m benchmarks.results [--study NAME ...] [--seeds 1000:1008] [--workers 2]``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

# One thread a process: workers inherit it, and sums of several threads would depend on how many there are.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

from fedss_opt.documents.files import write_atomically
from fedss_opt.exceptions import FedssOptError
from fedss_opt.studies.experiment import parse_seeds

from .cache import Cache
from .document import fill
from .report import Report, claims_table
from .running import Runs, missing, run
from .studies import FOLDER, STUDIES, Study, read_study

SEEDS = "1000:1008"
TUNING = "100 to 119"
PAGE = FOLDER.parents[1] / "docs" / "results.md"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--study", choices=STUDIES, action="append", help="only this study; may be repeated")
    parser.add_argument("--seeds", default=SEEDS, help=f"seeds, {SEEDS} by default; nothing was chosen by these")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes, 2 by default")
    parser.add_argument("--out", type=Path, default=Path("out/results"), metavar="DIR", help="finished runs")
    parser.add_argument(
        "--document", type=Path, default=PAGE, metavar="FILE", help="page to fill; figures go beside it"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="shorter runs, to try out; not for the page of docs")
    parser.add_argument("--any-code", action="store_true", help="use finished runs that other code has played")
    parser.add_argument("--plan", action="store_true", help="only say what would be run")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, and fill the page; return the exit status."""
    try:
        return _main(_arguments(arguments))
    except FedssOptError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what has finished is kept", file=sys.stderr)
        return 130


def _main(given: argparse.Namespace) -> int:
    try:
        seeds = parse_seeds(given.seeds)
    except ValueError as error:
        return _refuse(f"--seeds {given.seeds}: {error}")
    if given.workers < 1:
        return _refuse(f"--workers {given.workers}: must be at least 1")
    trial = given.rounds is not None or given.seeds != SEEDS
    if trial and given.document.resolve() == PAGE.resolve():
        return _refuse(
            f"other seeds or rounds than the page's are for trials; give a copy of {PAGE.name} as --document"
        )
    # What the page says is between its markers: it must be there before hours are spent on filling it.
    page = given.document.read_text(encoding="utf-8")
    names = [name for name in STUDIES if given.study is None or name in given.study]
    studies = {name: _study(name, seeds, given.rounds) for name in names}
    cache = Cache(given.out, any_code=given.any_code)
    grids = [study for name, study in studies.items() if name != "speed"]
    jobs = missing(grids, cache)
    asked = sum(len(part) for study in grids for part in study.jobs().values())
    print(f"{asked} runs, of which {len(jobs)} are still to be run", file=sys.stderr)
    if given.plan:
        return 0
    failed = run(jobs, cache, workers=given.workers) if jobs else []
    if failed:
        print("\n".join(failed), file=sys.stderr)
        return _refuse(f"{len(failed)} runs failed; the page stays as it was")
    blocks, pictures = _blocks(studies, cache, given, seeds)
    text = fill(page, blocks)
    folder = given.document.parent / "figures" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in pictures.items():
        write_atomically(folder / f"{name}.png", data)
    write_atomically(given.document, text.encode())
    return 0


def _refuse(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


def _study(name: str, seeds: Sequence[int], rounds: int | None) -> Study:
    # The speed of a run is measured with one seed, its file's.
    return read_study(FOLDER / f"{name}.toml", seeds=() if name == "speed" else seeds, rounds=rounds)


def _blocks(
    studies: dict[str, Study], cache: Cache, given: argparse.Namespace, seeds: Sequence[int]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the blocks of the page and the figures, by name."""
    blocks: dict[str, str] = {}
    pictures: dict[str, bytes] = {}
    codes = set()
    for name, study in studies.items():
        runs = None if name == "speed" else Runs.find(study, cache)
        report = _report(study, runs, given)
        codes |= {finished.code for finished in runs} if runs else set()
        blocks |= {f"table: {stem}": text for stem, text in report.tables.items()}
        for stem, picture in report.figures.items():
            pictures[stem] = picture.data
            blocks[f"figure: {stem}"] = f"![{picture.shows}](figures/results/{stem}.png)"
        if report.claims:
            blocks[f"table: claims-{name}"] = claims_table(report.claims)
    if set(studies) == set(STUDIES):
        found = {**_hyperparameters(list(studies.values())), "provenance": _provenance(seeds, codes)}
        blocks |= {f"table: {stem}": text for stem, text in found.items()}
    return blocks, pictures


def _report(study: Study, runs: Runs | None, given: argparse.Namespace) -> Report:
    # Matplotlib, once everything has been run: the workers import this file.
    from . import clock, controls, frontier, required, speed, waterfall  # noqa: PLC0415

    if runs is None:
        return speed.speed(speed.find(study, given.out, any_code=given.any_code, rounds=given.rounds))
    reports = {
        "frontier": frontier.frontier,
        "clock": clock.clock,
        "waterfall": waterfall.waterfall,
        "controls": controls.controls,
        "required": required.required,
    }
    return reports[study.name](runs)


def _hyperparameters(studies: Sequence[Study]) -> dict[str, str]:
    from .hyperparameters import algorithms_table, settings_table, studies_table, variants_table  # noqa: PLC0415

    return {
        "settings": settings_table(),
        "algorithms": algorithms_table(),
        "variants": variants_table(studies),
        "studies": studies_table(studies),
    }


def _provenance(seeds: Sequence[int], codes: set[str]) -> str:
    packages = ("fedss-opt", "numpy", "scipy", "numba", "scikit-learn")
    made = [f"{name} {metadata.version(name)}" for name in packages]
    made += [f"Python {platform.python_version()}", f"{datetime.now(UTC):%Y-%m-%d}"]
    text = f"Seeds {', '.join(map(str, seeds))}; hyperparameters were chosen on seeds {TUNING}; {', '.join(made)}."
    return text if len(codes) <= 1 else f"{text} **The runs are of {len(codes)} different states of the code.**"


if __name__ == "__main__":
    sys.exit(main())
