"""What is done with a request's bytes, in a thread of its own: from a document to a document, without HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .. import warming
from ..checking import check
from ..documents import problem_from_dict, solution_from_dict, solution_to_dict
from ..exceptions import InputError
from ..gap_tolerance import DEFAULT_GAP_TOL
from ..problem import Problem
from ..solution import Solution
from ..solvers import METHODS, solve
from .limits import Limits
from .problem_details import RefusalKind, RefusedError, parsed

__all__ = [
    "MAX_SEED",
    "METHODS_SERVED",
    "Done",
    "SolveOptions",
    "check_body",
    "check_parsed",
    "json_bytes",
    "pair_of",
    "problem_of",
    "solve_body",
    "solve_parsed",
    "warm_up",
]

# The convex reference leaves the clock to another party's solver, which may not look at it.
METHODS_SERVED = tuple(name for name in METHODS if name != "cvxpy")

MAX_SEED = 2**53 - 1  # the largest that every language's JSON carries

CHECK_KEYS = ("problem", "solution")


@dataclass(frozen=True, kw_only=True)
class SolveOptions:
    """How to solve; the fields are those of `fedss_opt.solve`."""

    method: str = "admm"
    gap_tol: float = DEFAULT_GAP_TOL
    time_limit_s: float = 10.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a request: its answer as a JSON document, and what is counted of it.

    The outcome is the answer's status or, of a check, ``holds``, ``violated`` or ``not proved``; a check has no stop
    reason and takes no seconds of a solve.
    """

    body: bytes
    n_clients: int
    n_tasks: int
    outcome: str
    method: str
    stop_reason: str = ""
    seconds: float = 0.0


def solve_body(body: bytes, options: SolveOptions, limits: Limits) -> Done:
    """Answer a problem document.

    Raises
    ------
    FedssOptError
        For whatever `refusal_of` knows a refusal.
    """
    return solve_parsed(problem_of(body, limits), options)


def solve_parsed(problem: Problem, options: SolveOptions) -> Done:
    """Answer a problem."""
    solution = solve(
        problem,
        options.method,
        gap_tol=options.gap_tol,
        time_limit_s=options.time_limit_s,
        seed=options.seed,
    )
    return Done(
        body=json_bytes(solution_to_dict(solution, problem)),
        n_clients=problem.n_clients,
        n_tasks=problem.n_tasks,
        outcome=str(solution.status),
        method=solution.method,
        stop_reason=str(solution.stop_reason),
        seconds=solution.solve_time_s,
    )


def check_body(body: bytes, gap_tol: float, limits: Limits) -> Done:
    """Check the answer in a document ``{"problem": ..., "solution": ...}``.

    Raises
    ------
    FedssOptError
        For whatever `refusal_of` knows a refusal; paths begin with ``$.problem`` or ``$.solution``.
    """
    return check_parsed(pair_of(body, limits), gap_tol)


def check_parsed(pair: tuple[Problem, Solution], gap_tol: float) -> Done:
    """Check an answer to a problem."""
    problem, solution = pair
    report = check(problem, solution, gap_tol=gap_tol)
    return Done(
        body=json_bytes(report.to_dict()),
        n_clients=problem.n_clients,
        n_tasks=problem.n_tasks,
        outcome="holds" if report.ok else "violated" if report.failed else "not proved",
        method=solution.method if solution.method in METHODS else "other",
    )


def problem_of(body: bytes, limits: Limits) -> Problem:
    """Return the problem in a body; the errors are those of `solve_body`."""
    return _problem(parsed(body), limits)


def pair_of(body: bytes, limits: Limits) -> tuple[Problem, Solution]:
    """Return the problem and the answer in a body; the errors are those of `check_body`."""
    document = parsed(body)
    if not isinstance(document, dict) or set(document) != set(CHECK_KEYS):
        raise RefusedError(
            RefusalKind.INVALID_PROBLEM, path="$", accepted='must be an object {"problem": ..., "solution": ...}'
        )
    try:
        part = "problem"
        problem = _problem(document["problem"], limits)
        part = "solution"
        solution = solution_from_dict(document["solution"], problem)
    except InputError as error:
        raise error.at(f"$.{part}") from None
    return problem, solution


def _problem(document: Any, limits: Limits) -> Problem:
    limits.refuse_large(document)
    return problem_from_dict(document)


def json_bytes(document: Any) -> bytes:
    """Return a document as one line of ASCII."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


def warm_up() -> None:
    """Compile and load all that a request may need, so that no request's time is spent on it.

    The kernels first, whether or not the requests below come to them; then a request of each kind, for everything else.
    """
    warming.warm_up()
    problem = {
        "format": "fedss_opt/problem",
        "version": 1,
        "bandwidth_hz": 2e7,
        "payload_bits": [(7 * n % 12 + 1) * 1e5 for n in range(12)],
        "cn0_hz": [(5 * n % 12 + 1) * 3e6 for n in range(12)],
        "relevance": [[(11 * n % 12 + 1) / 12 for n in range(12)], [(n * n % 13) / 12 for n in range(12)]],
        "required": [2.0, 2.0],
    }
    limits = Limits()
    for objective in ("makespan", "total"):
        document = problem | {"objective": objective}
        for method in METHODS_SERVED:
            done = solve_body(json_bytes(document), SolveOptions(method=method, time_limit_s=600.0), limits)
            both = {"problem": document, "solution": json.loads(done.body)}
            check_body(json_bytes(both), DEFAULT_GAP_TOL, limits)
