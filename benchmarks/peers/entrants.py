"""Who races: a name, a race, and a function from a problem and a time limit to an `Attempt`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import fedss_opt as fo
from fedss_opt.solvers import POLICIES

from . import fixed, joint, relaxation
from .attempt import Attempt
from .cases import Race

__all__ = ["ENTRANTS", "Entrant", "installed"]


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One competitor.

    Attributes
    ----------
    name : str
        As in tables and figures.
    race : Race
        What it competes in.
    run : callable
        ``(problem, time_limit_s) -> Attempt``. It may ignore the limit: who does not return in time is ended.
    module : str
        What has to be installed.
    ours, policy : bool
        A method of the package; a rule of the field without search.
    """

    name: str
    race: Race
    run: Callable[[fo.Problem, float], Attempt]
    module: str = "fedss_opt"
    ours: bool = False
    policy: bool = False


_ALL = (
    Entrant(name="fedss_opt", race=Race.FIXED, run=fixed.by_package, ours=True),
    Entrant(name="CVXPY + Clarabel", race=Race.FIXED, run=fixed.by_cvxpy, module="cvxpy"),
    Entrant(name="SLSQP", race=Race.FIXED, run=fixed.by_slsqp),
    Entrant(name="trust-constr", race=Race.FIXED, run=fixed.by_trust_constr),
    Entrant(name="fedss_opt admm", race=Race.BOUND, run=relaxation.by_admm, ours=True),
    Entrant(name="CVXPY relaxation", race=Race.BOUND, run=relaxation.by_cvxpy, module="cvxpy"),
    Entrant(name="admm", race=Race.JOINT, run=partial(joint.by_method, "admm"), ours=True),
    Entrant(name="exact", race=Race.JOINT, run=joint.by_exact, ours=True),
    Entrant(name="CVXPY, rounded", race=Race.JOINT, run=partial(joint.by_method, "cvxpy"), module="cvxpy"),
    Entrant(name="HiGHS", race=Race.JOINT, run=joint.by_highs),
    Entrant(name="SCIP", race=Race.JOINT, run=joint.by_scip, module="pyscipopt"),
    *(Entrant(name=name, race=Race.JOINT, run=partial(joint.by_method, name), policy=True) for name in POLICIES),
)

ENTRANTS: dict[tuple[Race, str], Entrant] = {(entrant.race, entrant.name): entrant for entrant in _ALL}
"""All competitors by race and name."""


def installed(entrant: Entrant) -> bool:
    """Tell whether what the entrant needs is there."""
    return find_spec(entrant.module) is not None
