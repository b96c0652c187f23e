"""The answer: who uploads, on how much bandwidth, and a certificate of how good that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .array_types import BoolArray, FloatArray
from .exceptions import OptionError, ProblemError
from .gap_tolerance import DEFAULT_GAP_TOL
from .problem import Problem
from .validation import Member, boolean_vector, member, numbers, real_number, shape_of

if TYPE_CHECKING:
    from os import PathLike

    from .checking import CheckReport

__all__ = ["Certificate", "CertificateKind", "Solution", "Status", "StopReason", "no_answer"]


class Status(StrEnum):
    """What is known of the answer. It never flatters."""

    OPTIMAL = "optimal"
    """Feasible, and the certified gap is within the tolerance that was asked for."""
    FEASIBLE = "feasible"
    """Feasible; the certified gap (which may be unknown) is what is left."""
    INFEASIBLE = "infeasible"
    """Proven: no selection and allocation satisfies the problem. The certificate shows it."""
    UNKNOWN = "unknown"
    """No feasible answer was found, and none was excluded."""


class StopReason(StrEnum):
    """Why the method stopped."""

    GAP = "gap"
    """The certified gap reached the tolerance."""
    STALLED = "stalled"
    """The bounds the method can reach do not move any more."""
    ITERATIONS = "iterations"
    """The iteration limit was reached."""
    TIME = "time"
    """The time limit was reached."""
    INTERRUPTED = "interrupted"
    """Ctrl-C, or a callback asked for it."""
    COMPLETED = "completed"
    """The method has nothing to iterate (a policy, or an infeasibility proof)."""
    ERROR = "error"
    """In a batch: the problem could not be accepted, or its solve raised; the message says why."""


class CertificateKind(StrEnum):
    """What a certificate proves."""

    BOUND = "bound"
    """No answer is better than `bound(problem)` seconds."""
    COVERAGE = "coverage"
    """A task needs more than all selectable clients together offer: infeasible."""
    BANDWIDTH = "bandwidth"
    """Caps and bandwidth bounds cannot be met within B by any covering selection: infeasible."""
    SEARCH = "search"
    """The bound rests on a finished search; the multipliers prove where it started, and `fedss_opt.check` searches
    again and verifies the steps."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Certificate:
    """A proof that anybody can check in one pass over the clients, with the problem's data alone.

    Parameters
    ----------
    kind : CertificateKind
        What is proven.
    price : float
        The deadline T in seconds (makespan) or the price of bandwidth in s/Hz (total latency).
    multipliers : ndarray, (K,)
        Nonnegative multipliers mu of the covering constraints: Hz (makespan, bandwidth) or s (total) per unit
        of relevance.
    task : int, optional
        The task that cannot be served, for kind ``coverage``.

    Raises
    ------
    ProblemError
        For what is not of its type. Numbers that make no sense are accepted, and prove nothing.

    Notes
    -----
    A client without whom some task misses its target, whoever else is selected, is *forced*. With ``s_k`` what the
    mandatory and the forced clients together contribute to task k, what is open is
    ``o_k = max(0, Problem.coverage_target[k] - s_k)``, and no client counts for more than ``q_k - s_k``::

        D(mu, theta) = sum_k mu_k o_k + sum_{n mandatory or forced} phi_n(theta)
                       - sum_{n free} max(0, sum_k mu_k min(R_kn, q_k - s_k) - phi_n(theta))

    over the tasks with ``o_k > 0`` and the free clients: available, neither mandatory nor forced, and able to keep
    their own limits within B. Where relevance comes in whole steps, ``o_k`` and ``q_k - s_k`` are both what is open,
    rounded up to whole steps. No covering selection costs less than D (section 5 of
    ``docs/explanation/mathematics.md``). For the makespan ``D(mu, T) > B`` proves that no answer finishes by T; for
    total latency ``D(mu, lambda) - lambda B`` bounds the objective; ``D > B`` at the least bandwidths proves that
    there is no answer. Each comparison keeps a margin for rounding.
    """

    kind: CertificateKind
    price: float
    multipliers: FloatArray
    task: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", _member("kind", self.kind, CertificateKind))
        object.__setattr__(self, "price", _figure("price", self.price))
        object.__setattr__(self, "multipliers", _numbers("multipliers", self.multipliers))
        if self.task is not None:
            object.__setattr__(self, "task", _whole("task", self.task))

    def bound(self, problem: Problem) -> float:
        """Return the lower bound on the objective that this certificate proves for `problem`, in seconds.

        The bound is recomputed from the problem's data, so a stale or altered certificate proves what it proves
        and no more. Infeasibility certificates give ``inf`` when they hold. Without any proof the bound is 0.
        """
        from .certification import certified_bound  # noqa: PLC0415 - loads the compiled kernels

        return certified_bound(problem, self)

    def reduced_costs(self, problem: Problem) -> FloatArray:
        """Return what every client costs beyond what it is worth, at this certificate's deadline or price.

        The *reduced cost* of a free client is ``r_n = phi_n - sum_k mu_k min(R_kn, q_k - s_k)``: what the client
        costs, less what its relevance is worth to the tasks that are still open. A client with ``r_n < 0`` is worth
        more than it costs, and the bound counts on it; one with ``r_n > 0`` is too expensive. An answer may differ for
        few clients of small ``|r_n|``, as whole clients cannot be split.

        Parameters
        ----------
        problem : Problem
            The round.

        Returns
        -------
        ndarray, (N,)
            Hz for the makespan (and for kind ``bandwidth``), s for total latency. ``inf`` for clients that miss the
            deadline on any bandwidth that they can be given. NaN where there is nothing to decide (mandatory and forced
            clients, unavailable ones, those that cannot keep their own limits), and for certificates without a price
            (kind ``coverage``, or broken ones).

        Notes
        -----
        The bound is made of them::

            D(mu, theta) = sum_k mu_k o_k + sum_{n mandatory or forced} phi_n(theta) + sum_{n free} min(0, r_n)

        with what is open rounded as in the class's notes.

        Examples
        --------
        >>> import fedss_opt as fo
        >>> problem = fo.Problem(
        ...     payload_bits=1e6, cn0_hz=[2e7, 8e6, 4e6], bandwidth_hz=1e6, relevance=[[1.0, 1.0, 1.0]], required=2.0
        ... )
        >>> solution = fo.solve(problem)
        >>> reduced_hz = solution.certificate.reduced_costs(problem)
        >>> solution.selected, reduced_hz < -1.0
        (array([ True,  True, False]), array([ True,  True, False]))
        """
        from .certification import costs_and_worths  # noqa: PLC0415 - loads the compiled kernels

        cost, worth = costs_and_worths(problem, self)
        return cost - worth


class _Problem:
    """The field `Solution.problem`: a problem, or a function that returns it when it is first asked for."""

    def __get__(self, solution: Solution | None, owner: type) -> Problem | None:
        if solution is None:
            return None  # the default
        held = solution.__dict__["_problem"]
        problem: Problem | None = held() if callable(held) else held
        return problem

    def __set__(self, solution: Solution, value: Any) -> None:
        solution.__dict__["_problem"] = value


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution:
    """Selection, allocation and what is known of them.

    Attributes
    ----------
    status : Status
        What is known of the answer.
    stop_reason : StopReason
        Why the method stopped.
    selected : ndarray of bool, (N,)
        Who uploads.
    bandwidth_hz : ndarray, (N,)
        Hz per client, 0 for those left out.
    latency_s : float
        Makespan of the answer, recomputed from `bandwidth_hz`; ``inf`` when there is none.
    objective_s : float
        The problem's objective for this answer, recomputed; ``inf`` when there is none.
    lower_bound_s : float
        Nothing feasible is below it. NaN where the method claims no bound; ``inf`` for infeasible problems.
    certificate : Certificate or None
        The proof of `lower_bound_s`.
    method : str
        Name of the method.
    iterations : int
        Iterations the method took.
    solve_time_s : float
        Wall-clock seconds inside the method.
    message : str
        A sentence for a person: why it is infeasible, what was left out.
    problem : Problem or None
        What it answers; None where that is not known. An answer keeps its problem alive; one that is taken from a
        `BatchSolution` does not, and knows its problem as long as the batch lives.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=3e7, bandwidth_hz=1e6, mandatory=True)
    >>> solution = fo.solve(problem)
    >>> solution.check().ok, solution.gap < 1e-4, solution.bound == solution.lower_bound_s
    (True, True, True)
    """

    status: Status
    stop_reason: StopReason
    selected: BoolArray
    bandwidth_hz: FloatArray
    latency_s: float
    objective_s: float
    lower_bound_s: float
    certificate: Certificate | None
    method: str
    iterations: int = 0
    solve_time_s: float = 0.0
    message: str = ""
    problem: Problem | None = cast("Any", _Problem())  # noqa: RUF009 - a descriptor, not a default

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", _member("status", self.status, Status))
        object.__setattr__(self, "stop_reason", _member("stop_reason", self.stop_reason, StopReason))
        object.__setattr__(self, "selected", _booleans("selected", self.selected))
        object.__setattr__(self, "bandwidth_hz", _numbers("bandwidth_hz", self.bandwidth_hz))
        for name in ("latency_s", "objective_s", "lower_bound_s"):
            object.__setattr__(self, name, _figure(name, getattr(self, name)))
        if self.certificate is not None and not isinstance(self.certificate, Certificate):
            raise ProblemError(
                f"a {type(self.certificate).__name__}", field="certificate", accepted="must be a Certificate, or None"
            )

    @property
    def gap(self) -> float:
        """Certified relative gap ``(objective_s - lower_bound_s) / lower_bound_s``; 0 when both are 0.

        NaN where no bound is claimed or no answer exists.
        """
        if math.isnan(self.lower_bound_s) or not math.isfinite(self.objective_s):
            return math.nan
        if self.objective_s <= self.lower_bound_s:
            return 0.0
        return (self.objective_s - self.lower_bound_s) / self.lower_bound_s if self.lower_bound_s > 0.0 else math.inf

    @property
    def has_answer(self) -> bool:
        """Whether a feasible selection and allocation is here."""
        return self.status in (Status.OPTIMAL, Status.FEASIBLE)

    @property
    def bound(self) -> float:
        """Lower bound on the objective that the certificate proves by itself, recomputed from the problem, s.

        0 without a certificate, or for one that proves nothing; `lower_bound_s` is what the method claims.

        Raises
        ------
        OptionError
            Where the problem is not known.
        """
        problem = self._known_problem()
        return 0.0 if self.certificate is None else self.certificate.bound(problem)

    def reduced_costs(self) -> FloatArray:
        """Return what every client costs beyond what it is worth, (N,); see `Certificate.reduced_costs`.

        NaN for all without a certificate.

        Raises
        ------
        OptionError
            Where the problem is not known.
        """
        problem = self._known_problem()
        if self.certificate is None:
            return np.full(problem.n_clients, math.nan)
        return self.certificate.reduced_costs(problem)

    def check(self, *, gap_tol: float = DEFAULT_GAP_TOL, time_limit_s: float | None = None) -> CheckReport:
        """Check every claim of the answer from its problem's data; see `fedss_opt.check`.

        Raises
        ------
        OptionError
            Where the problem is not known: then `fedss_opt.check` takes it.
        """
        from .checking import check  # noqa: PLC0415 - checking builds on this module

        return check(self._known_problem(), self, gap_tol=gap_tol, time_limit_s=time_limit_s)

    def _known_problem(self) -> Problem:
        if self.problem is None:
            raise OptionError(
                "is not known to this answer",
                field="problem",
                accepted="set it with dataclasses.replace(solution, problem=...)",
            )
        return self.problem

    def to_dict(self, problem: Problem | None = None, *, with_problem: bool = False) -> dict[str, Any]:
        """Return the answer as a JSON-able document (see ``docs/reference/file-format.md``).

        It has the objective's name and the ids of its problem, or of `problem`; `with_problem` writes all of that. None
        stands for what does not exist: the figures of no answer, a bound that is not claimed.
        """
        from .documents import solution_to_dict  # noqa: PLC0415 - documents builds on this module

        return solution_to_dict(self, problem, with_problem=with_problem)

    @classmethod
    def from_dict(cls, document: dict[str, Any], problem: Problem | None = None) -> Solution:
        """Build an answer from a document; `FileFormatError` names the path of what is wrong."""
        from .documents import solution_from_dict  # noqa: PLC0415

        return solution_from_dict(document, problem)

    def save(self, path: str | PathLike[str], *, with_problem: bool = False) -> None:
        """Write the answer, `with_problem` its problem too, to ``*.json`` or ``*.npz``; all or nothing."""
        from .documents import save_solution  # noqa: PLC0415

        save_solution(self, path, with_problem=with_problem)

    @classmethod
    def load(cls, path: str | PathLike[str], problem: Problem | None = None) -> Solution:
        """Read an answer from ``*.json`` or ``*.npz``; with `problem`, refuse the answer to another one."""
        from .documents import load_solution  # noqa: PLC0415

        return load_solution(path, problem)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind a problem that is only looked up, in a batch."""
        state = self.__dict__.copy()
        if callable(state["_problem"]):
            state["_problem"] = None
        return state

    def __repr__(self) -> str:
        return (
            f"Solution(status={str(self.status)!r}, selected={int(np.count_nonzero(self.selected))} of "
            f"{len(self.selected)}, objective_s={self.objective_s:.6g}, gap={self.gap:.2g}, method={self.method!r})"
        )


# -- what is handed in by hand is of the right kind, or refused; whether it is true is asked elsewhere --


def _member(name: str, value: Any, kinds: type[Member]) -> Member:
    return value if isinstance(value, kinds) else member(name, value, kinds, ProblemError)


def _figure(name: str, value: object) -> float:
    if type(value) is float:
        return value
    plain = real_number(value)
    if plain is None:
        raise ProblemError(field=name, value=value, accepted="must be a number")
    return plain


def _whole(name: str, value: object) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise ProblemError(field=name, value=value, accepted="must be an integer, or None")
    return int(value)


def _numbers(name: str, value: Any) -> FloatArray:
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value
    return numbers(name, value, "give numbers")


def _booleans(name: str, value: Any) -> BoolArray:
    if type(value) is np.ndarray and value.dtype == np.bool_:
        return value
    shape = shape_of(name, value)
    if len(shape) != 1:
        raise ProblemError(f"has shape {shape}", field=name, accepted="give one value per client, shape (N,)")
    return boolean_vector(name, value, shape[0])


def no_answer(
    problem: Problem,
    *,
    status: Status,
    stop_reason: StopReason,
    method: str,
    message: str,
    certificate: Certificate | None = None,
    lower_bound_s: float = math.nan,
    iterations: int = 0,
    solve_time_s: float = 0.0,
) -> Solution:
    """Build the Solution that carries no allocation."""
    n = problem.n_clients
    return Solution(
        status=status,
        stop_reason=stop_reason,
        selected=np.zeros(n, dtype=np.bool_),
        bandwidth_hz=np.zeros(n),
        latency_s=math.inf,
        objective_s=math.inf,
        lower_bound_s=lower_bound_s,
        certificate=certificate,
        method=method,
        iterations=iterations,
        solve_time_s=solve_time_s,
        message=message,
        problem=problem,
    )
