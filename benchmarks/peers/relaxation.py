"""The lower bound: multipliers that prove one, by the package's ADMM and by CVXPY on the relaxation.

The ADMM cannot be asked for its bound alone: its time includes the answer that it finds as well.
"""

from __future__ import annotations

import fedss_opt as fo
from fedss_opt.solvers.options import Options
from fedss_opt.solvers.reference_relaxation import relax

from .attempt import Attempt

__all__ = ["by_admm", "by_cvxpy"]


def by_admm(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """Solve by the default method, and hand in its certificate."""
    solution = fo.solve(problem, time_limit_s=time_limit_s)
    return Attempt(certificate=solution.certificate, note=str(solution.stop_reason))


def by_cvxpy(problem: fo.Problem, time_limit_s: float) -> Attempt:
    """Linear programs over the deadline (makespan), or one program in perspective form (total)."""
    options = Options(time_limit_s=time_limit_s)
    found = relax(problem, options, options.now())
    if found.multipliers is None:
        return Attempt(note=str(found.stop_reason))
    certificate = fo.Certificate(kind=fo.CertificateKind.BOUND, price=found.price, multipliers=found.multipliers)
    return Attempt(certificate=certificate, note=str(found.stop_reason))
