"""``fedss-opt check``: is an answer what it says it is."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from ..checking import check
from ..claims import CheckReport
from ..documents import load_solution
from ..gap_tolerance import DEFAULT_GAP_TOL
from ..verification import DOCUMENTED, verify_solution
from ..verification.ball_dual import knows_rate
from .exit_status import ExitStatus
from .inputs import read_problem
from .terminal import Format, print_json, printable, stdout_console
from .visible_solve import announce_compilation

__all__ = ["check_command"]


_HOLDS = {True: ("yes", "green"), False: ("NO", "bold red"), None: ("?", "yellow")}


class Arithmetic(StrEnum):
    """What an answer is checked in."""

    AUTO = "auto"
    BALL = "ball"
    FLOAT = "float"


def check_command(
    problem_file: Annotated[str, typer.Argument(metavar="PROBLEM", help="Problem: .json, .npz or .csv.")],
    solution_file: Annotated[Path, typer.Argument(metavar="SOLUTION", help="Its answer, .json.")],
    *,
    format_: Annotated[Format, typer.Option("--format", help="How to print the report.")] = Format.TABLE,
    gap_tol: Annotated[
        float, typer.Option(help="Certified gap up to which an answer may call itself optimal.")
    ] = DEFAULT_GAP_TOL,
    bandwidth: Annotated[str | None, typer.Option(help="As given to solve, such as 20MHz.", show_default=False)] = None,
    resource_block: Annotated[
        str | None, typer.Option(help="As with solve, such as 180kHz.", show_default=False)
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="As given to solve; repeatable.", show_default=False)
    ] = None,
    objective: Annotated[str | None, typer.Option(help="As given to solve.", show_default=False)] = None,
    arithmetic: Annotated[
        Arithmetic,
        typer.Option(help="ball: exact and rigorous (extra verify); auto: that, where it can be."),
    ] = Arithmetic.AUTO,
) -> int:
    """Check every claim of an answer from the problem's data alone.

    The sizes, the selection, the coverage, every limit, every reported figure, the lower bound's proof and
    the status. Exit status 1 when a claim does not hold, 5 when none is refuted but one could not be proved.
    """
    problem = read_problem(
        problem_file, bandwidth=bandwidth, resource_block=resource_block, require=require or (), objective=objective
    )
    solution = load_solution(solution_file, problem)
    at_hand = find_spec("flint") is not None and knows_rate(problem)
    if arithmetic is Arithmetic.BALL or (arithmetic is Arithmetic.AUTO and at_hand):
        report = verify_solution(problem, solution, gap_tol=gap_tol, allowances=DOCUMENTED)
    else:
        if solution.certificate is not None:
            announce_compilation(quiet=False)
        report = check(problem, solution, gap_tol=gap_tol)
    if format_ is Format.JSON:
        print_json(report.to_dict())
    else:
        _print(report)
    if report.failed:
        return ExitStatus.CHECK_FAILED
    return ExitStatus.OK if report.ok else ExitStatus.NOT_PROVED


def _print(report: CheckReport) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("claim", no_wrap=True, max_width=28)
    table.add_column("holds")
    table.add_column("detail")
    for claim in report.claims:
        table.add_row(printable(claim.name), Text(*_HOLDS[claim.holds]), printable(claim.detail))
    console = stdout_console()
    console.print(table)
    line = f"{sum(claim.holds is True for claim in report.claims)} of {len(report.claims)} claims hold"
    if report.undecided:
        line += f", {len(report.undecided)} not proved"
    if report.arithmetic == "ball":
        line += ", in exact and ball arithmetic"
    console.print(Text(line, "green" if report.ok else "bold red" if report.failed else "yellow"))
