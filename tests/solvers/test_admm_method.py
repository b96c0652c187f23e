"""The default method as a whole: why it stops, what it tells on the way, and what its parts are worth."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import CertificateKind, Problem, Solution, Status, StopReason
from fedss_opt.solvers.admm_method import Tuning, solve_admm
from fedss_opt.solvers.options import Options, Progress

from .. import naive
from ..kernels.cells import some_problem

pytestmark = pytest.mark.usefixtures("warm")

BOTH = pytest.mark.parametrize("objective", ["makespan", "total"])
CELL = Path(__file__).parents[2] / "examples" / "cell.csv"


def _problem(n: int, tasks: int, seed: int = 1, **changes: Any) -> Problem:
    return some_problem(np.random.default_rng(seed), n, tasks, **changes)


def _assert_sound(problem: Problem, solution: Solution) -> None:
    """Everything that can be said without the optimum, from the data alone."""
    assert solution.certificate is not None
    assert solution.certificate.bound(problem) == solution.lower_bound_s
    if not solution.has_answer:
        return
    chosen, b = solution.selected, solution.bandwidth_hz
    assert problem.covers(chosen).all()
    assert chosen[problem.mandatory].all()
    assert not chosen[~problem.available].any()
    assert (b[~chosen] == 0.0).all()
    assert math.fsum(b) <= problem.bandwidth_hz
    assert (b >= problem.min_bandwidth_hz)[chosen].all()
    assert (b <= problem.max_bandwidth_hz)[chosen].all()
    assert solution.objective_s == pytest.approx(problem.objective_s(chosen, b), rel=1e-15)  # the logarithm is another
    assert solution.lower_bound_s <= solution.objective_s


def _bits(solution: Solution) -> tuple[Any, ...]:
    return (
        solution.status,
        solution.stop_reason,
        solution.selected.tobytes(),
        solution.bandwidth_hz.tobytes(),
        solution.objective_s,
        solution.lower_bound_s,
        solution.iterations,
    )


# -- why it stops --


@BOTH
def test_it_stops_at_the_gap(objective: str) -> None:
    problem = _problem(300, 2, objective=objective)
    solution = fo.solve(problem, gap_tol=0.05)
    _assert_sound(problem, solution)
    assert solution.stop_reason is StopReason.GAP
    assert solution.status is Status.OPTIMAL
    assert solution.gap <= 0.05


@BOTH
def test_it_stops_where_its_bounds_stall(objective: str) -> None:
    """Between the relaxation and the integers there is a gap that no iterations close."""
    problem = _problem(60, 4, objective=objective)
    solution = fo.solve(problem, gap_tol=0.0)
    _assert_sound(problem, solution)
    assert solution.stop_reason is StopReason.STALLED
    assert solution.status is Status.FEASIBLE
    assert 0.0 < solution.gap < 0.1


@BOTH
def test_it_stops_at_the_iteration_limit(objective: str) -> None:
    problem = _problem(60, 4, objective=objective)
    for limit in (0, 1, 7):
        solution = fo.solve(problem, max_iterations=limit)
        _assert_sound(problem, solution)
        assert solution.has_answer
        assert solution.iterations <= limit
        if limit == 0:
            assert solution.stop_reason is StopReason.ITERATIONS


@BOTH
def test_it_stops_when_time_is_up(objective: str) -> None:
    problem = _problem(60, 4, objective=objective)
    solution = fo.solve(problem, time_limit_s=0.0)
    _assert_sound(problem, solution)
    assert solution.stop_reason is StopReason.TIME
    assert solution.status is Status.UNKNOWN  # there was no time for an answer either
    assert solution.lower_bound_s == 0.0


@BOTH
@pytest.mark.parametrize("calls", [1, 3])
def test_it_stops_when_asked_to(objective: str, calls: int) -> None:
    problem = _problem(60, 4, objective=objective)

    def ask(seen: list[Progress], progress: Progress) -> bool:
        seen.append(progress)
        return len(seen) == calls

    def interrupt(seen: list[Progress], progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == calls:
            raise KeyboardInterrupt

    for way in (ask, interrupt):
        seen: list[Progress] = []
        solution = fo.solve(problem, gap_tol=0.0, callback=lambda p, w=way, s=seen: w(s, p))  # type: ignore[misc]
        _assert_sound(problem, solution)
        assert solution.stop_reason is StopReason.INTERRUPTED
        assert len(seen) == calls
        assert solution.has_answer
        # What was told is what is answered, but for the certified rounding of the last step.
        assert solution.objective_s == pytest.approx(seen[-1].objective_s, rel=1e-12)
        assert solution.lower_bound_s == pytest.approx(seen[-1].lower_bound_s, rel=1e-9)


# -- what it tells on the way --


@BOTH
@pytest.mark.parametrize("vertex", [True, False])
def test_progress_only_improves(objective: str, vertex: bool) -> None:
    problem = _problem(200, 3, objective=objective)
    seen: list[Progress] = []
    solution = solve_admm(problem, Options(gap_tol=0.0, callback=seen.append), Tuning(vertex=vertex))
    _assert_sound(problem, solution)
    assert len(seen) > 3
    for before, after in itertools.pairwise(seen):
        assert before.iteration <= after.iteration
        assert before.elapsed_s <= after.elapsed_s
        assert before.objective_s >= after.objective_s
        assert before.lower_bound_s <= after.lower_bound_s
    last = seen[-1]
    assert last.iteration == solution.iterations
    # Both are recomputed in the end: the answer by the data, the bound with its margin.
    assert solution.objective_s == pytest.approx(last.objective_s, rel=1e-12)
    assert solution.lower_bound_s == pytest.approx(last.lower_bound_s, rel=1e-9)
    assert math.isfinite(last.primal_residual)
    assert math.isfinite(last.dual_residual)


@BOTH
def test_watching_changes_nothing(objective: str) -> None:
    problem = _problem(200, 3, objective=objective)
    assert _bits(fo.solve(problem)) == _bits(fo.solve(problem, callback=lambda progress: None))


# -- what its parts are worth --


@BOTH
@pytest.mark.parametrize(
    "tuning",
    [
        Tuning(vertex=False),
        Tuning(width=0, kicks=0),
        Tuning(width=1),
        Tuning(kicks=0),
        Tuning(max_iterations=0),
        Tuning(vertex=False, max_iterations=10, width=0, kicks=0),
    ],
    ids=str,
)
def test_without_any_of_its_parts_it_is_still_truthful(objective: str, tuning: Tuning) -> None:
    rng = np.random.default_rng(2)
    for seed in range(6):
        n = int(rng.integers(4, 10))
        problem = _problem(n, int(rng.integers(1, 4)), seed=seed, objective=objective)
        solution = solve_admm(problem, Options(), tuning)
        _assert_sound(problem, solution)
        best = naive.brute_force(problem).value
        assert solution.has_answer
        assert solution.lower_bound_s <= best * (1 + 1e-12)
        assert solution.objective_s >= best * (1 - 1e-12)


@BOTH
def test_the_admm_alone_finds_the_bound_of_the_vertex_ascent(objective: str) -> None:
    for seed in range(4):
        problem = _problem(100, 3, seed=seed, objective=objective)
        with_vertex = solve_admm(problem, Options(gap_tol=0.0))
        alone = solve_admm(problem, Options(gap_tol=0.0), Tuning(vertex=False))
        _assert_sound(problem, alone)
        # A first-order method: three digits are what it is asked for before the bounds stall.
        assert alone.lower_bound_s == pytest.approx(with_vertex.lower_bound_s, rel=1e-3)


@BOTH
def test_the_bound_is_the_relaxation_s(objective: str) -> None:
    """At its price the dual value is the linear programme's, and no other price gives clearly more."""
    problem = _problem(80, 3, objective=objective)
    solution = fo.solve(problem, gap_tol=0.0)
    assert solution.certificate is not None
    theta = solution.certificate.price
    tight = problem.replace(relevance=np.minimum(problem.relevance, problem.required[:, None]))

    def bound(at: float) -> float:
        relaxed = naive.lp_relaxation(tight, at)
        return relaxed / problem.bandwidth_hz if objective == "makespan" else relaxed - at * problem.bandwidth_hz

    # HiGHS is exact to 1e-7 of the scaled data; the price search ends at 1e-11 of the bound with gap_tol = 0.
    assert bound(theta) == pytest.approx(1.0 if objective == "makespan" else solution.lower_bound_s, rel=1e-6)
    if objective == "total":
        assert max(bound(theta * f) for f in (0.9, 0.99, 1.01, 1.1)) <= solution.lower_bound_s * (1 + 1e-6)


# -- discrete data: everybody ties with somebody --


@BOTH
@pytest.mark.parametrize("n", [50, 400])
def test_ties_do_not_spoil_the_bound(objective: str, n: int) -> None:
    """Few modulation schemes, one payload, quantised relevance: vertices coincide by the hundred."""
    schemes = np.array([0.15, 0.38, 0.88, 1.48, 2.4, 3.9, 5.55])
    for seed in range(6):
        rng = np.random.default_rng(seed)
        tasks = int(rng.integers(1, 6))
        relevance = rng.integers(0, 5, (tasks, n)) / 4.0
        problem = Problem(
            payload_bits=np.full(n, 1e6),
            spectral_efficiency=rng.choice(schemes, n) if seed % 2 else np.full(n, 2.4),
            bandwidth_hz=2e5 * n,
            relevance=relevance,
            required=rng.uniform(0.2, 0.8) * relevance.sum(axis=1),
            objective=objective,
        )
        solution = fo.solve(problem)
        _assert_sound(problem, solution)
        # The relaxation selects at most K clients in part: a few of those that are needed, each worth one
        # part in their number, squared in the total's congestion.
        assert solution.gap <= 4.0 * (tasks + 1) / solution.selected.sum()


def test_identical_clients_are_counted_right() -> None:
    """With nothing to tell clients apart the least number of them is the answer, and it is known."""
    problem = Problem(payload_bits=np.full(40, 1e6), cn0_hz=1e7, bandwidth_hz=4e6, relevance=1.0, required=13.0)
    solution = fo.solve(problem)
    assert solution.selected.sum() == 13
    assert solution.status is Status.OPTIMAL


# -- infeasible and unknown --


def test_a_task_beyond_reach_is_named_with_its_numbers() -> None:
    problem = Problem(
        payload_bits=[1e6] * 3,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        relevance=[[1.0, 1.0, 1.0], [0.5, 0.25, 0.5]],
        required=[1.0, 1.5],
        task_ids=["scene", "speech"],
    )
    solution = fo.solve(problem)
    assert solution.status is Status.INFEASIBLE
    assert solution.stop_reason is StopReason.COMPLETED
    assert solution.certificate is not None
    assert solution.certificate.kind is CertificateKind.COVERAGE
    assert solution.certificate.task == 1
    assert solution.certificate.bound(problem) == math.inf
    assert "'speech'" in solution.message
    assert re.search(r"requires 1\.5\b.* at most 1\.25\b.*short of 0\.25\b", solution.message)


def test_what_capped_clients_offer_does_not_count() -> None:
    problem = _problem(6, 1, max_upload_s=[1e-6] * 5 + [math.inf])
    solution = fo.solve(problem)
    assert solution.status is Status.INFEASIBLE
    offered = float(problem.relevance[0, 5])
    assert f"at most {offered:g}" in solution.message


@BOTH
@pytest.mark.parametrize(
    "limits", [{"min_bandwidth_hz": 9e5}, {"max_upload_s": 0.5}, {"min_bandwidth_hz": 5e5, "mandatory": True}]
)
def test_caps_beyond_the_band_are_proven_so(objective: str, limits: dict[str, Any]) -> None:
    relevance = np.full((1, 30), 0.5)
    problem = Problem(
        payload_bits=np.linspace(1e6, 2e6, 30),
        cn0_hz=1e7,
        bandwidth_hz=6e6,
        relevance=relevance,
        required=10.0,
        objective=objective,
        **limits,
    )
    solution = fo.solve(problem)
    assert solution.status is Status.INFEASIBLE
    assert solution.stop_reason is StopReason.COMPLETED
    assert solution.certificate is not None
    assert solution.certificate.kind is CertificateKind.BANDWIDTH
    assert solution.certificate.bound(problem) == solution.lower_bound_s == math.inf
    assert solution.certificate.bound(problem.replace(bandwidth_hz=1e9)) == 0.0
    assert "max_upload_s and min_bandwidth_hz" in solution.message
    assert "6e+06 Hz" in solution.message
    assert not solution.selected.any()


@BOTH
@pytest.mark.parametrize("share", ["10%", "50%", "90%", "100%"])
def test_a_real_cell_on_too_narrow_a_band(objective: str, share: str) -> None:
    """Resource blocks make least bandwidths tie; that used to end in "unknown" instead of a proof."""
    problem = fo.load_table(CELL, bandwidth_hz=1e6, require=[share], objective=objective)
    least = naive.lp_relaxation(problem.replace(objective="makespan"), math.inf)
    assert least > problem.bandwidth_hz
    solution = fo.solve(problem)
    assert solution.status is Status.INFEASIBLE
    assert solution.certificate is not None
    assert solution.certificate.bound(problem) == math.inf
    roomy = problem.replace(bandwidth_hz=1.5 * least)
    _assert_sound(roomy, fo.solve(roomy))
    assert fo.solve(roomy).has_answer


@BOTH
def test_what_is_neither_found_nor_excluded_is_unknown(objective: str) -> None:
    """Two of three clients are needed, the relaxation is content with one and a half, the band with 1.8."""
    problem = Problem(
        payload_bits=[1e6] * 3,
        cn0_hz=1e7,
        bandwidth_hz=1.8e6,
        min_bandwidth_hz=1e6,
        relevance=[[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]],
        required=1.0,
        objective=objective,
    )
    assert not naive.brute_force(problem).feasible
    solution = fo.solve(problem)
    assert solution.status is Status.UNKNOWN
    assert solution.lower_bound_s == 0.0
    assert "none was excluded" in solution.message
    _assert_sound(problem, solution)


# -- warm starts --


@BOTH
def test_an_earlier_answer_is_never_lost(objective: str) -> None:
    problem = _problem(120, 3, objective=objective)
    cold = fo.solve(problem, gap_tol=0.0)
    again = fo.solve(problem, gap_tol=0.0, warm_start=cold)
    _assert_sound(problem, again)
    assert again.objective_s <= cold.objective_s * (1 + 1e-12)
    rng = np.random.default_rng(5)
    faded = problem.replace(cn0_hz=problem.cn0_hz * 10.0 ** rng.normal(0.0, 0.02, 120))
    warm = fo.solve(faded, warm_start=cold)
    _assert_sound(faded, warm)
    # The same bound from another start, to the price search's 2 per cent of the tolerance, and no lame answer.
    assert warm.lower_bound_s == pytest.approx(fo.solve(faded).lower_bound_s, rel=1e-5)
    assert warm.gap <= 2.0 * fo.solve(faded).gap + 1e-3


@BOTH
def test_warm_starts_from_elsewhere_do_no_harm(objective: str) -> None:
    problem = _problem(30, 2, objective=objective)
    others = [
        _problem(30, 2, seed=9, objective="makespan"),
        _problem(30, 2, seed=9, objective="total"),
        _problem(30, 3),
        _problem(7, 2),
        problem.replace(required=problem.relevance.sum(axis=1) * 2),
        problem.replace(min_bandwidth_hz=6e6),
    ]
    best = fo.solve(problem).lower_bound_s
    for other in others:
        solution = fo.solve(problem, warm_start=fo.solve(other))
        _assert_sound(problem, solution)
        assert solution.has_answer
        assert solution.lower_bound_s == pytest.approx(best, rel=1e-5)


# -- sizes --


@BOTH
def test_nobody(objective: str) -> None:
    empty = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0, objective=objective)
    solution = fo.solve(empty)
    assert solution.status is Status.OPTIMAL
    assert solution.objective_s == solution.lower_bound_s == 0.0
    wanting = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0, relevance=np.zeros((1, 0)), required=[1.0])
    assert fo.solve(wanting).status is Status.INFEASIBLE


@BOTH
def test_no_tasks(objective: str) -> None:
    idle = _problem(5, 0, objective=objective)
    solution = fo.solve(idle)
    assert solution.status is Status.OPTIMAL
    assert not solution.selected.any()
    assert solution.objective_s == 0.0
    busy = fo.solve(idle.replace(mandatory=[True, True, False, False, False]))
    assert busy.selected.tolist() == [True, True, False, False, False]
    assert busy.status is Status.OPTIMAL
    assert busy.gap <= 1e-9


@BOTH
def test_the_same_bits_every_time(objective: str) -> None:
    problem = _problem(500, 5, objective=objective)
    first = _bits(fo.solve(problem))
    for _ in range(3):
        assert _bits(fo.solve(problem)) == first


@BOTH
@pytest.mark.parametrize("tasks", [1, 5])
def test_twenty_thousand_clients(objective: str, tasks: int) -> None:
    problem = _problem(20_000, tasks, objective=objective)
    solution = fo.solve(problem, gap_tol=1e-3)
    _assert_sound(problem, solution)
    assert solution.status is Status.OPTIMAL


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_an_earlier_answer_that_covers_no_longer_is_mended(objective: str) -> None:
    """One of those selected has left: the rest, which would be quicker, is a start and no answer."""
    problem = _problem(12, 2, objective=objective)
    cold = solve_admm(problem, Options())
    short = cold.selected.copy()
    short[np.flatnonzero(short)[0]] = False
    assert not problem.covers(short).all()
    warm = solve_admm(problem, Options(warm_start=replace(cold, selected=short)))
    assert warm.has_answer
    assert problem.covers(warm.selected).all()


def test_a_bound_from_reach_where_costs_are_too_far_apart_for_a_basis() -> None:
    """A channel of 1e-30 Hz: next to no bandwidth gives nearly all the rate there is, and costs span 17 decades."""
    problem = fo.Problem(
        payload_bits=[4.2e5, 2.9e6, 1.4e6, 1.1e6, 1.1e6],
        cn0_hz=1e-30,
        bandwidth_hz=1e6,
        relevance=[[0.0, 2e-28, 3e-28, 2e-28, 5e-28], [5e-28, 1e-28, 4e-28, 2e-29, 1e-28]],
        required=[8.1e-28, 3.3e-28],
    )
    solution = fo.solve(problem)
    assert solution.gap < 1e-12
    assert solution.certificate is not None
    assert solution.certificate.bound(problem) == solution.lower_bound_s
