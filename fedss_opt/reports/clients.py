"""The table of clients: what is known of each of them, in the units in which it reads best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array_types import FloatArray, IntArray
from ..certification import costs_and_worths
from ..problem import Objective, Problem
from ..quantities import channel_db, scale_for
from ..solution import Certificate, CertificateKind, Solution
from .page_parts import Column, Table, displayable, measure
from .reasons import STATES, Prices, Reason, reasons_of, states_of

__all__ = ["clients_table", "kept_clients", "needed_hz"]

# What a page carries: more rows serve nobody, and a phone has to hold them.
MOST_ROWS = 10_000
MOST_CONTRIBUTIONS = 200_000


def kept_clients(solution: Solution, prices: Prices, limit: int = MOST_ROWS) -> IntArray:
    """Return the positions of the clients that a page carries: the selected, then those nearest to it if known."""
    if len(solution.selected) <= limit:
        return np.arange(len(solution.selected))
    distance = np.where(np.isnan(prices.reduced), np.inf, np.abs(prices.reduced))
    order = np.lexsort((distance, ~solution.selected))
    return np.sort(order[:limit])


def needed_hz(problem: Problem, solution: Solution) -> FloatArray:
    """Return what each client needs to end with the last one selected, Hz, (N,); inf: nothing does, NaN: unable."""
    end = Certificate(
        kind=CertificateKind.BOUND, price=solution.latency_s, multipliers=np.zeros(problem.n_tasks), task=None
    )
    return costs_and_worths(problem.replace(objective="makespan"), end)[0]


def clients_table(problem: Problem, solution: Solution, prices: Prices, kept: IntArray) -> Table:
    """Return the clients that a page carries as a table."""
    chosen = solution.selected
    needs = needed_hz(problem, solution)
    # Of the sum of the times no client is too late.
    states = states_of(problem, solution, np.isposinf(needs) & (problem.objective is Objective.MAKESPAN))
    upload = np.where(chosen, problem.upload_s(solution.bandwidth_hz), np.nan)
    finish = problem.compute_s + upload
    channel, channel_unit = channel_db(problem)
    bandwidth = np.where(chosen, solution.bandwidth_hz, np.nan)
    # Times are in one unit, as charts lay them on one axis.
    clock = scale_for(finish if chosen.any() else problem.compute_s, "s", 4)
    time: dict[str, Any] = {"unit": clock.unit, "factor": clock.factor, "decimals": clock.decimals}
    cost_unit = "s" if problem.objective is Objective.TOTAL and _in_seconds(solution) else "Hz"
    priced = scale_for(np.concatenate([prices.cost, prices.worth]), cost_unit, 4)
    price: dict[str, Any] = {"unit": priced.unit, "factor": priced.factor, "decimals": priced.decimals}
    ends = f"_{cost_unit.lower()}"
    entries: list[tuple[Column, Any]] = [
        (Column(key="name", title="client", kind="text", csv="id"), _names(problem, kept)),
        (
            Column(key="state", title="state", kind="choice", labels=STATES, csv="state"),
            states,
        ),
        (
            Column(
                key="channel",
                title="channel",
                unit=channel_unit,
                decimals=1 if problem.cn0_hz is not None else 2,
                csv="cn0_dbhz" if problem.cn0_hz is not None else problem.client_model.link,
            ),
            channel,
        ),
        (measure("payload", "payload", problem.payload_bits, "bit", csv="payload_bits"), problem.payload_bits),
        (Column(key="compute", title="computing", csv="compute_s", **time), problem.compute_s),
    ]
    if solution.has_answer:
        entries += [
            (measure("bandwidth", "bandwidth", bandwidth, "Hz", csv="bandwidth_hz"), bandwidth),
            (Column(key="upload", title="upload", csv="upload_s", **time), upload),
            (Column(key="finish", title="ends at", csv="finish_s", **time), finish),
        ]
    if solution.has_answer and problem.resource_block_hz is not None:
        blocks = np.rint(bandwidth / problem.resource_block_hz)
        entries.append((Column(key="blocks", title="blocks", csv="resource_blocks"), blocks))
    if np.isfinite(problem.max_upload_s).any():
        cap = measure("cap", "longest upload", problem.max_upload_s, "s", csv="max_upload_s", shown=False)
        entries.append((cap, problem.max_upload_s))
    if problem.objective is Objective.TOTAL and len(set(problem.weights.tolist())) > 1:
        entries.append((Column(key="weight", title="weight", decimals=2, csv="weight", shown=False), problem.weights))
    if solution.has_answer:
        never: dict[str, Any] = {"infinite": "more than it can get", "shown": False}
        entries.append((measure("needed", "to end with the last", needs, "Hz", csv="needed_hz", **never), needs))
    if prices.known:
        hidden: dict[str, Any] = {"shown": False}
        late: dict[str, Any] = {"infinite": "infinite"}
        entries += [
            (Column(key="cost", title="cost in the proof", csv=f"cost{ends}", **hidden, **late, **price), prices.cost),
            (Column(key="worth", title="worth in the proof", csv=f"worth{ends}", **hidden, **price), prices.worth),
            (Column(key="reduced", title="reduced cost", csv=f"reduced_cost{ends}", **late, **price), prices.reduced),
        ]
    texts = [reason.text for reason in Reason]
    why = Column(key="why", title="why", kind="sentence", labels=texts, csv="why", shown=False)
    entries.append((why, reasons_of(problem, solution, prices)))
    whole = len(kept) == problem.n_clients
    others = "those nearest to selection" if prices.known else "the others in their order"
    return Table(
        id="clients",
        title="Clients",
        row="client",
        columns=[column for column, _ in entries],
        values={column.key: values if column.key == "name" else values[kept] for column, values in entries},
        choices=_choices(states[kept]),
        lists=_contributions(problem, kept),
        note=""
        if whole
        else f"{len(kept):,} of {problem.n_clients:,} clients are on this page: those selected first, then {others}. "
        "The charts of clients draw from these; all else above is of all clients.",
    )


def _in_seconds(solution: Solution) -> bool:
    return solution.certificate is not None and solution.certificate.kind is not CertificateKind.BANDWIDTH


def _names(problem: Problem, kept: IntArray) -> list[str]:
    return [problem.client_name(n) for n in kept.tolist()]


def _choices(states: IntArray) -> Sequence[tuple[str, str, int]]:
    present = np.unique(states).tolist()
    return [(STATES[state], "state", state) for state in present] if len(present) > 1 else []


def _contributions(problem: Problem, kept: IntArray) -> dict[str, tuple[str, list[str], FloatArray]]:
    if not problem.n_tasks or problem.n_tasks * len(kept) > MOST_CONTRIBUTIONS:
        return {}
    names = [displayable(problem.task_name(k)) for k in range(problem.n_tasks)]
    return {"task": ("Relevance to the tasks", names, problem.relevance[:, kept].T)}
