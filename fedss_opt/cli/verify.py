"""``fedss-opt verify``: put the package's claims to the test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..exceptions import MissingDependencyError, OptionError
from ..progress_bar import progress_bar
from ..verification.balls import flint
from .exit_status import ExitStatus
from .solving import get_ready
from .terminal import note, printable, stderr_console, stdout_console

if TYPE_CHECKING:
    from ..verification.verification_run import VerificationRun

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
        raise OptionError("--seed: only with --minutes or --problems; the instances of --quick and --full are fixed")
    from ..verification.verification_run import FULL, QUICK, run_verification  # noqa: PLC0415 - loads scipy.optimize

    if report is not None:
        _ready_for_report(report)
    get_ready(quiet=quiet)
    with _bar(not quiet and sys.stderr.isatty()) as show:
        run = run_verification(FULL if full else QUICK, progress=show)
    _print(run)
    if report is not None:
        from ..verification.run_report import write_report  # noqa: PLC0415 - draws, which needs an extra

        write_report(run, report)
        note(f"{report}: report.md, report.html and figures written", quiet=quiet)
    return ExitStatus.OK if run.ok else ExitStatus.CHECK_FAILED


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
def _bar(shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description:13}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with progress_bar(shown, *columns, total=1, console=stderr_console()) as update:
        yield lambda what, done, total: update(description=what, completed=done, total=total)


def _print(run: VerificationRun) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("claim", overflow="fold")
    table.add_column("tried", justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("worst seen", overflow="fold")
    group = ""
    for claim in run.claims:
        if claim.group != group:
            group = claim.group
            table.add_row(Text(group, "bold"), "", "", "")
        result = Text(claim.result if claim.result != "violated" else "VIOLATED", _STYLES[claim.result])
        table.add_row(f"  {printable(claim.name)}", str(claim.tried), result, printable(claim.figure))
    console = stdout_console()
    console.print(table)
    for claim in run.claims:
        if claim.result in ("violated", "undecided"):
            for detail in claim.details[:5]:
                console.print(f"{claim.result}: {printable(claim.name)}: {printable(detail)}")
    console.print(Text(run.counts(), "green" if run.ok else "bold red"))
    for claim in run.claims:
        if claim.result == "skipped":
            console.print("skipped: " + printable(": ".join([claim.name, *claim.details[:1]])))
