"""Run the race: ``python -m benchmarks.peers --report DIR [--quick | --full] [--time-limit S]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from .cases import ACCURACIES, FULL, QUICK, Plan, Race
from .race import Result, run_race

# Everybody races on one thread: processes started later inherit it.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
_PACKAGES = ("fedss-opt", "numpy", "scipy", "numba", "cvxpy", "clarabel", "pyscipopt")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--report", type=Path, required=True, metavar="DIR", help="race.json, tables and figures go here"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="N up to 100, a few minutes: the default")
    size.add_argument("--full", action="store_true", help="N up to 1,000,000: an hour or more")
    parser.add_argument("--time-limit", type=float, metavar="S", help="seconds for each entrant and instance")
    parser.add_argument("--seeds", type=int, metavar="N", help="instances per family and size")
    parser.add_argument("--largest", type=int, metavar="N", help="leave out sizes above")
    parser.add_argument("--race", choices=[race.name.lower() for race in Race], action="append", help="only this race")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = FULL if arguments.full else QUICK
    if arguments.time_limit is not None:
        if not arguments.time_limit > 0.0:
            sys.exit(f"--time-limit {arguments.time_limit}: must be > 0 seconds")
        plan = replace(plan, time_limit_s=arguments.time_limit)
    if arguments.seeds is not None:
        if arguments.seeds < 1:
            sys.exit(f"--seeds {arguments.seeds}: must be at least 1")
        plan = replace(plan, seeds=arguments.seeds)
    if arguments.largest is not None:
        plan = replace(plan, sizes=tuple(n for n in plan.sizes if n <= arguments.largest))
        if not plan.sizes:
            sys.exit(f"--largest {arguments.largest}: leaves no size")
    return plan


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "machine": platform.machine(), "processors": str(os.cpu_count())}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _write(folder: Path, results: dict[Race, list[Result]], plan: Plan) -> None:
    from .figures import race_figures  # noqa: PLC0415 - matplotlib, once the race is over
    from .tables import html_report, markdown_report  # noqa: PLC0415

    versions = _versions()
    document = {
        "format": "fedss_opt/race",
        "version": 1,
        "plan": {
            "name": plan.name,
            "sizes": plan.sizes,
            "seeds": plan.seeds,
            "time_limit_s": plan.time_limit_s,
            "threads": 1,
            "accuracies": ACCURACIES,
        },
        "versions": versions,
        "results": [result.to_dict() for race in results.values() for result in race],
    }
    (folder / "race.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    figures = race_figures(results, plan)
    for name, data in figures.items():
        (folder / name).write_bytes(data)
    (folder / "race.md").write_text(markdown_report(results, plan, versions, figures), encoding="utf-8")
    (folder / "race.html").write_text(html_report(results, plan, versions, figures), encoding="utf-8")


def main() -> None:
    """Run the race and write its report."""
    arguments = _arguments()
    plan = _plan(arguments)
    arguments.report.mkdir(parents=True, exist_ok=True)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    races = [race for race in Race if arguments.race is None or race.name.lower() in arguments.race]
    results: dict[Race, list[Result]] = {}
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        for race in races:
            task = bar.add_task(str(race), total=None)

            def show(what: str, done: int, total: int, task: object = task) -> None:
                bar.update(task, description=what, completed=done, total=total)  # type: ignore[arg-type]

            results[race] = run_race(race, plan, progress=show)
            bar.update(task, description=str(race), completed=len(results[race]), total=len(results[race]))
            _write(arguments.report, results, plan)  # after each race: a long run that is ended leaves what it has
    print(f"wrote {arguments.report}/race.json, race.md, race.html and figures")


if __name__ == "__main__":
    main()
