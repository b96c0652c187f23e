"""``fedss-opt solve``: one problem in, one answer out; or, with ``--jsonl``, a stream of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..documents import save_solution, solution_to_dict
from ..exceptions import OptionError
from ..problem import Problem
from ..solution import Solution
from ..solvers import METHODS, Progress
from ..tables import save_answer
from .exit_status import ExitStatus, status_of
from .inputs import OBJECTIVES, distinct_files, output_path, read_problem
from .jsonl import Stream, solve_stream
from .render import client_table, coverage_table, headline
from .report_option import report_path, write_report
from .terminal import Format, note, print_json, stdout_console
from .visible_solve import solve_visibly

__all__ = ["solve_command"]


def solve_command(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE", help="Problem: .json, .npz or .csv; - is stdin (JSON or CSV).", show_default=False
        ),
    ] = None,
    *,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Problems on stdin, one JSON document a line; answers on stdout, in order.")
    ] = False,
    warm: Annotated[
        bool, typer.Option("--warm", help="With --jsonl: start each solve from the answer before it.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="How to print the answer.")] = Format.TABLE,
    method: Annotated[str, typer.Option(help=f"One of: {', '.join(METHODS)}.")] = "admm",
    out: Annotated[
        Path | None, typer.Option(help="Also write the answer to this .json or .csv.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Also write the answer as one .html page: who, how much, why, and how good that is.",
            show_default=False,
        ),
    ] = None,
    bandwidth: Annotated[
        str | None,
        typer.Option(help="Bandwidth to share, such as 20MHz; a CSV needs it.", show_default=False),
    ] = None,
    resource_block: Annotated[
        str | None,
        typer.Option(help="Width of a resource block, such as 180kHz: whole blocks only.", show_default=False),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="What a task needs: NAME=0.3 (of what all clients offer), NAME=12.5abs; "
            "0.3 for all tasks. Repeatable; a CSV with tasks needs it.",
            show_default=False,
        ),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help=f"One of: {OBJECTIVES}; the file's by default.", show_default=False)
    ] = None,
    gap_tol: Annotated[
        float | None,
        typer.Option(
            help="Certified gap up to which an answer is optimal; 1e-9 for exact, else 1e-4.", show_default=False
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds after which the best answer so far is taken.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the policies that draw.")] = 0,
    rows: Annotated[int, typer.Option(min=0, help="Clients to show in the table.")] = 20,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No messages, no bar; with --out or --report, no table either.")
    ] = False,
) -> int:
    """Select clients and allocate bandwidth for one round.

    The answer goes to stdout, as a table or as one JSON document; everything else goes to stderr. With --jsonl
    every line of stdin is a problem and every line of stdout its answer, or {"error": ..., "line": n}.
    """
    if jsonl:
        given = {
            "--out": out,
            "--report": report,
            "--bandwidth": bandwidth,
            "--resource-block": resource_block,
            "--require": require,
            "--objective": objective,
        }
        _refuse_beside_jsonl(file, given)
        stream = Stream(method=method, gap_tol=gap_tol, time_limit_s=time_limit, seed=seed, warm=warm)
        return solve_stream(stream, sys.stdin.buffer, sys.stdout.buffer, quiet=quiet)
    if warm:
        raise OptionError("--warm: there is no answer to start from without --jsonl")
    if file is None:
        raise OptionError("Missing argument 'FILE': a problem (.json, .npz or .csv), or - for stdin")
    output_path(out, (".json", ".csv"))
    report_path(report)
    distinct_files(file, {"--out": out, "--report": report})
    problem = read_problem(
        file,
        bandwidth=bandwidth,
        resource_block=resource_block,
        require=require or (),
        objective=objective,
        quiet=quiet,
    )
    history: list[Progress] = []
    solution = solve_visibly(
        problem, method, gap_tol=gap_tol, time_limit_s=time_limit, seed=seed, quiet=quiet, watch=history.append
    )
    if out is not None:
        _write(problem, solution, out, quiet)
    if report is not None:
        title = None if file == "-" else f"Allocation of {Path(file).name}"
        write_report(problem, solution, report, history=history, title=title, quiet=quiet)
    if format_ is Format.JSON:
        print_json(solution_to_dict(solution, problem))
    elif not (quiet and (out is not None or report is not None)):
        _print(problem, solution, rows)
    status = status_of(solution)
    if status in (ExitStatus.INFEASIBLE, ExitStatus.NO_ANSWER):
        note(f"{solution.status}: {solution.message}")
    return status


def _refuse_beside_jsonl(file: str | None, given: Mapping[str, object]) -> None:
    if file not in (None, "-"):
        raise OptionError(f"{file}: --jsonl reads stdin; leave FILE out")
    for name, value in given.items():
        if value:
            raise OptionError(f"{name}: not with --jsonl, where every line says all of its problem")


def _write(problem: Problem, solution: Solution, out: Path, quiet: bool) -> None:
    if out.suffix.lower() == ".json":
        save_solution(solution, out, problem)
    elif solution.has_answer:
        save_answer(problem, solution, out)
    else:
        note(f"{out}: not written, there is no answer to tabulate", quiet=quiet)


def _print(problem: Problem, solution: Solution, rows: int) -> None:
    console = stdout_console()
    console.print(headline(problem, solution), soft_wrap=not solution.has_answer)
    if not solution.has_answer:
        return
    if rows and solution.selected.any():
        console.print()
        console.print(client_table(problem, solution, rows, console), "")
    if problem.n_tasks:
        console.print(coverage_table(problem, solution, console))
