"""What a certificate proves for a problem, recomputed from the data (section 5 of the mathematics)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .cells import cell_of
from .kernels import Cell
from .kernels import certified_bound as proven_by
from .problem import Problem
from .solution import Certificate, CertificateKind

__all__ = ["bound_of_cell", "certified_bound", "to_cell_units", "to_problem_units"]

FloatArray = npt.NDArray[np.float64]


def certified_bound(problem: Problem, certificate: Certificate) -> float:
    """Return the bound in seconds that a certificate proves for a problem; see `Certificate.bound`."""
    multipliers = np.asarray(certificate.multipliers)
    if multipliers.dtype.kind not in "fiu":  # not numbers: no proof
        return 0.0
    multipliers = multipliers.astype(np.float64)
    if multipliers.shape != (problem.tasks,) or not (np.isfinite(multipliers) & (multipliers >= 0.0)).all():
        return 0.0
    cell, short = cell_of(problem)
    if certificate.kind is CertificateKind.COVERAGE:
        task = certificate.task
        holds = task is not None and 0 <= task < problem.tasks and bool(short[task])
        return math.inf if holds else 0.0
    return bound_of_cell(cell, certificate.kind, certificate.price, to_cell_units(cell, multipliers))


def bound_of_cell(cell: Cell, kind: CertificateKind, price: float, mu: FloatArray) -> float:
    """Return the bound that multipliers in the cell's units prove at a price, s; 0 for none."""
    return float(proven_by(cell, kind is CertificateKind.BANDWIDTH, price, mu))


def to_cell_units(cell: Cell, multipliers: FloatArray) -> FloatArray:
    """Multipliers per unit of relevance -> per covered requirement, for the cell's open tasks."""
    mu: FloatArray = multipliers[cell.task] * cell.scale
    return mu


def to_problem_units(cell: Cell, mu: FloatArray, tasks: int) -> FloatArray:
    """Multipliers per covered requirement -> per unit of relevance, for all the problem's tasks."""
    multipliers = np.zeros(tasks)
    multipliers[cell.task] = mu / cell.scale
    return multipliers
