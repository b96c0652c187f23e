"""What is run on a copy of the package with a fault in it: the same claims as ever, on few and small instances.

``python -m fedss_opt.verification.fault_claims GROUP ...`` prints, as JSON, where which claim does not hold.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from ..problem import Objective
from .check_claims import CheckClaims
from .claim_record import violations_of
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


def _cases(families: Family) -> Iterator[Instance]:
    return chain.from_iterable(instances(family, count) for family, count in families.items())


def _closed_forms() -> Iterator[Violation]:
    for sweep in sweep_all(12):
        if not sweep.holds:
            yield sweep.form, sweep.region


def _answers() -> Iterator[Violation]:
    check = CrossCheck(SolverSchedule(cvxpy_every=0, scip_every=0, highs_every=0, time_limit_s=5.0))
    check.try_instances(_cases(_ANSWERS))
    for record in check.methods.values():
        yield from ((f"{record.name}: every claim of every answer", where) for where in record.wrong)
        yield from ((f"{record.name}: ends without an error", where) for where in record.failed)
    yield from violations_of(check.claims)


def _solvers(families: Family, *, makespans: bool = False) -> Iterable[Violation]:
    claims = SolverClaims()
    for case in _cases(families):
        if not makespans or case.problem.objective is Objective.MAKESPAN:
            claims.try_instance(case)
    claims.finish()
    return violations_of(claims.claims)


def _checks() -> Iterable[Violation]:
    claims = CheckClaims()
    for number, case in enumerate(_cases(_CHECKED)):
        claims.try_instance(case, command=number % 4 == 0)
    claims.finish()
    return violations_of(claims.claims)


def _corruptions() -> Iterator[Violation]:
    solve = __import__("fedss_opt").solve
    answers = [(case.name, case.problem, solve(case.problem)) for case in _cases(_CHECKED)]
    yield from violations_of(dict(try_corruptions(answers)))


def _policies() -> Iterable[Violation]:
    claims = PolicyClaims()
    for case in _cases(_POLICIES):
        claims.try_instance(case)
    claims.finish()
    return violations_of(claims.claims)


GROUPS: dict[str, Callable[[], Iterable[Violation]]] = {
    "closed forms": _closed_forms,
    "answers": _answers,
    "solvers": lambda: _solvers(_SOLVERS),
    "covers": lambda: _solvers(_COVERS, makespans=True),
    "local optima": lambda: _solvers(_HARD),
    "checks": _checks,
    "corruptions": _corruptions,
    "policies": _policies,
    "rounds": lambda: violations_of(round_claims(12)),
    "sharing": lambda: violations_of(sharing_claims(6)),
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


def main(arguments: list[str]) -> Any:
    """Print the violations of the groups asked for."""
    warnings.simplefilter("ignore")
    print(json.dumps(violations(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
