"""The methods, one file each, and `solve`, which finds the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from ..exceptions import OptionError
from ..gap_tolerance import gap_tol_of
from ..problem import Problem
from ..solution import Solution
from ..wording import one_of
from .options import Options, Progress

__all__ = ["METHODS", "Options", "Progress", "solve"]

# Modules load with their first use: Numba, CVXPY and HiGHS cost nothing to those who do not ask for them.
METHODS: dict[str, tuple[str, str]] = {
    "admm": ("admm_method", "solve_admm"),
    "exact": ("exact", "solve_exact"),
    "cvxpy": ("cvxpy_reference", "solve_cvxpy"),
    "all": ("policies", "select_all"),
    "random_equal": ("policies", "random_equal"),
    "random": ("policies", "random_optimal"),
    "best_channel": ("policies", "best_channel"),
    "greedy": ("policies", "greedy"),
    "fedcs": ("policies", "fedcs"),
    "proportional": ("policies", "proportional"),
}
"""Method name -> module and function."""

POLICIES = tuple(name for name, (module, _) in METHODS.items() if module == "policies")
"""The methods that follow a rule of the field and claim no bound."""


def check_method(method: str, *, name: str = "method") -> None:
    """Refuse what is no key of `METHODS`, with an `OptionError` that calls it `name`."""
    if not isinstance(method, str) or method not in METHODS:
        raise OptionError(field=name, value=method, accepted=one_of(method, METHODS))


def solve(
    problem: Problem,
    method: str = "admm",
    *,
    gap_tol: float | None = None,
    time_limit_s: float | None = None,
    max_iterations: int | None = None,
    warm_start: Solution | None = None,
    callback: Callable[[Progress], bool | None] | None = None,
    seed: int | None = None,
) -> Solution:
    """Select clients and allocate bandwidth for one round.

    Parameters
    ----------
    problem : Problem
        The round.
    method : str
        ``"admm"`` (default: certified, fast), ``"exact"`` (the proven optimum), ``"cvxpy"`` (the convex
        reference; extra ``reference``) or a
        policy of the field: ``"all"``, ``"random_equal"``, ``"random"``, ``"best_channel"``, ``"greedy"``,
        ``"fedcs"``, ``"proportional"``.
    gap_tol : float, optional
        Certified relative gap at which the answer counts as optimal, and at which a method that proves one ends; 1e-9
        for ``"exact"`` (it proves no closer), else 1e-4.
    time_limit_s : float, optional
        Seconds after which the best answer so far is returned with its bound; ``unknown`` where there is none yet. Not
        overrun by more than 0.1 s or one pass over the clients per task, whichever is longer.
    max_iterations : int, optional
        Iteration limit; the method's own by default.
    warm_start : Solution, optional
        An earlier answer, for the same or a similar problem. It changes the speed, never what is proven.
    callback : callable, optional
        Called with a `Progress` now and then; returning True stops the solve.
    seed : int, optional
        Seed of the policies that draw; 0 by default, so that the same call gives the same answer.

    Returns
    -------
    Solution
        The answer with its status, bound and certificate. An infeasible problem is an answer, not an error.

    Raises
    ------
    OptionError
        For an unknown method or an option outside what it accepts.
    MissingDependencyError
        When the method needs an extra that is not installed.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> problem = fo.Problem(
    ...     payload_bits=1e6,
    ...     cn0_hz=[3e7, 8e6, 2e7],
    ...     bandwidth_hz=1e6,
    ...     relevance=[[1.0, 0.5, 0.8]],
    ...     required=1.2,
    ... )
    >>> solution = fo.solve(problem)
    >>> solution.selected
    array([ True, False,  True])
    >>> round(solution.latency_s, 4)
    0.3557
    """
    if not isinstance(problem, Problem):
        raise OptionError(f"a {type(problem).__name__}", field="problem", accepted="must be a fedss_opt.Problem")
    check_method(method)
    options = Options(
        gap_tol=gap_tol_of(method, gap_tol),
        time_limit_s=time_limit_s,
        max_iterations=max_iterations,
        warm_start=warm_start,
        callback=callback,
        seed=seed,
    )
    return run_method(problem, method, options)


def run_method(problem: Problem, method: str, options: Options) -> Solution:
    """Solve by a method that is known, with options that are checked."""
    return _function(*METHODS[method])(problem, options)


@cache
def _function(module: str, name: str) -> Callable[[Problem, Options], Solution]:
    function: Callable[[Problem, Options], Solution] = getattr(import_module(f".{module}", __name__), name)
    return function
