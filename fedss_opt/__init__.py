"""Certified client selection and bandwidth allocation for federated multi-task learning."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import scenarios
from .checking import CheckReport, check
from .exceptions import (
    FedssOptError,
    FileFormatError,
    InputError,
    MissingDependencyError,
    OptionError,
    PayloadError,
    ProblemError,
    SolverError,
)
from .problem import Objective, Problem
from .solution import Certificate, CertificateKind, Solution, Status, StopReason
from .solvers import METHODS, Progress, solve
from .tables import load_table

if TYPE_CHECKING:
    from .batch import BatchSolution, ProblemBatch, solve_batch
    from .rounds import Fairness, RoundAllocator, RoundPlan

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "BatchSolution",
    "Certificate",
    "CertificateKind",
    "CheckReport",
    "Fairness",
    "FedssOptError",
    "FileFormatError",
    "InputError",
    "MissingDependencyError",
    "Objective",
    "OptionError",
    "PayloadError",
    "Problem",
    "ProblemBatch",
    "ProblemError",
    "Progress",
    "RoundAllocator",
    "RoundPlan",
    "Solution",
    "SolverError",
    "Status",
    "StopReason",
    "__version__",
    "check",
    "load_table",
    "scenarios",
    "solve",
    "solve_batch",
]


# Loaded with their first use, and what they need with them.
_LAZY = {
    "BatchSolution": ".batch",
    "Fairness": ".rounds",
    "ProblemBatch": ".batch",
    "RoundAllocator": ".rounds",
    "RoundPlan": ".rounds",
    "solve_batch": ".batch",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
