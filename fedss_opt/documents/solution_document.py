"""Solution <-> document: the answer, its figures and its certificate, for any language."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..exceptions import FileFormatError
from ..problem import Objective, Problem
from ..solution import Certificate, CertificateKind, Solution, Status, StopReason
from . import reading
from .problem_document import VERSION, problem_from_dict, problem_to_dict
from .reading import refusal

__all__ = ["CERTIFICATE_KEYS", "SOLUTION_FORMAT", "SOLUTION_KEYS", "solution_from_dict", "solution_to_dict"]

SOLUTION_FORMAT = "fedss_opt/solution"
"""The key ``format`` of a solution's document."""

SOLUTION_KEYS = (
    "format",
    "version",
    "status",
    "stop_reason",
    "method",
    "objective",
    "latency_s",
    "objective_s",
    "lower_bound_s",
    "gap",
    "iterations",
    "solve_time_s",
    "message",
    "client_ids",
    "task_ids",
    "selected",
    "bandwidth_hz",
    "certificate",
    "problem",
)
SOLUTION_REQUIRED = (
    "format",
    "version",
    "status",
    "method",
    "latency_s",
    "objective_s",
    "selected",
    "bandwidth_hz",
)
CERTIFICATE_KEYS = ("kind", "price", "multipliers", "task")
CERTIFICATE_REQUIRED = ("kind", "price", "multipliers")


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def solution_to_dict(
    solution: Solution, problem: Problem | None = None, *, with_problem: bool = False
) -> dict[str, Any]:
    """Return an answer as a JSON-able document."""
    problem = solution.problem if problem is None else problem
    if with_problem and problem is None:
        raise refusal("$.problem", "is not known to this answer", accepted="give it beside the answer")
    if problem is not None and len(solution.selected) != problem.n_clients:
        raise refusal("$.selected", f"has {len(solution.selected)} clients where the problem has {problem.n_clients}")
    document: dict[str, Any] = {
        "format": SOLUTION_FORMAT,
        "version": VERSION,
        "status": str(solution.status),
        "stop_reason": str(solution.stop_reason),
        "method": solution.method,
    }
    if problem is not None:
        document["objective"] = str(problem.objective)
    document |= {
        "latency_s": _plain(solution.latency_s),
        "objective_s": _plain(solution.objective_s),
        "lower_bound_s": _plain(solution.lower_bound_s),
        "gap": _plain(solution.gap),
        "iterations": int(solution.iterations),
        "solve_time_s": _plain(solution.solve_time_s),
        "message": solution.message,
    }
    if problem is not None and problem.client_ids is not None:
        document["client_ids"] = list(problem.client_ids)
    if problem is not None and problem.task_ids is not None:
        document["task_ids"] = list(problem.task_ids)
    document["selected"] = [bool(chosen) for chosen in solution.selected]
    document["bandwidth_hz"] = [_plain(b) for b in solution.bandwidth_hz.tolist()]
    document["certificate"] = None if solution.certificate is None else _certificate_to_dict(solution.certificate)
    if with_problem and problem is not None:
        document["problem"] = problem_to_dict(problem)
    return document


def _certificate_to_dict(certificate: Certificate) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": str(certificate.kind),
        "price": _plain(certificate.price),
        "multipliers": [_plain(mu) for mu in np.asarray(certificate.multipliers, dtype=np.float64).tolist()],
    }
    if certificate.task is not None:
        document["task"] = int(certificate.task)
    return document


def solution_from_dict(document: Any, problem: Problem | None = None) -> Solution:
    """Build an answer from a document.

    Nothing in it is believed: `fedss_opt.checking.check` recomputes every figure from the problem.

    Returns
    -------
    Solution
        ``null`` latency and objective become inf; a ``null`` bound becomes inf for the status ``infeasible``,
        else NaN (no bound is claimed).
    """
    reading.check_kind(document, SOLUTION_FORMAT, VERSION, {*SOLUTION_KEYS, "$schema"}, SOLUTION_REQUIRED)
    status = Status(reading.one_of(document["status"], "$.status", Status))
    reason = StopReason(reading.one_of(document.get("stop_reason", "completed"), "$.stop_reason", StopReason))
    bandwidth = reading.numbers(document["bandwidth_hz"], "$.bandwidth_hz", dimensions=(1,))
    selected = reading.booleans(document["selected"], "$.selected")
    if len(bandwidth) != len(selected):
        raise refusal("$.bandwidth_hz", f"has {len(bandwidth)} clients where $.selected has {len(selected)}")
    if "problem" in document:
        try:
            stated = problem_from_dict(document["problem"])
        except FileFormatError as error:
            raise error.at("$.problem") from None
        if problem is not None and stated != problem:
            raise refusal("$.problem", "is another one than it should answer")
        problem = stated if problem is None else problem
    no_bound = math.inf if status is Status.INFEASIBLE else math.nan
    solution = Solution(
        status=status,
        stop_reason=reason,
        selected=selected,
        bandwidth_hz=bandwidth,
        latency_s=_figure(document, "latency_s", math.inf),
        objective_s=_figure(document, "objective_s", math.inf),
        lower_bound_s=_figure(document, "lower_bound_s", no_bound),
        certificate=_certificate(document.get("certificate")),
        method=reading.string(document["method"], "$.method"),
        iterations=reading.whole_number(document.get("iterations", 0), "$.iterations"),
        solve_time_s=_figure(document, "solve_time_s", math.nan) if "solve_time_s" in document else 0.0,
        message=reading.string(document.get("message", ""), "$.message"),
        problem=problem,
    )
    _refuse_wrong_gap(document, solution)
    _refuse_other_problem(document, solution, problem)
    return solution


def _figure(document: dict[str, Any], name: str, null: float) -> float:
    value = float(reading.numbers(document.get(name), f"$.{name}", dimensions=(0,), null=null))
    if value < 0.0:
        raise refusal(f"$.{name}", value=document[name], accepted="must be >= 0, or null")
    return value


def _certificate(document: Any) -> Certificate | None:
    if document is None:
        return None
    path = "$.certificate"
    if not isinstance(document, dict):
        raise refusal(path, value=document, accepted="must be an object or null")
    reading.check_keys(document, path, CERTIFICATE_KEYS, CERTIFICATE_REQUIRED)
    task = document.get("task")
    return Certificate(
        kind=CertificateKind(reading.one_of(document["kind"], f"{path}.kind", CertificateKind)),
        price=float(reading.numbers(document["price"], f"{path}.price", dimensions=(0,), null=math.inf)),
        multipliers=reading.numbers(document["multipliers"], f"{path}.multipliers", dimensions=(1,)),
        task=None if task is None else reading.whole_number(task, f"{path}.task"),
    )


def _refuse_wrong_gap(document: dict[str, Any], solution: Solution) -> None:
    """Refuse a gap that the figures beside it do not give: it is no field of its own."""
    if "gap" not in document:
        return
    gap, given = solution.gap, _figure(document, "gap", math.nan)
    if not (abs(given - gap) <= 1e-9 * (1.0 + gap) if math.isfinite(gap) else math.isnan(given)):
        raise refusal("$.gap", value=document["gap"], accepted=f"objective_s and lower_bound_s give {_plain(gap)}")


def _refuse_other_problem(document: dict[str, Any], solution: Solution, problem: Problem | None) -> None:
    """Refuse ids of other sizes than the answer's and, with a problem, an answer to another one."""
    for name, n in (("client_ids", len(solution.selected)), ("task_ids", None)):
        if name not in document:
            continue
        ids = reading.strings(document[name], f"$.{name}")
        if n is not None and len(ids) != n:
            raise refusal(f"$.{name}", f"has {len(ids)} names where $.selected has {n} clients")
        expected = None if problem is None else getattr(problem, name)
        if expected is None:
            continue
        if len(ids) != len(expected):
            raise refusal(f"$.{name}", f"has {len(ids)} names where the problem has {len(expected)}")
        odd = next((i for i, (a, b) in enumerate(zip(ids, expected, strict=True)) if a != b), None)
        if odd is not None:
            raise refusal(
                f"$.{name}",
                index=(odd,),
                value=ids[odd],
                accepted=f"the problem has {expected[odd]!r} there",
                typed=False,
            )
    if "objective" in document:
        objective = reading.one_of(document["objective"], "$.objective", Objective)
        if problem is not None and objective != problem.objective:
            raise refusal(
                "$.objective", value=objective, accepted=f"the problem's is {str(problem.objective)!r}", typed=False
            )
    if problem is not None and len(solution.selected) != problem.n_clients:
        raise refusal("$.selected", f"has {len(solution.selected)} clients where the problem has {problem.n_clients}")
