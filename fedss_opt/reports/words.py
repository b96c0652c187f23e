"""The answer in a few sentences and figures: headline, cards, tasks, claims."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..checking import check
from ..problem import Objective, Problem
from ..quantities import format_gap, format_quantity, offered
from ..solution import Solution, Status
from .parts import Card, displayable

__all__ = ["TaskRow", "cards_of", "claims_of", "headline_of", "state_of", "tasks_of"]

# Clients that end within this share of the makespan end together.
_TOGETHER = 1e-6


def state_of(solution: Solution) -> str:
    """Return the colour of the headline."""
    return {Status.OPTIMAL: "good", Status.FEASIBLE: "fair"}.get(solution.status, "bad")


def headline_of(problem: Problem, solution: Solution) -> str:
    """Say in two or three sentences what was found, and what is proven of it."""
    if not solution.has_answer:
        word = "Infeasible" if solution.status is Status.INFEASIBLE else "Unknown"
        what = "no selection and allocation satisfies this problem" if word == "Infeasible" else "no answer was found"
        return f"{word}: {what}. {_sentence(solution.message)}".rstrip()
    chosen = int(np.count_nonzero(solution.selected))
    if not chosen:
        return f"{_word(solution)}: nobody has to upload, as no task needs anything."
    clients = "client uploads" if problem.clients == 1 else f"clients upload{'s' if chosen == 1 else ''}"
    text = f"{_word(solution)}: {chosen:,} of {problem.clients:,} {clients}. {_last(problem, solution)}"
    if problem.objective is Objective.TOTAL:
        text += f" The weighted sum of their times is {format_quantity(solution.objective_s, 's', _digits(solution))}."
    return f"{text} {_proof(solution)}"


def _word(solution: Solution) -> str:
    return "Optimal" if solution.status is Status.OPTIMAL else "Feasible"


def _sentence(message: str) -> str:
    text = message.strip()
    first = text.partition(" ")[0]
    begin = first if "_" in first else first.capitalize()  # the name of a field stays what it is
    return text and f"{begin}{text[len(first) :]}{'' if text.endswith('.') else '.'}"


def _digits(solution: Solution) -> int:
    """Significant digits at which the answer and its bound differ: 4, or more where they are close."""
    if not solution.objective_s > solution.lower_bound_s > 0.0:
        return 4
    differ = (
        digits
        for digits in range(4, 10)
        if format_quantity(solution.objective_s, "s", digits) != format_quantity(solution.lower_bound_s, "s", digits)
    )
    return next(differ, 9)


def _last(problem: Problem, solution: Solution) -> str:
    finish = np.where(solution.selected, problem.compute_s + problem.upload_s(solution.bandwidth_hz), -math.inf)
    last = int(np.argmax(finish))
    together = int(np.count_nonzero(finish >= solution.latency_s * (1.0 - _TOGETHER)))
    end = format_quantity(solution.latency_s, "s", _digits(solution))
    chosen = int(np.count_nonzero(solution.selected))
    name = problem.client_name(last) if problem.client_ids is not None else f"client {last}"
    if chosen == 1:
        return f"It is {name}, which ends at {end}."
    if together == chosen:
        return f"All of them end together, at {end}."
    if together == 1:
        return f"The last of them, {name}, ends at {end}."
    return f"The last of them, {name} and {together - 1:,} more, end together at {end}."


def _proof(solution: Solution) -> str:
    if math.isnan(solution.lower_bound_s):
        return "No bound: this method does not say how far from the best it is."
    if solution.objective_s <= solution.lower_bound_s:
        return "Nothing better exists, whatever clients and bandwidths are chosen."
    least = format_quantity(solution.lower_bound_s, "s", _digits(solution))
    if not math.isfinite(solution.gap):
        return "Nothing is proven of how good that is."
    return (
        f"Whatever clients and bandwidths are chosen, nothing is below {least}: "
        f"the answer is at most {format_gap(solution.gap)} above the best."
    )


def cards_of(problem: Problem, solution: Solution) -> list[Card]:
    """Return the key figures."""
    method = Card(
        id="method",
        label="Method",
        value=solution.method,
        note=", ".join(
            part
            for part in (
                format_quantity(solution.solve_time_s, "s"),
                f"{solution.iterations:,} iterations" if solution.iterations else "",
                f"stopped by: {solution.stop_reason}",
            )
            if part
        ),
    )
    tasks = f"{problem.tasks} task{'' if problem.tasks == 1 else 's'}"
    shared = format_quantity(problem.bandwidth_hz, "Hz")
    if not solution.has_answer:
        able = int(np.count_nonzero(problem.selectable))
        return [
            Card(id="status", label="Status", value=str(solution.status)),
            Card(id="clients", label="Clients", value=f"{problem.clients:,}", note=f"{able:,} can take part, {tasks}"),
            Card(id="bandwidth", label="Bandwidth to share", value=shared),
            method,
        ]
    used = math.fsum(solution.bandwidth_hz.tolist())
    chosen = int(np.count_nonzero(solution.selected))
    note = f"{used / problem.bandwidth_hz:.1%} of {shared}"
    if problem.resource_blocks is not None:
        blocks = round(used / float(problem.resource_block_hz or 1.0))
        width = format_quantity(float(problem.resource_block_hz or 0.0), "Hz")
        note = f"{blocks:,} of {problem.resource_blocks:,} blocks of {width}"
    total = problem.objective is Objective.TOTAL
    end = format_quantity(solution.latency_s, "s", _digits(solution))
    cards = [
        Card(id="clients", label="Clients selected", value=f"{chosen:,} of {problem.clients:,}", note=tasks),
        Card(id="bandwidth", label="Bandwidth in use", value=format_quantity(used, "Hz"), note=note),
        Card(id="makespan", label="Makespan", value=end, note="the last one ends"),
    ]
    if total:
        value = format_quantity(solution.objective_s, "s", _digits(solution))
        cards.append(Card(id="objective", label="Total latency", value=value, note="weighted sum of the times"))
    claimed = not math.isnan(solution.lower_bound_s)
    cards += [
        Card(
            id="bound",
            label="Proven bound",
            value=format_quantity(solution.lower_bound_s, "s", _digits(solution)) if claimed else "none",
            note=f"on the {'total' if total else 'makespan'}" if claimed else "the method claims none",
        ),
        Card(
            id="gap",
            label="Certified gap",
            value=format_gap(solution.gap) if math.isfinite(solution.gap) else "unknown",
            note=str(solution.status),
        ),
        method,
    ]
    return cards


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """What a task needs, receives, and could receive; as text, but for the shares.

    Attributes
    ----------
    name, needs, receives, offered, ratio : str
        Relevance; `offered` by all clients that can be selected.
    clients : int
        Selected clients that serve it.
    share : float
        Received (or, without an answer, offered) over needed; inf where nothing is needed.
    served : bool
        Whether that suffices.
    """

    name: str
    needs: str
    receives: str
    offered: str
    ratio: str
    clients: int
    share: float
    served: bool


def tasks_of(problem: Problem, solution: Solution) -> list[TaskRow]:
    """Return a row a task: its coverage against its requirement."""
    received = problem.coverage(solution.selected)
    offer = offered(problem.relevance, problem.selectable)
    serving = (problem.relevance[:, solution.selected] > 0.0).sum(axis=1)
    covered = problem.covers(solution.selected if solution.has_answer else problem.selectable)
    decimals = max(0, 3 - len(str(int(problem.required.max(initial=1.0)))))
    rows = []
    for k in range(problem.tasks):
        need = float(problem.required[k])
        counts = float(received[k]) if solution.has_answer else offer[k]
        share = counts / need if need > 0.0 else math.inf
        rows.append(
            TaskRow(
                name=displayable(problem.task_name(k)),
                needs=f"{need:,.{decimals}f}",
                receives=f"{received[k]:,.{decimals}f}",
                offered=f"{offer[k]:,.{decimals}f}",
                ratio=f"{share:.1%}" if math.isfinite(share) else "no need",
                clients=int(serving[k]),
                share=share,
                served=bool(covered[k]),
            )
        )
    return rows


def claims_of(problem: Problem, solution: Solution) -> list[tuple[bool, str, str]]:
    """Return every claim of the answer as (holds, name, detail), recomputed from the data by `fedss_opt.check`.

    The claim of the status is left out: it depends on a tolerance that the answer does not carry.
    """
    claims = check(problem, solution).claims
    return [(claim.verdict, claim.name, claim.detail) for claim in claims if claim.name != "status"]
