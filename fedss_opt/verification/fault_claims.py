"""What is run on a copy of the package with a fault in it: the same claims as ever, on few and small instances.

``python -m fedss_opt.verification.fault_claims GROUP ...`` prints, as JSON, where which claim does not hold.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module

from ..problem import Objective
from .check_claims import CheckClaims
from .claim_record import ClaimRecord, try_cases
from .closed_form_sweeps import sweep_all
from .corruption_claims import try_corruptions
from .cross_check import CrossCheck, SolverSchedule
from .frozen_families import Instance, instances
from .policy_claims import PolicyClaims
from .round_claims import round_claims
from .sharing_claims import sharing_claims
from .solver_claims import SolverClaims

__all__ = ["GROUPS", "violations"]

Violation = tuple[str, str]  # claim, where
Family = dict[str, int]  # members of families

_ANSWERS: Family = {
    **{"easy": 2, "tied": 6, "near-infeasible": 7, "badly-scaled": 3, "capped": 4, "all-mandatory": 2},
    **{"few-blocks": 6, "many-blocks": 4, "capped-blocks": 2, "one-task-each": 2},
}
_SOLVERS: Family = {"easy": 4, "tied": 2, "capped": 4, "few-blocks": 2, "many-blocks": 1, "forced": 2, "copies": 3}
_COVERS: Family = {"easy": 16, "tied": 12, "forced": 16, "one-task-each": 20, "copies": 12}  # makespans only
_HARD: Family = {"local-optima": 8}  # seconds each without compiled kernels
_CHECKED: Family = {"easy": 2, "near-infeasible": 4, "capped": 2, "few-blocks": 2, "one-task-each": 2}
_POLICIES: Family = {"easy": 4, "near-infeasible": 3, "capped": 4, "all-mandatory": 1, "one-task-each": 2}


def _cases(families: Family) -> list[Instance]:
    return [case for family, count in families.items() for case in instances(family, count)]


def _closed_forms() -> list[Violation]:
    return [(sweep.form, sweep.region) for sweep in sweep_all(12) if not sweep.holds]


def _violated(records: Iterable[ClaimRecord]) -> list[Violation]:
    return [(record.name, where) for record in records for where in record.violated]


def _answers() -> list[Violation]:
    check = CrossCheck(SolverSchedule(cvxpy_every=0, scip_every=0, highs_every=0, time_limit_s=5.0))
    check.try_instances(_cases(_ANSWERS))
    return _violated([*check.claims.values(), *check.method_claims()])


def _corruptions() -> list[Violation]:
    solve = import_module("fedss_opt.solvers").solve
    answers = [(case.name, case.problem, solve(case.problem)) for case in _cases(_CHECKED)]
    return _violated(try_corruptions(answers).values())


def _covers() -> list[Violation]:
    makespans = [case for case in _cases(_COVERS) if case.problem.objective is Objective.MAKESPAN]
    return _violated(try_cases(SolverClaims(), makespans))


GROUPS: dict[str, Callable[[], list[Violation]]] = {
    "closed forms": _closed_forms,
    "answers": _answers,
    "solvers": lambda: _violated(try_cases(SolverClaims(), _cases(_SOLVERS))),
    "covers": _covers,
    "local optima": lambda: _violated(try_cases(SolverClaims(), _cases(_HARD))),
    "checks": lambda: _violated(try_cases(CheckClaims(), _cases(_CHECKED))),
    "corruptions": _corruptions,
    "policies": lambda: _violated(try_cases(PolicyClaims(), _cases(_POLICIES))),
    "rounds": lambda: _violated(round_claims(12).values()),
    "sharing": lambda: _violated(sharing_claims(6).values()),
}


def violations(groups: Iterable[str]) -> list[Violation]:
    """Run groups of claims and return what does not hold."""
    found: list[Violation] = []
    for group in groups:
        try:
            found += GROUPS[group]()
        except Exception as error:  # whatever a fault breaks is told, and is noticed
            found.append((f"{group}: ends without an error", f"{type(error).__name__}: {error}"))
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(violations(sys.argv[1:])))
