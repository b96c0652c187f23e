"""``fedss-opt demo``: one cell, solved, certified, and set beside what the field uses."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from .. import scenarios
from ..extras import needs_extra
from ..problem import Problem
from ..quantities import format_quantity, format_share, scale_for
from ..solution import Solution
from ..solvers import METHODS, Progress, solve
from .exit_status import status_of
from .inputs import output_path
from .render import bar, client_table, coverage_table, headline, new_table
from .report_option import report_path, write_report
from .terminal import note, stdout_console
from .visible_solve import solve_visibly

__all__ = ["demo_command", "demo_problem"]

_CLIENTS, _TASKS, _REQUIRED = 100, 5, 0.3

# Ratios beyond it are cut: one policy that is far off would leave no length for the others.
_LONGEST_BAR = 4.0

_POLICIES = {
    "all": "every client",
    "random_equal": "random, equal bands",
    "random": "random, best bands",
    "best_channel": "best channels first",
    "greedy": "least delay added first",
    "fedcs": "fastest first (FedCS)",
    "proportional": "random, bands by need",
}


def demo_problem(seed: int) -> Problem:
    """Return the demo's cell: 100 clients within 500 m, five tasks, 40 MHz."""
    return scenarios.make(
        "yang2021",
        n_clients=_CLIENTS,
        n_tasks=_TASKS,
        seed=seed,
        payload_bits=(0.5e6, 5e6),
        bandwidth_hz=40e6,
        required_fraction=_REQUIRED,
    )


def demo_command(
    seed: Annotated[int, typer.Option(help="Seed of the cell.")] = 0,
    plot: Annotated[
        Path | None,
        typer.Option(help="Also draw who got what, and the bounds closing in, to this .png.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write the answer as one .html page.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress bar.")] = False,
) -> int:
    """Solve an example cell and compare the answer with the policies the field uses."""
    output_path(plot, (".png", ".svg", ".pdf"))
    if plot is not None:
        with needs_extra("--plot", "plot"):
            import_module("matplotlib")
    report_path(report)
    problem = demo_problem(seed)
    records: list[Progress] = []
    solution = solve_visibly(problem, "admm", seed=seed, quiet=quiet, watch=records.append)
    console = stdout_console()
    console.print(
        f"{problem.n_clients} clients within 500 m share {format_quantity(problem.bandwidth_hz, 'Hz')}; "
        f"each of {problem.n_tasks} tasks needs {format_share(_REQUIRED)} of what all clients could contribute to it.\n"
    )
    console.print(headline(problem, solution))
    if solution.has_answer:
        console.print()
        console.print(client_table(problem, solution, 10, console), "")
        console.print(coverage_table(problem, solution, console))
        console.print(_comparison(problem, solution, seed, console))
    status = status_of(solution)
    if plot is not None and solution.has_answer:
        from .plots import draw_answer  # noqa: PLC0415 - matplotlib belongs to an extra

        draw_answer(problem, solution, records, plot)
        note(f"{plot}: written", quiet=quiet)
    if report is not None:
        title = f"The demo's cell: {problem.n_clients} clients, {problem.n_tasks} tasks"
        write_report(problem, solution, report, history=records, title=title, quiet=quiet)
    return status


def _comparison(problem: Problem, solution: Solution, seed: int, console: Console) -> Table:
    policies = [name for name, (module, _) in METHODS.items() if module.startswith("policies")]
    answers = [(name, solve(problem, name, seed=seed)) for name in policies]
    answers.sort(key=lambda answer: answer[1].latency_s)
    time = scale_for([solution.latency_s], "s")
    table = new_table("The same round under the policies of the field")
    table.add_column("method", no_wrap=True)
    table.add_column("what it does", overflow="ellipsis", no_wrap=True)
    table.add_column("clients", justify="right", no_wrap=True)
    table.add_column(f"latency\n{time.unit}", justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)

    def add(name: str, text: str, answer: Solution, style: str) -> None:
        if not answer.has_answer:
            table.add_row(name, text, "-", "-", "-", str(answer.status), style="dim")
            return
        ratio = answer.latency_s / solution.latency_s
        beyond = ">" if ratio > _LONGEST_BAR else ""
        table.add_row(
            name,
            text,
            str(int(np.count_nonzero(answer.selected))),
            time.format(answer.latency_s),
            f"{ratio:.2f}x" if ratio < 100.0 else f"{ratio:.0f}x",
            bar(ratio / _LONGEST_BAR, 8, console) + beyond,
            style=style,
        )

    add(solution.method, "both at once, certified", solution, "bold green")
    for name, answer in answers:
        add(name, _POLICIES.get(name, ""), answer, "")
    return table
