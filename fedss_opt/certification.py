"""What a certificate proves for a problem and says of its clients, recomputed from the data (mathematics, 5)."""

from __future__ import annotations

import math

import numpy as np

from .array_types import BoolArray, FloatArray
from .cells import cell_of, selection_cell
from .kernels import Cell
from .kernels import certified_bound as proven_by
from .kernels.oracle import cost_pass
from .problem import Problem
from .solution import Certificate, CertificateKind

__all__ = [
    "bound_of_cell",
    "certified_bound",
    "costs_and_worths",
    "forced_clients",
    "to_cell_units",
    "to_problem_units",
]


def certified_bound(problem: Problem, certificate: Certificate) -> float:
    """Return the bound in seconds that a certificate proves for a problem; see `Certificate.bound`."""
    multipliers = _sound_multipliers(problem, certificate)
    if multipliers is None:
        return 0.0
    cell, short = cell_of(problem)
    if certificate.kind is CertificateKind.COVERAGE:
        task = certificate.task
        holds = task is not None and 0 <= task < problem.n_tasks and bool(short[task])
        return math.inf if holds else 0.0
    return bound_of_cell(cell, certificate.kind, certificate.price, to_cell_units(cell, multipliers))


def _sound_multipliers(problem: Problem, certificate: Certificate) -> FloatArray | None:
    """Return the multipliers, (K,); None where they are not nonnegative, or not one a task: no proof."""
    multipliers = certificate.multipliers
    if multipliers.shape != (problem.n_tasks,) or not (np.isfinite(multipliers) & (multipliers >= 0.0)).all():
        return None
    return multipliers


def costs_and_worths(problem: Problem, certificate: Certificate) -> tuple[FloatArray, FloatArray]:
    """Return what every client costs at a certificate's deadline or price, and what its relevance is worth there.

    Returns
    -------
    cost : ndarray, (N,)
        ``phi_n``: Hz (makespan, and kind ``bandwidth``) or s (total). ``inf`` for a client that misses the deadline on
        any bandwidth that it can be given; NaN for clients that can be in no answer.
    worth : ndarray, (N,)
        ``sum_k mu_k min(R_kn, q_k - s_k)`` in the same unit; ``q_k - s_k`` is rounded up where relevance comes in whole
        steps (mathematics, 5.2). NaN for mandatory and forced clients, whose relevance is already taken off what is
        open, and for clients that can be in no answer.

    Notes
    -----
    Both are NaN throughout for certificates without a price: of kind ``coverage``, or broken ones.
    """
    cost, worth = np.full(problem.n_clients, math.nan), np.full(problem.n_clients, math.nan)
    multipliers = _sound_multipliers(problem, certificate)
    least = certificate.kind is CertificateKind.BANDWIDTH
    if multipliers is None or certificate.kind is CertificateKind.COVERAGE:
        return cost, worth
    if not (least or 0.0 <= certificate.price < math.inf):
        return cost, worth
    # The cell of the problem leaves out whom no open task needs: here everybody available has a cost.
    everybody = selection_cell(problem, problem.available)
    in_play = np.isfinite(everybody.low)
    priced = everybody.low.copy()
    if not least:
        cost_pass(everybody, float(certificate.price), priced, np.empty_like(priced))
    cost[everybody.client[in_play]] = priced[in_play]
    cell, _ = cell_of(problem)
    worth[everybody.client[in_play]] = 0.0
    worth[cell.client[cell.free :]] = math.nan
    worth[cell.client[: cell.free]] = cell.relevance @ to_cell_units(cell, multipliers)
    return cost, worth


def forced_clients(problem: Problem) -> BoolArray:
    """Mark the clients without whom some task misses its target, whoever else is selected, (N,); not the mandatory."""
    cell, _ = cell_of(problem)
    forced = np.zeros(problem.n_clients, dtype=np.bool_)
    forced[cell.client[cell.free :]] = True
    return forced & ~problem.mandatory


def bound_of_cell(cell: Cell, kind: CertificateKind, price: float, mu: FloatArray) -> float:
    """Return the bound that multipliers in the cell's units prove at a price, s; 0 for none."""
    return float(proven_by(cell, kind is CertificateKind.BANDWIDTH, float(price), mu))


def to_cell_units(cell: Cell, multipliers: FloatArray) -> FloatArray:
    """Turn multipliers per unit of relevance into those per covered requirement, for the cell's open tasks."""
    with np.errstate(over="ignore"):  # what overflows proves nothing
        mu: FloatArray = multipliers[cell.task] * cell.scale
    return mu


def to_problem_units(cell: Cell, mu: FloatArray, tasks: int) -> FloatArray:
    """Turn multipliers per covered requirement into those per unit of relevance, for all the problem's tasks."""
    multipliers = np.zeros(tasks)
    multipliers[cell.task] = mu / cell.scale
    return multipliers
