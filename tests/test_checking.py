"""The checker: honest answers pass, and each kind of lie fails the claim that is about it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.checking import check

from . import by_hand


@pytest.fixture
def cell() -> fo.Problem:
    return fo.Problem(
        payload_bits=[1e6, 2e6, 1.5e6, 1e6],
        cn0_hz=[3e7, 8e6, 2e7, 1e7],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.8, 0.3]],
        required=1.2,
        compute_s=0.1,
        max_upload_s=2.0,
        min_bandwidth_hz=1e4,
        max_bandwidth_hz=9e5,
        mandatory=[True, False, False, False],
        available=[True, True, True, False],
        client_ids=["a", "b", "c", "d"],
    )


@pytest.fixture
def honest(cell) -> fo.Solution:
    return by_hand.answer(cell, np.array([True, False, True, False]))


def failed(problem: fo.Problem, solution: fo.Solution, **options: float) -> list[str]:
    return [claim.name for claim in check(problem, solution, **options).failed]


def test_an_honest_answer_passes_every_claim(cell, honest):
    report = check(cell, honest)
    assert report.ok, report.failed
    assert [claim.name for claim in report.claims] == [
        "sizes", "available", "mandatory", "coverage of 0", "bandwidths", "shared bandwidth",
        "bandwidth limits", "upload limits", "latency", "objective", "lower bound", "status",
    ]  # fmt: skip
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.to_dict()["ok"] is True


def _with(solution: fo.Solution, problem: fo.Problem, b: list[float], **changes: object) -> fo.Solution:
    """Return the answer with other bandwidths and figures that fit them."""
    band = np.array(b)
    chosen = changes.pop("selected", solution.selected)
    return replace(
        solution,
        selected=chosen,
        bandwidth_hz=band,
        latency_s=problem.latency_s(chosen, band),
        objective_s=problem.objective_s(chosen, band),
        **changes,
    )


@pytest.mark.parametrize(
    ("b", "selected", "claims"),
    [
        ([5e5, 0, 5e5 * (1 + 4e-15), 0], None, ["shared bandwidth"]),
        ([5e3, 0, 8e5, 0], None, ["bandwidth limits", "upload limits"]),
        ([9.5e5, 0, 4e4, 0], None, ["bandwidth limits", "upload limits"]),
        ([5e4, 0, 5e4, 0], None, ["upload limits"]),
        ([0, 5e5, 5e5, 0], [False, True, True, False], ["mandatory"]),
        ([5e5, 0, 0, 4e5], [True, False, False, True], ["available"]),
        ([5e5, 0, 0, 0], [True, False, False, False], ["coverage of 0"]),
    ],
)
def test_each_broken_constraint_fails_its_claim(cell, honest, b, selected, claims):
    changes = {} if selected is None else {"selected": np.array(selected)}
    assert failed(cell, _with(honest, cell, b, **changes)) == claims


def test_roundings_are_forgiven(cell, honest):
    half = 5e5 * (1 + 2.0**-52)
    assert failed(cell, _with(honest, cell, [half, 0.0, half, 0.0])) == []
    # The least bandwidth that keeps a cap, rounded the wrong way.
    slow = cell.replace(max_upload_s=float(cell.upload_s(5e5)[2]) * (1 - 1e-13))
    assert failed(slow, _with(honest, slow, [5e5, 0.0, 5e5, 0.0])) == []
    late = cell.replace(max_upload_s=float(cell.upload_s(5e5)[2]) * (1 - 1e-11))
    assert failed(late, _with(honest, late, [5e5, 0.0, 5e5, 0.0])) == ["upload limits"]


@pytest.mark.parametrize(
    "b", [[math.nan, 0, 5e5, 0], [-1.0, 0, 5e5, 0], [5e5, 1.0, 4e5, 0], [math.inf, 0, 1, 0], [1e31, 0, 1, 0]]
)
def test_bandwidths_that_are_none(cell, honest, b):
    report = check(cell, replace(honest, bandwidth_hz=np.array(b)))
    assert [claim.name for claim in report.failed] == ["bandwidths"]
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_selected_client_without_bandwidth_never_finishes(cell, honest):
    idle = replace(honest, bandwidth_hz=np.array([5e5, 0.0, 0.0, 0.0]))
    assert failed(cell, idle) == ["bandwidth limits", "upload limits", "latency", "objective"]


@pytest.mark.parametrize("name", ["latency_s", "objective_s"])
@pytest.mark.parametrize(("factor", "fails"), [(1 + 1e-10, False), (1 + 1e-8, True), (0.5, True), (math.nan, True)])
def test_reported_figures_are_recomputed(cell, honest, name, factor, fails):
    lied = replace(honest, **{name: getattr(honest, name) * factor})
    assert failed(cell, lied) == ([name.removesuffix("_s")] if fails else [])


def test_the_total_objective_is_its_own_figure(cell, honest):
    total = cell.replace(objective="total")
    assert failed(total, honest) == ["objective"]
    assert failed(total, replace(honest, objective_s=total.objective_s(honest.selected, honest.bandwidth_hz))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"selected": np.array([True])},
        {"bandwidth_hz": np.zeros(5)},
        {"certificate": fo.Certificate(kind=fo.CertificateKind.BOUND, price=1.0, multipliers=np.zeros(3))},
        {"certificate": fo.Certificate(kind=fo.CertificateKind.COVERAGE, price=1.0, multipliers=np.zeros(1), task=1)},
    ],
)
def test_other_sizes_end_the_check(cell, honest, change):
    report = check(cell, replace(honest, **change))
    assert [claim.name for claim in report.claims] == ["sizes"]
    assert not report.ok


# -- bounds and statuses ------------------------------------------------------------------------------------


class _Proves(fo.Certificate):
    """A certificate of a known bound."""

    def bound(self, problem: fo.Problem) -> float:
        return self.price


def proof(bound_s: float) -> fo.Certificate:
    return _Proves(kind=fo.CertificateKind.BOUND, price=bound_s, multipliers=np.zeros(1))


def test_a_bound_needs_its_certificate(cell, honest):
    best = honest.objective_s
    assert failed(cell, replace(honest, lower_bound_s=0.9 * best, certificate=proof(0.9 * best))) == []
    assert failed(cell, replace(honest, lower_bound_s=0.9 * best, certificate=proof(0.8 * best))) == ["lower bound"]
    assert failed(cell, replace(honest, lower_bound_s=0.9 * best)) == ["lower bound"]
    assert failed(cell, replace(honest, lower_bound_s=0.0)) == []
    above = replace(honest, lower_bound_s=1.1 * best, certificate=proof(1.1 * best))
    assert failed(cell, above) == ["bound below objective"]


def test_optimal_needs_a_small_gap(cell, honest):
    bound = honest.objective_s / (1 + 1e-3)
    claimed = replace(honest, status=fo.Status.OPTIMAL, lower_bound_s=bound, certificate=proof(bound))
    assert failed(cell, claimed) == ["status"]
    assert failed(cell, claimed, gap_tol=1e-3) == []
    assert failed(cell, replace(claimed, lower_bound_s=math.nan, certificate=None)) == ["status"]


def test_feasible_beside_an_infinite_bound_is_a_contradiction(cell, honest):
    absurd = replace(honest, lower_bound_s=math.inf, certificate=proof(math.inf))
    assert failed(cell, absurd) == ["bound below objective", "status"]


def test_infeasibility_needs_its_proof(cell):
    short = cell.replace(required=5.0)
    assert failed(short, by_hand.uncovered(short, 0)) == []
    assert failed(cell, by_hand.uncovered(cell, 0)) == ["infeasibility"]
    assert failed(short, replace(by_hand.uncovered(short, 0), certificate=None)) == ["infeasibility"]
    assert failed(cell, replace(by_hand.uncovered(cell, 0), certificate=proof(math.inf))) == []
    assert failed(cell, replace(by_hand.uncovered(cell, 0), certificate=proof(3.0))) == ["infeasibility"]


def test_unavailable_clients_do_not_count_for_coverage(cell):
    # All four clients offer 2.6, the three available ones 2.3.
    assert failed(cell.replace(required=2.5), by_hand.uncovered(cell, 0)) == []


def test_no_answer_claims_nothing(cell, honest):
    unknown = replace(by_hand.uncovered(cell, 0), status=fo.Status.UNKNOWN, lower_bound_s=math.nan, certificate=None)
    assert failed(cell, unknown) == []
    assert failed(cell, replace(unknown, latency_s=1.0)) == ["no answer"]
    assert failed(cell, replace(honest, status=fo.Status.UNKNOWN)) == ["no answer"]


@pytest.mark.parametrize("gap_tol", [-1.0, math.nan, math.inf, "x"])
def test_the_tolerance_is_a_number(cell, honest, gap_tol):
    with pytest.raises(fo.OptionError, match="gap_tol"):
        check(cell, honest, gap_tol=gap_tol)


def test_what_is_checked_is_a_solution_of_a_problem(cell, honest):
    with pytest.raises(fo.OptionError, match=r"^problem: a dict; must be a fedss_opt\.Problem"):
        check({}, honest)
    with pytest.raises(fo.OptionError, match=r"^solution: a dict; must be a fedss_opt\.Solution"):
        check(cell, {})
    with pytest.raises(fo.OptionError, match=r"^gap_tol = True: must be a finite number >= 0"):
        check(cell, honest, gap_tol=True)
    assert check(cell, honest, gap_tol=np.float32(1e-4)).ok


def test_no_answer_holds_no_bandwidth():
    """Without clients that could be selected, all that can give it away is the bandwidth."""
    problem = fo.Problem(payload_bits=[1e6, 1e6], cn0_hz=1e7, bandwidth_hz=1e6, relevance=[1.0, 1.0], required=3.0)
    honest = by_hand.uncovered(problem, 0)
    assert failed(problem, honest) == []
    assert failed(problem, replace(honest, bandwidth_hz=np.array([0.0, 1.0]))) == ["no answer"]
    assert failed(problem, replace(honest, selected=np.array([True, False]))) == ["no answer"]


def test_a_client_who_misses_its_cap_offers_nothing(warm):
    """Client 1 alone on the whole band needs 1 s: with a cap of 0.9 s the task is short, with 1.1 s it is not."""
    problem = fo.Problem(
        payload_bits=[1e5, 1e6],
        spectral_efficiency=1.0,
        bandwidth_hz=1e6,
        max_upload_s=[9.0, 0.9],
        relevance=[1.0, 1.0],
        required=2.0,
    )
    honest = fo.solve(problem)
    assert honest.certificate is not None
    assert (honest.status, honest.certificate.kind) == (fo.Status.INFEASIBLE, fo.CertificateKind.COVERAGE)
    assert failed(problem, honest) == []
    assert failed(problem, by_hand.uncovered(problem, 0)) == []
    assert failed(problem.replace(max_upload_s=[9.0, 1.1]), honest) == ["infeasibility"]


def test_a_limit_may_be_reached_and_its_rounding_exceeded():
    problem = fo.Problem(
        payload_bits=[1.0], spectral_efficiency=1.0, bandwidth_hz=4.0, max_bandwidth_hz=1.0, min_bandwidth_hz=1.0
    )
    chosen = np.array([True])
    for b, claims in (
        (1.0, []),
        (1.0 + 2.0**-52, []),
        (1.0 - 2.0**-52, []),
        (1.0 + 2.0**-49, ["bandwidth limits"]),
        (1.0 - 2.0**-49, ["bandwidth limits"]),
    ):
        band = np.array([b])
        answer = by_hand.answer(
            problem,
            chosen,
            bandwidth_hz=band,
            latency_s=problem.latency_s(chosen, band),
            objective_s=problem.objective_s(chosen, band),
        )
        assert failed(problem, answer) == claims


def test_empty_problems_pass():
    nobody = fo.Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0)
    assert failed(nobody, by_hand.answer(nobody)) == []


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("preset", ["yang2021", "cbcsba2025"])
def test_what_the_solver_says_holds(warm, preset, objective):
    problem = fo.scenarios.make(preset, n_clients=60, n_tasks=3, seed=1, objective=objective)
    solution = fo.solve(problem)
    assert solution.certificate is not None
    report = check(problem, solution)
    assert report.ok, report.failed
    boasting = replace(solution, lower_bound_s=solution.lower_bound_s * (1 + 1e-6))
    assert "lower bound" in failed(problem, boasting)
