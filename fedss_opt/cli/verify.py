"""``fedss-opt verify``: put the package's claims to the test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..exceptions import MissingDependencyError, OptionError
from ..verification.balls import flint
from .exit_status import ExitStatus
from .solving import get_ready
from .terminal import note, printable, stderr_console, stdout_console

if TYPE_CHECKING:
    from ..verification.trial import Trial

__all__ = ["verify_command"]

_STYLES = {"holds": "green", "violated": "bold red", "undecided": "yellow", "skipped": "yellow"}


def verify_command(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="About 250 instances: the default.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="About 1800 instances, and faults made in copies; minutes.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", min=0.0, help="Attack with fresh problems for so long.", show_default=False),
    ] = None,
    problems: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Attack with so many fresh problems.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="S", min=0, help="Repeat the attack of this seed.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write report.md, report.html and figures there; in an attack, what fails: ./attack-failures.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress bar.")] = False,
) -> int:
    """Put the package's claims to the test: independent arithmetic, corrupted answers, other people's solvers.

    Closed forms against ball arithmetic, the ADMM's blocks against CVXPY, every claim of every answer in exact
    arithmetic, the methods against brute force, HiGHS, CVXPY and SCIP, solvers from poor starts, `check`, policies,
    rounds and payloads; with --full also deliberate faults, made in copies of the package, which have to be noticed.
    Exit status 1 when a claim is violated, or undecided.

    With --minutes or --problems the claims are attacked instead, with problems that are fresh for every seed; what
    fails is made small and saved as a problem file.
    """
    if quick and full:
        raise OptionError("--quick, --full: give one of them")
    flint()
    if minutes is not None or problems is not None:
        if quick or full:
            raise OptionError("--minutes, --problems: an attack has no --quick or --full")
        from .attack import attack_and_print  # noqa: PLC0415 - loads scipy.optimize

        return attack_and_print(minutes=minutes, problems=problems, seed=seed, folder=report, quiet=quiet)
    if seed is not None:
        raise OptionError("--seed: only with --minutes or --problems; the instances of a trial are fixed")
    from ..verification.trial import FULL, QUICK, run_trial  # noqa: PLC0415 - loads scipy.optimize

    if report is not None:
        _ready_for_report(report)
    get_ready(quiet=quiet)
    with _bar(not quiet and sys.stderr.isatty()) as show:
        trial = run_trial(FULL if full else QUICK, progress=show)
    _print(trial)
    if report is not None:
        from ..verification.report import write_report  # noqa: PLC0415 - draws, which needs an extra

        write_report(trial, report)
        note(f"{report}: report.md, report.html and figures written", quiet=quiet)
    return ExitStatus.OK if trial.ok else ExitStatus.CHECK_FAILED


def _ready_for_report(folder: Path) -> None:
    """Find out before the minutes are spent."""
    try:
        import matplotlib  # noqa: F401, PLC0415
    except ImportError:
        raise MissingDependencyError(
            '--report needs matplotlib; install it with: pip install "fedss-opt[plot]"'
        ) from None
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _bar(shown: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    if not shown:
        yield None
        return
    columns = (TextColumn("{task.description:13}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr_console(), transient=True) as progress:
        task = progress.add_task("", total=1)

        def show(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield show


def _print(trial: Trial) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("claim", overflow="fold")
    table.add_column("tried", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("worst seen", overflow="fold")
    group = ""
    for row in trial.rows:
        if row.group != group:
            group = row.group
            table.add_row(Text(group, "bold"), "", "", "")
        verdict = Text(row.verdict if row.verdict != "violated" else "VIOLATED", _STYLES[row.verdict])
        table.add_row(f"  {printable(row.claim)}", str(row.tried), verdict, printable(row.figure))
    console = stdout_console()
    console.print(table)
    for row in trial.rows:
        if row.verdict in ("violated", "undecided"):
            for detail in row.details[:5]:
                console.print(f"{row.verdict}: {printable(row.claim)}: {printable(detail)}")
    console.print(Text(trial.counts(), "green" if trial.ok else "bold red"))
    skipped = [row for row in trial.rows if row.verdict == "skipped"]
    for row in skipped:
        console.print(f"skipped: {printable(row.claim)}" + (f": {printable(row.details[0])}" if row.details else ""))
