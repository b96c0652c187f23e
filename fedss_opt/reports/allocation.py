"""The page of one allocation: who uploads, on how much bandwidth, why, and how good that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..documents import problem_to_dict, solution_to_dict
from ..documents.json_text import json_text
from ..exceptions import FileFormatError
from ..problem import Objective, Problem
from ..quantities import format_quantity
from ..solution import CertificateKind, Solution
from ..solvers import Progress
from .answer_charts import bounds_chart, bounds_move, tasks_chart
from .client_charts import clients_chart, timeline_chart
from .clients import clients_table, kept_clients
from .cost_charts import reduced_costs_chart
from .page import write_page
from .page_parts import Chart, Download, Page
from .reasons import prices_of
from .tasks import tasks_of
from .words import cards_of, claims_of, headline_of, state_of

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["allocation_page", "write_allocation_report"]

# Longer documents are left to --out: the page stays small enough for a phone and for a mail.
MOST_DOCUMENT = 1_800_000


def write_allocation_report(
    problem: Problem,
    solution: Solution,
    path: str | PathLike[str],
    *,
    history: Sequence[Progress] = (),
    title: str | None = None,
) -> None:
    """Write an answer as one HTML page that needs no network; all or nothing.

    Parameters
    ----------
    problem : Problem
        The round.
    solution : Solution
        Its answer, of any status and method. Reduced costs, and with them the reasons, need a certificate.
    path : path-like
        ``*.html``.
    history : sequence of Progress
        What the solve reported on its way, for the chart of the bounds; left out without it.
    title : str, optional
        The page's title; says how many clients and tasks there are by default.

    Raises
    ------
    FileFormatError
        When the name has another ending, or the answer has another number of clients than the problem, or figures
        that are not finite.
    MissingDependencyError
        Without the extra ``report``.
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import fedss_opt as fo
    >>> from fedss_opt.reports import write_allocation_report
    >>> problem = fo.Problem(
    ...     payload_bits=[1e6, 2e6, 1.5e6],
    ...     cn0_hz=[3e7, 8e6, 2e7],
    ...     bandwidth_hz=1e6,
    ...     relevance=[[1.0, 0.5, 0.8]],
    ...     required=1.2,
    ... )
    >>> history = []
    >>> solution = fo.solve(problem, callback=history.append)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_allocation_report(problem, solution, Path(folder, "round.html"), history=history)
    ...     "2 of 3 clients upload" in Path(folder, "round.html").read_text(encoding="utf-8")
    True
    """
    write_page(lambda: allocation_page(problem, solution, history=history, title=title), path)


def allocation_page(
    problem: Problem, solution: Solution, *, history: Sequence[Progress] = (), title: str | None = None
) -> Page:
    """Return the page that `write_allocation_report` writes."""
    if len(solution.selected) != problem.n_clients:
        raise FileFormatError(
            f"the answer has {len(solution.selected)} clients where the problem has {problem.n_clients}; "
            "a report needs the problem that it answers"
        )
    if solution.has_answer and not math.isfinite(solution.latency_s + solution.objective_s):
        figures = f"latency_s = {solution.latency_s}, objective_s = {solution.objective_s}"
        raise FileFormatError(f"{figures}: those of an answer that is {solution.status} must be finite numbers")
    claims = claims_of(problem, solution)
    prices = prices_of(problem, solution)
    kept = kept_clients(solution, prices)
    table = clients_table(problem, solution, prices, kept)
    tasks = tasks_of(problem, solution)
    charts: list[Chart] = []
    if bool(np.any(solution.selected)) and solution.has_answer:
        charts += [clients_chart(solution, table), timeline_chart(problem, solution, table)]
    if any(np.isfinite(row.share) for row in tasks):
        charts.append(tasks_chart(tasks, answered=solution.has_answer))
    if bounds_move(solution, history):
        charts.append(bounds_chart(solution, history))
    if solution.has_answer and prices.known and bool(np.isfinite(prices.reduced[kept]).any()):
        charts.append(reduced_costs_chart(problem, solution, table))
    downloads, left = _downloads(problem, solution)
    return Page(
        title=title or _title(problem),
        headline=headline_of(problem, solution, claims),
        state=state_of(solution, claims),
        template="allocation.html.j2",
        cards=cards_of(problem, solution),
        charts=charts,
        tables=[table],
        downloads=downloads,
        context={
            "tasks": tasks,
            "answered": solution.has_answer,
            "claims": claims,
            "prices": _prices_text(problem, solution, known=prices.known),
            "message": solution.message if solution.has_answer else "",
            "left": " and ".join(left),
        },
    )


def _downloads(problem: Problem, solution: Solution) -> tuple[list[Download], list[str]]:
    """Return the files that the page hands out, and the names of the documents that are too long for it."""
    downloads = [Download(id="clients-csv", label="Clients (CSV)", filename="clients.csv", table="clients")]
    left = []
    # A number takes four characters at least ("1.0,"): what is certainly too long is not written to be measured.
    figures = {"answer": 2, "problem": 2 + problem.n_tasks}
    for kind, each in figures.items():
        text = None
        if 4 * each * problem.n_clients <= MOST_DOCUMENT:
            text = json_text(solution_to_dict(solution, problem) if kind == "answer" else problem_to_dict(problem))
        if text is None or len(text) > MOST_DOCUMENT:
            left.append(kind)
        else:
            label = f"{kind.capitalize()} (JSON)"
            downloads.append(Download(id=f"{kind}-json", label=label, filename=f"{kind}.json", text=text))
    return downloads, left


def _title(problem: Problem) -> str:
    clients = f"{problem.n_clients:,} client{'' if problem.n_clients == 1 else 's'}"
    tasks = f"{problem.n_tasks} task{'' if problem.n_tasks == 1 else 's'}"
    return f"One round of {clients} and {tasks} on {format_quantity(problem.bandwidth_hz, 'Hz')}"


def _prices_text(problem: Problem, solution: Solution, *, known: bool) -> str:
    """Say at which deadline or price clients are judged, or why they are not."""
    certificate = solution.certificate
    if not solution.has_answer:
        return ""
    if certificate is None:
        return f"The method {solution.method} gives no certificate, so there are no reduced costs and no reasons."
    if not known:
        return "The certificate has no prices, so there are no reduced costs and no reasons."
    if problem.objective is Objective.TOTAL:
        price = format_quantity(certificate.price * 1e6, "s")
        return (
            f"A client costs its weighted time and its bandwidth, at the certificate's price of {price} a MHz; its "
            "worth is its relevance at the certificate's price of each task."
        )
    searched = " where the search began" if certificate.kind is CertificateKind.SEARCH else ""
    return (
        "A client costs the least bandwidth on which it ends by the deadline of the certificate"
        f"{searched}, {format_quantity(certificate.price, 's', 4, padded=True)}; its worth is its relevance at the "
        "certificate's price of each task."
    )
