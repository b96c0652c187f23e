"""The exact method from poor starts: on small cells the ADMM's answer is optimal already, and anything "proves" it.

The truth is every covering selection. The best one is valued by the reference solvers of `fedss_opt.verification`,
which use no kernel; the others, which only have to be worse, by their optimal bandwidths.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.cells import problem_arrays
from fedss_opt.solvers import branching, cover_search
from fedss_opt.solvers import exact as exact_module
from fedss_opt.solvers.admm_method import solve_admm
from fedss_opt.solvers.cover_search import Finding, find_selection
from fedss_opt.solvers.selection_answer import answer, optimal_bandwidth
from fedss_opt.verification.plain_bandwidths import selection_value

from .. import naive

# The method proves 1e-9, and their value is good to about 1e-10.
CLOSE = 1e-8


def draw(rng: np.random.Generator, objective: str, *, clients: int, blocks: bool = False) -> fo.Problem:
    """Draw a cell of continuous or quantised relevance, with or without computing time, caps and someone mandatory."""
    n, tasks = clients, int(rng.integers(1, 4))
    relevance = rng.random((tasks, n)) * (rng.random((tasks, n)) < 0.8)
    if rng.random() < 0.4:
        relevance = np.ceil(8.0 * relevance) / 8.0
    relevance[:, 0] += 0.125
    return fo.Problem(
        payload_bits=1e6 * rng.uniform(0.3, 3.0, n),
        cn0_hz=1e6 * 10.0 ** rng.uniform(0.3, 1.7, n),
        compute_s=rng.uniform(0.0, 0.5, n) * (rng.random() < 0.5),
        bandwidth_hz=1e6,
        resource_block_hz=1e6 / int(rng.integers(n, 4 * n)) if blocks else None,
        relevance=relevance,
        required=rng.uniform(0.2, 0.8, tasks) * relevance.sum(axis=1),
        mandatory=rng.random(n) < (0.15 if rng.random() < 0.3 else 0.0),
        weights=rng.uniform(0.5, 2.0, n),
        objective=objective,
    )


def ranked(problem: fo.Problem) -> list[tuple[float, np.ndarray]]:
    """List the minimal covering selections that fit, best first, with their objectives."""
    n = problem.n_clients
    codes = np.arange(1 << n)
    rows = (codes[:, np.newaxis] >> np.arange(n)) & 1 == 1
    covering = (rows @ problem.relevance.T >= problem.required * (1.0 - 1e-12)).all(axis=1)
    keep = covering & rows[:, problem.mandatory].all(axis=1)
    for i in np.flatnonzero(~problem.mandatory):
        keep &= ~(rows[:, i] & covering[codes ^ (1 << int(i))])
    found = []
    for chosen in rows[keep]:
        bandwidth = optimal_bandwidth(problem, chosen)
        if bandwidth is not None:
            found.append((problem.objective_s(chosen, bandwidth), chosen))
    found.sort(key=lambda pair: pair[0])
    if found:
        reference = naive.objective_of if problem.resource_block_hz is None else selection_value
        assert reference(problem, found[0][1]) == pytest.approx(found[0][0], rel=0.1 * CLOSE)
    return found


def solve_from(monkeypatch: pytest.MonkeyPatch, problem: fo.Problem, start: np.ndarray, **options) -> fo.Solution:
    """Solve with `start` for the ADMM's answer; its certificate, and half of its bound, are left as they are."""

    def poor(asked: fo.Problem, *arguments: object, **named: object) -> fo.Solution:
        first = solve_admm(asked, *arguments, **named)
        bandwidth = optimal_bandwidth(asked, start) if start.shape == (asked.n_clients,) else None
        if bandwidth is None:
            return first
        return replace(
            answer(asked, start, bandwidth, method="admm", certificate=first.certificate),
            lower_bound_s=0.5 * first.lower_bound_s,
        )

    with monkeypatch.context() as patch:
        patch.setattr(exact_module, "solve_admm", poor)
        return fo.solve(problem, "exact", **options)


def assert_optimal(problem: fo.Problem, solution: fo.Solution, best: float) -> None:
    assert solution.status is fo.Status.OPTIMAL, (problem, solution)
    assert solution.objective_s == pytest.approx(best, rel=CLOSE), problem
    assert solution.lower_bound_s <= best * (1.0 + CLOSE), problem
    assert solution.lower_bound_s >= best * (1.0 - CLOSE), problem


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("kind", ["any", "last", "next"])
def test_a_poor_start_still_reaches_the_enumerated_optimum(
    monkeypatch: pytest.MonkeyPatch, objective: str, kind: str
) -> None:
    """From any minimal cover, from the worst, and from the next best: whose screening has the least to spare."""
    rng = np.random.default_rng([1, len(kind), len(objective)])
    tried = 0
    while tried < 150:
        problem = draw(rng, objective, clients=int(rng.integers(6, 11)))
        covers = ranked(problem)
        if len(covers) < 2:
            continue
        tried += 1
        place = {"any": int(rng.integers(1, len(covers))), "last": len(covers) - 1, "next": 1}[kind]
        assert_optimal(problem, solve_from(monkeypatch, problem, covers[place][1]), covers[0][0])


@pytest.mark.parametrize("kind", ["last", "next"])
def test_branch_and_bound_needs_no_rounding(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Rounding finds the optimum of small cells at the root. Without it all depends on what is screened and closed."""
    monkeypatch.setattr(branching, "round_relaxation", lambda *_: False)
    rng = np.random.default_rng([14, len(kind)])
    tried = 0
    while tried < 80:
        problem = draw(rng, "total", clients=int(rng.integers(5, 9)))
        covers = ranked(problem)
        if len(covers) < 2:
            continue
        tried += 1
        start = covers[len(covers) - 1 if kind == "last" else 1][1]
        assert_optimal(problem, solve_from(monkeypatch, problem, start), covers[0][0])


@pytest.mark.parametrize("gap", [1e-6, 1e-2, 0.3])
def test_the_optimum_stays_below_some_child_of_a_node(monkeypatch: pytest.MonkeyPatch, gap: float) -> None:
    """Whatever price a node starts from, and however good a bound it has inherited: only its own may decide clients."""
    monkeypatch.setattr(branching, "round_relaxation", lambda *_: False)
    rng = np.random.default_rng(15)
    for _ in range(40):
        problem = draw(rng, "total", clients=7)
        covers = ranked(problem)
        if not covers:
            continue
        (best, chosen), price = covers[0], fo.solve(problem).certificate.price
        for factor in (0.2, 1.0, 5.0):
            node = branching._Node(best * (1.0 - 1e-9), problem.mandatory, problem.available, factor * price)
            offered: list[np.ndarray] = []
            limit = best * (1.0 + gap)
            arrays = problem_arrays(problem, problem.mandatory, problem.available, problem.required)
            children, _ = branching._expand(arrays, node, lambda limit=limit: limit, offered.append)
            below = [
                child for child in children if (child.inside <= chosen).all() and (chosen <= child.available).all()
            ]
            assert below or any((each == chosen).all() for each in offered), problem


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_in_whole_blocks_too(monkeypatch: pytest.MonkeyPatch, objective: str) -> None:
    """The relaxation leaves more, and the best answers fill the carrier to the last block."""
    rng = np.random.default_rng(2)
    tried = 0
    while tried < 60:
        problem = draw(rng, objective, clients=int(rng.integers(4, 7)), blocks=True)
        covers = ranked(problem)
        if len(covers) < 2:
            continue
        tried += 1
        start = covers[int(rng.integers(1, len(covers)))][1]
        assert_optimal(problem, solve_from(monkeypatch, problem, start), covers[0][0])


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_nothing_is_lost_whoever_is_forced_in_or_out(monkeypatch: pytest.MonkeyPatch, objective: str) -> None:
    """The optimum is the lesser of those with a client and without it, whoever the client is."""
    rng = np.random.default_rng(3)
    for _ in range(12):
        problem = draw(rng, objective, clients=6).replace(mandatory=False)
        covers = ranked(problem)
        if len(covers) < 2:
            continue
        best = solve_from(monkeypatch, problem, covers[-1][1]).objective_s
        for n in range(problem.n_clients):
            one = np.arange(problem.n_clients) == n
            sides = [
                fo.solve(problem.replace(**change), "exact") for change in ({"mandatory": one}, {"available": ~one})
            ]
            values = [side.objective_s for side in sides]
            assert min(values) == pytest.approx(best, rel=CLOSE)
            for side, kept in zip(sides, (True, False), strict=True):
                expected = min((value for value, chosen in covers if chosen[n] == kept), default=math.inf)
                if not kept:  # a minimal cover may be without a client that another answer pays for
                    assert side.objective_s == expected or side.objective_s == pytest.approx(expected, rel=CLOSE)
                else:
                    assert side.objective_s <= expected * (1.0 + CLOSE)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_tasks_that_share_no_clients_are_one_problem_all_the_same(
    monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    """Each client serves one task: the components are searched one by one, and share the carrier."""
    rng = np.random.default_rng(6)
    tried = 0
    while tried < 40:
        n, tasks = 8, int(rng.integers(2, 4))
        mine = rng.permutation(n) % tasks == np.arange(tasks)[:, np.newaxis]
        relevance = np.where(mine, rng.uniform(0.2, 1.0, n), 0.0)
        problem = fo.Problem(
            payload_bits=1e6 * rng.uniform(0.3, 3.0, n),
            cn0_hz=1e6 * 10.0 ** rng.uniform(0.3, 1.7, n),
            bandwidth_hz=1e6,
            relevance=relevance,
            required=rng.uniform(0.2, 0.7, tasks) * relevance.sum(axis=1),
            objective=objective,
        )
        covers = ranked(problem)
        if len(covers) < 2:
            continue
        tried += 1
        for start in (1, len(covers) - 1):
            assert_optimal(problem, solve_from(monkeypatch, problem, covers[start][1]), covers[0][0])


def one_and_several(rng: np.random.Generator) -> list[tuple[fo.Problem, list[tuple[float, np.ndarray]]]]:
    """Draw makespan cells whose search has something to do."""
    found = []
    while len(found) < 12:
        problem = draw(rng, "makespan", clients=8)
        covers = ranked(problem)
        if len(covers) > 4:
            found.append((problem, covers))
    return found


def test_without_states_the_tree_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dynamic program of one task gives up, and nothing follows from that."""
    monkeypatch.setattr(cover_search, "_MAX_STATES", 2)
    for problem, covers in one_and_several(np.random.default_rng(7)):
        one = problem.replace(relevance=problem.relevance[:1], required=problem.required[:1])
        assert_optimal(one, solve_from(monkeypatch, one, covers[-1][1]), ranked(one)[0][0])


def test_a_search_without_time_is_undecided() -> None:
    """Where there is a selection, a search that is given no time must not say that there is none."""
    undecided = 0
    for problem, covers in one_and_several(np.random.default_rng(8)):
        mu = fo.solve(problem).certificate.multipliers
        deadline = covers[0][0] * (1.0 + 1e-6)
        finding, selection = find_selection(problem, deadline, mu, -math.inf)
        assert finding is not Finding.NOTHING
        undecided += selection is None
        finding, selection = find_selection(problem, deadline, mu, math.inf)
        assert finding is Finding.SELECTION
        assert problem.covers(selection).all()
        assert find_selection(problem, covers[0][0] * (1.0 - 1e-6), mu, math.inf)[0] is Finding.NOTHING
    assert undecided


def test_what_costs_all_of_the_carrier_is_found() -> None:
    """At the optimum's own deadline it costs the carrier, but for the rounding of both."""
    for problem, covers in one_and_several(np.random.default_rng(9)):
        mu = fo.solve(problem).certificate.multipliers
        assert find_selection(problem, covers[0][0] * (1.0 + 1e-11), mu, math.inf)[0] is Finding.SELECTION


def test_an_undecided_search_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_module, "find_selection", lambda *_: (Finding.UNDECIDED, None))
    problem, covers = one_and_several(np.random.default_rng(10))[0]
    solution = solve_from(monkeypatch, problem, covers[-1][1])
    assert solution.status is fo.Status.FEASIBLE
    assert solution.stop_reason is fo.StopReason.STALLED
    assert solution.lower_bound_s <= covers[0][0]


def test_a_proof_claims_no_more_than_its_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was found just below the answer; up to the answer itself nothing was said."""
    for problem, covers in one_and_several(np.random.default_rng(11))[:4]:
        solution = solve_from(monkeypatch, problem, covers[-1][1])
        assert solution.lower_bound_s <= solution.objective_s * (1.0 - 0.9e-9)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_a_tolerance_of_zero_ends(monkeypatch: pytest.MonkeyPatch, objective: str) -> None:
    rng = np.random.default_rng(4)
    problem = draw(rng, objective, clients=7)
    covers = ranked(problem)
    for place in (0, 1):
        start = covers[place][1]
        assert_optimal(problem, solve_from(monkeypatch, problem, start, gap_tol=0.0, max_iterations=500), covers[0][0])


def test_only_what_covers_and_betters_is_adopted() -> None:
    problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=1e7, bandwidth_hz=1e6, relevance=1.0, required=1.0)
    nobody, first, second = (np.array(chosen) for chosen in ([False, False], [True, False], [False, True]))
    start = optimal_bandwidth(problem, second)
    incumbent = exact_module.Incumbent(problem, second, start, problem.objective_s(second, start), 0.0)
    assert not incumbent.take(nobody)
    assert not incumbent.take(second)
    assert incumbent.take(first)
    assert incumbent.selected.tolist() == [True, False]
    assert incumbent.objective_s == problem.objective_s(first, optimal_bandwidth(problem, first))
    assert not incumbent.take(second)
    incumbent.raise_bound(math.inf)
    assert incumbent.bound_s == incumbent.objective_s


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_a_proven_bound_raised_by_a_hair_is_refused(objective: str) -> None:
    """By 1e-6, far below any gap: with the honest certificate, and where it says that a search found it."""
    pytest.importorskip("flint")
    from fedss_opt.verification import verify_solution  # noqa: PLC0415

    rng = np.random.default_rng(5)
    for _ in range(12):
        problem = draw(rng, objective, clients=6)
        for method in ("admm", "exact"):
            solution = fo.solve(problem, method)
            assert verify_solution(problem, solution).ok
            raised = replace(solution, lower_bound_s=solution.lower_bound_s * (1.0 + 1e-6))
            if solution.certificate.kind is fo.CertificateKind.BOUND:
                assert not fo.check(problem, raised).ok
            best = solution.objective_s if method == "exact" else solution.lower_bound_s
            claimed = replace(
                solution,
                lower_bound_s=best * (1.0 + 1e-6),
                certificate=replace(solution.certificate, kind=solution.certificate.kind),
            )
            assert not verify_solution(problem, claimed).ok
