"""Certified client selection and bandwidth allocation for federated multi-task learning."""

from __future__ import annotations

from . import scenarios
from .checking import CheckReport, check
from .exceptions import (
    FedssOptError,
    FileFormatError,
    MissingDependencyError,
    OptionError,
    ProblemError,
    SolverError,
)
from .problem import Objective, Problem, RateModel
from .solution import Certificate, CertificateKind, Solution, Status, StopReason
from .solvers import METHODS, Progress, solve
from .tables import load_table

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "Certificate",
    "CertificateKind",
    "CheckReport",
    "FedssOptError",
    "FileFormatError",
    "MissingDependencyError",
    "Objective",
    "OptionError",
    "Problem",
    "ProblemError",
    "Progress",
    "RateModel",
    "Solution",
    "SolverError",
    "Status",
    "StopReason",
    "__version__",
    "check",
    "load_table",
    "scenarios",
    "solve",
]
