"""Claims that rest on a finished search, proved again: a search writes down its steps, and other code verifies them.

The search is the solver's own, and nothing of it is believed; what counts is `fedss_opt.proof.verify`, which reads the
problem's data alone. So a claim that is called proved is true even where the solver is wrong.
"""

from __future__ import annotations

import math
import time

import numpy as np

from .array_types import BoolArray
from .problem import Objective, Problem
from .solution import Certificate

__all__ = ["prove_again"]

_ABOVE = 1e-10  # relatively: how far above the claim branches end, so that rounding leaves them above it
_VERIFIED = "a search whose steps were verified"


def prove_again(
    problem: Problem, claimed_s: float, certificate: Certificate | None, *, time_limit_s: float = math.inf
) -> tuple[bool | None, str]:
    """Prove or refute that no answer is better than a claimed bound.

    Parameters
    ----------
    problem : Problem
        The round.
    claimed_s : float
        Seconds; ``inf`` claims that there is no answer at all.
    certificate : Certificate or None
        Its multipliers make the search short; any will do.
    time_limit_s : float
        Seconds for the search; verifying what it found takes about as long again.

    Returns
    -------
    proved : bool or None
        True: proved. False: refuted, there is a better answer. None: not proved.
    detail : str
        One line for a person.
    """
    from .proof import ProofSteps, verify  # noqa: PLC0415 - load the compiled kernels
    from .solvers.cover_search import Finding, find_selection  # noqa: PLC0415

    if claimed_s <= 0.0:
        return True, "no time is below 0"
    multipliers = np.zeros(problem.n_tasks)
    if certificate is not None and np.shape(certificate.multipliers) == (problem.n_tasks,):
        sound = np.isfinite(certificate.multipliers) & (certificate.multipliers > 0.0)
        multipliers = np.where(sound, certificate.multipliers, 0.0)
    stop = time.perf_counter() + time_limit_s
    if problem.objective is Objective.TOTAL and claimed_s < math.inf:
        return _prove_total(problem, claimed_s, certificate, stop)
    steps = ProofSteps()
    finding, selection = find_selection(problem, claimed_s, multipliers, stop, steps)
    if finding is Finding.NOTHING:
        wrong = verify(problem, claimed_s, steps)
        return (True, _VERIFIED) if wrong is None else (None, wrong)
    if selection is None:
        return None, "the search did not end in time"
    reached = _objective(problem, selection)
    if reached < claimed_s:
        return False, f"an answer of {reached:.9g} s was found"
    return None, "a selection is too close to the claim to be told apart from it"


def _prove_total(
    problem: Problem, claimed_s: float, certificate: Certificate | None, stop: float
) -> tuple[bool | None, str]:
    from .proof import verify_total  # noqa: PLC0415
    from .solvers.branching import branches_above  # noqa: PLC0415

    better = [math.inf]

    def refute(selection: BoolArray) -> bool:
        better[0] = min(better[0], _objective(problem, selection))
        return better[0] < claimed_s

    known = certificate is not None and 0.0 < certificate.price < math.inf
    price = certificate.price if certificate is not None and known else 1.0
    branches = branches_above(problem, claimed_s * (1.0 + _ABOVE), price, stop, refute)
    if better[0] < claimed_s:
        return False, f"an answer of {better[0]:.9g} s was found"
    if branches is None:
        return None, "the search did not end in time"
    wrong = verify_total(problem, claimed_s, branches)
    return (True, _VERIFIED) if wrong is None else (None, wrong)


def _objective(problem: Problem, selection: BoolArray) -> float:
    """Return the best objective of a selection, s; inf where it is no answer."""
    from .solvers.selection_answer import optimal_bandwidth  # noqa: PLC0415

    bandwidth = optimal_bandwidth(problem, selection) if problem.covers(selection).all() else None
    return math.inf if bandwidth is None else problem.objective_s(selection, bandwidth)
