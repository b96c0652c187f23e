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
from .closed_forms import sweep_all
from .cross_check import Court, Schedule
from .instances import Instance, instances
from .mutations import try_mutations
from .policy_claims import PolicyClaims
from .records import Comparison
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
    court = Court(Schedule(cvxpy_every=0, scip_every=0, highs_every=0, time_limit_s=5.0))
    for number, case in enumerate(_cases(_ANSWERS)):
        court.try_instance(case, number)
    for record in court.methods.values():
        yield from ((f"{record.name}: every claim of every answer", where) for where in record.wrong)
        yield from ((f"{record.name}: ends without an error", where) for where in record.failed)
    yield from _violated(court.comparisons)


def _solvers(families: Family, *, makespans: bool = False) -> Iterator[Violation]:
    claims = SolverClaims()
    for case in _cases(families):
        if not makespans or case.problem.objective is Objective.MAKESPAN:
            claims.try_instance(case)
    claims.finish()
    return _violated(claims.claims)


def _checks() -> Iterator[Violation]:
    claims = CheckClaims()
    for number, case in enumerate(_cases(_CHECKED)):
        claims.try_instance(case, command=number % 4 == 0)
    claims.finish()
    return _violated(claims.claims)


def _mutations() -> Iterator[Violation]:
    solve = __import__("fedss_opt").solve
    answers = [(case.name, case.problem, solve(case.problem)) for case in _cases(_CHECKED)]
    for record in try_mutations(answers):
        yield from ((f"caught: {record.name}", where) for where in record.escaped)


def _policies() -> Iterator[Violation]:
    claims = PolicyClaims()
    for case in _cases(_POLICIES):
        claims.try_instance(case)
    claims.finish()
    return _violated(claims.claims)


def _violated(claims: dict[str, Comparison]) -> Iterator[Violation]:
    return ((claim.name, where) for claim in claims.values() for where in claim.violated)


GROUPS: dict[str, Callable[[], Iterable[Violation]]] = {
    "closed forms": _closed_forms,
    "answers": _answers,
    "solvers": lambda: _solvers(_SOLVERS),
    "covers": lambda: _solvers(_COVERS, makespans=True),
    "local optima": lambda: _solvers(_HARD),
    "checks": _checks,
    "mutations": _mutations,
    "policies": _policies,
    "rounds": lambda: _violated(round_claims(12)),
    "sharing": lambda: _violated(sharing_claims(6)),
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
