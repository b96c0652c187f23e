"""An answer as tables for the terminal."""

from __future__ import annotations

import math

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..problem import Objective, Problem
from ..quantities import channel_db, format_gap, format_quantity, format_share, scale_for
from ..solution import Solution, Status
from .terminal import printable

__all__ = ["bar", "channel_db", "client_table", "coverage_table", "format_gap", "headline", "new_table"]

_STYLE = {
    Status.OPTIMAL: "bold green",
    Status.FEASIBLE: "bold yellow",
    Status.INFEASIBLE: "bold red",
    Status.UNKNOWN: "bold red",
}


def new_table(title: str) -> Table:
    """Return an empty table in the house style."""
    return Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        caption_style="",
    )


def bar(fraction: float, width: int, console: Console) -> str:
    """Return a horizontal bar, in plain characters where the terminal has no others."""
    filled = round(max(0.0, min(fraction, 1.0)) * width)
    return ("\N{FULL BLOCK}" if (console.encoding or "").lower().startswith("utf") else "#") * filled


def headline(problem: Problem, solution: Solution) -> Text:
    """Say in a few lines what was found and what is proven of it."""
    text = Text()
    text.append(str(solution.status), _STYLE[solution.status])
    if not solution.has_answer:
        text.append(f": {printable(solution.message)}" if solution.message else "")
        return text
    chosen = int(np.count_nonzero(solution.selected))
    if chosen:
        _append_figures(text, problem, solution, chosen)
    else:
        text.append(": no task asks for anything, so nobody has to upload")
    text.append(f"\nmethod {solution.method}, {format_quantity(solution.solve_time_s, 's')}")
    if solution.iterations:
        text.append(f", {solution.iterations} iteration{'' if solution.iterations == 1 else 's'}")
    text.append(f", stopped by: {solution.stop_reason}")
    if solution.message:
        text.append(f"\n{printable(solution.message)}")
    return text


def _append_figures(text: Text, problem: Problem, solution: Solution, chosen: int) -> None:
    """Append who uploads until when, and how far that is from the best."""
    latency = format_quantity(solution.latency_s, "s", 4, padded=True)
    text.append(f": {chosen} of {problem.n_clients} clients upload, the last one ends at {latency}")
    if problem.objective is Objective.TOTAL:
        total = format_quantity(solution.objective_s, "s", 4, padded=True)
        text.append(f";\nthe weighted sum of their times is {total}")
    if math.isnan(solution.lower_bound_s):
        text.append("\nno bound: this method does not say how far from the best it is")
    else:
        least = format_quantity(solution.lower_bound_s, "s", 4, padded=True)
        text.append(f"\ncertified gap {format_gap(solution.gap)}", "bold")
        text.append(f": whatever clients and bandwidths are chosen, nothing is below {least}")


def _task_names(problem: Problem, client: int) -> str:
    """Name the task that a client serves best (in proportion to the need), and count the others."""
    column = problem.relevance[:, client]
    served = np.flatnonzero(column > 0.0)
    if not served.size:
        return "-"
    need = np.where(problem.required > 0.0, problem.required, math.inf)
    first = served[np.argmax(column[served] / need[served])]
    others = f" +{served.size - 1}" if served.size > 1 else ""
    return printable(problem.task_name(int(first))) + others


def client_table(problem: Problem, solution: Solution, rows: int, console: Console) -> Table:
    """Tabulate the selected clients, those of the widest bands first; at most `rows` of them."""
    chosen = np.flatnonzero(solution.selected)
    order = chosen[np.argsort(-solution.bandwidth_hz[chosen], kind="stable")]
    finish = problem.compute_s + problem.upload_s(solution.bandwidth_hz)
    channel, channel_unit = channel_db(problem)
    payload = scale_for(problem.payload_bits[chosen], "bit")
    band = scale_for(solution.bandwidth_hz[chosen], "Hz")
    time = scale_for(finish[chosen], "s", 4)
    widest = solution.bandwidth_hz.max(initial=0.0) / problem.bandwidth_hz
    decimals = 1 if widest >= 0.01 else 3
    table = new_table("Selected clients, widest band first")
    # The numbers take 56 columns; where room is short it is the names that are cut.
    spare = max(0, console.width - 80) // 2
    table.add_column("client", overflow="ellipsis", no_wrap=True, max_width=14 + spare)
    if problem.n_tasks:
        table.add_column("serves", overflow="ellipsis", no_wrap=True, max_width=11 + spare)
    for head in (
        f"channel\n{channel_unit}",
        f"payload\n{payload.unit}",
        f"bandwidth\n{band.unit}",
        "share\n%",
        f"ends at\n{time.unit}",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    # One row more takes no more room than the line that would say so.
    shown = order if len(order) <= rows + 1 else order[:rows]
    for n in shown:
        serves = [_task_names(problem, n)] if problem.n_tasks else []
        table.add_row(
            printable(problem.client_name(int(n))),
            *serves,
            f"{channel[n]:.1f}",
            payload.format(problem.payload_bits[n]),
            band.format(solution.bandwidth_hz[n]),
            f"{100.0 * solution.bandwidth_hz[n] / problem.bandwidth_hz:.{decimals}f}",
            time.format(finish[n]),
        )
    if len(shown) < len(order):
        rest = solution.bandwidth_hz[order[len(shown) :]].sum() / problem.bandwidth_hz
        table.caption = f"... and {len(order) - len(shown):,} more on {format_share(rest, 1)} of the band"
    return table


def coverage_table(problem: Problem, solution: Solution, console: Console) -> Table:
    """Tabulate what each task needs, receives, and could get at most."""
    received = problem.coverage(solution.selected)
    offer = problem.relevance[:, problem.available].sum(axis=1)
    serving = (problem.relevance[:, solution.selected] > 0.0).sum(axis=1)
    amount = f",.{max(0, 3 - len(str(int(problem.required.max(initial=1.0)))))}f"
    table = new_table("Tasks")
    table.add_column("task", overflow="ellipsis", no_wrap=True, max_width=24)
    for head in ("clients", "needs", "receives", "of all"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("received / needed", no_wrap=True)
    for k in range(problem.n_tasks):
        need = float(problem.required[k])
        ratio = received[k] / need if need > 0.0 else math.inf
        table.add_row(
            printable(problem.task_name(k)),
            str(int(serving[k])),
            f"{need:{amount}}",
            f"{received[k]:{amount}}",
            format_share(received[k] / offer[k]) if offer[k] > 0.0 else "-",
            f"{bar(min(ratio, 1.5) / 1.5, 15, console)} {ratio:.2f}" if math.isfinite(ratio) else "no need",
        )
    return table
