"""Whole resource blocks: every method's answers against enumeration, and what a Problem says of them.

**Tolerances.** A limit may be met by a number of blocks up to the rounding of a logarithm, so the truth is bracketed:
by enumeration with limits relaxed and tightened by `DOUBT`. The exact method proves 1e-9.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.solvers import POLICIES
from fedss_opt.solvers.selection_answer import optimal_bandwidth
from tests.naive_blocks import best_split, brute_force_blocks, whole_blocks
from tests.strategies import problems, selections

pytestmark = pytest.mark.usefixtures("warm")

DOUBT = 1e-12


@st.composite
def problems_in_blocks(draw: st.DrawFn, **sizes: int) -> fo.Problem:
    """Draw a problem of few blocks, some so few that not everybody can have one, sometimes none at all."""
    problem = draw(problems(**sizes))
    count = draw(st.sampled_from([4, 1, 2, 3, 5, 6, 8, 10, 0.9]))
    remainder = draw(st.sampled_from([0.0, 0.3, 0.999]))
    return problem.replace(resource_block_hz=problem.bandwidth_hz / (count + (remainder if count >= 1 else 0.0)))


@settings(max_examples=100)
@given(problems_in_blocks(max_clients=6))
def test_agrees_with_enumeration(problem: fo.Problem) -> None:
    low, high = brute_force_blocks(problem, DOUBT), brute_force_blocks(problem, -DOUBT)
    for method in ("admm", "exact"):
        solution = fo.solve(problem, method)
        assert fo.check(problem, solution).ok, fo.check(problem, solution).failed
        if solution.status is fo.Status.INFEASIBLE:
            assert high == math.inf
            continue
        assert solution.lower_bound_s <= high * (1.0 + DOUBT)
        if solution.has_answer:
            assert solution.objective_s >= low * (1.0 - DOUBT)
        if method == "exact" and high < math.inf:
            assert solution.status is fo.Status.OPTIMAL
            assert solution.objective_s <= high * (1.0 + 1e-8)


@settings(max_examples=60)
@given(st.data())
def test_best_split_of_a_selection(data: st.DataObject) -> None:
    problem = data.draw(problems_in_blocks(max_clients=6))
    selected = data.draw(selections(problem.n_clients))
    low, high = best_split(problem, selected, DOUBT), best_split(problem, selected, -DOUBT)
    bandwidth = optimal_bandwidth(problem, selected)
    if bandwidth is None:
        assert high == math.inf
        return
    value = problem.objective_s(selected, bandwidth)
    assert low * (1.0 - DOUBT) <= value <= high * (1.0 + DOUBT)


@pytest.mark.parametrize("method", POLICIES)
@settings(max_examples=30)
@given(problem=problems_in_blocks(max_clients=8))
def test_policies_hand_out_whole_blocks(method: str, problem: fo.Problem) -> None:
    solution = fo.solve(problem, method)
    assert fo.check(problem, solution).ok, fo.check(problem, solution).failed


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_fine_blocks_approach_the_continuous_optimum(objective: str) -> None:
    problem = fo.scenarios.make("yang2021", n_clients=60, n_tasks=3, seed=1, objective=objective)
    continuous = fo.solve(problem)
    gaps = []
    for count in (300, 3000, 30000):
        solution = fo.solve(problem.replace(resource_block_hz=problem.bandwidth_hz / count))
        assert solution.lower_bound_s >= continuous.lower_bound_s * (1.0 - 1e-9)
        gaps.append(solution.objective_s / continuous.objective_s - 1.0)
    assert -1e-3 < gaps[2] < gaps[1] < gaps[0] < 0.5
    assert gaps[2] < 2e-3


def test_a_thousand_clients_get_a_certified_answer() -> None:
    problem = fo.scenarios.make(
        "yang2021", n_clients=1000, n_tasks=5, seed=3, payload_bits=(0.5e6, 5e6), bandwidth_hz=400e6
    ).replace(resource_block_hz=180e3)
    solution = fo.solve(problem)
    assert solution.gap < 0.02
    assert fo.check(problem, solution).ok
    assert solution.bandwidth_hz.sum() <= problem.resource_blocks * 180e3


def test_identical_clients_share_what_is_left_over() -> None:
    """Total latency: fifteen blocks for ten clients is two for five of them; a common price gives all or none."""
    problem = fo.Problem(
        payload_bits=[1e6] * 10, cn0_hz=1e7, bandwidth_hz=15e5, resource_block_hz=1e5, mandatory=True, objective="total"
    )
    for method in ("admm", "exact"):
        solution = fo.solve(problem, method)
        assert sorted(np.rint(solution.bandwidth_hz / 1e5)) == [1] * 5 + [2] * 5
        assert solution.status is fo.Status.OPTIMAL


@pytest.mark.parametrize(
    ("band", "block", "count"), [(0.3, 0.1, 3), (20e6, 180e3, 111), (1e6, 1e6, 1), (1e6, 1.1e6, 0), (0.7, 0.1, 7)]
)
def test_number_of_blocks(band: float, block: float, count: int) -> None:
    problem = fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=band, resource_block_hz=block)
    assert problem.resource_blocks == whole_blocks(problem) == count
    assert problem.selectable.all() == (count > 0)


def test_limits_are_those_of_whole_blocks() -> None:
    problem = fo.Problem(
        payload_bits=[1e6] * 4,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        resource_block_hz=1e5,
        min_bandwidth_hz=[0.0, 1e5, 1.1e5, 9.5e5],
        max_bandwidth_hz=[math.inf, 5.5e5, 1.5e5, 9.9e5],
    )
    least, most = problem.bandwidth_limits_hz
    np.testing.assert_array_equal(least, [1e5, 1e5, 2e5, 10e5])
    np.testing.assert_array_equal(most, [10e5, 5e5, 1e5, 9e5])
    np.testing.assert_array_equal(problem.selectable, [True, True, False, False])


def test_more_clients_than_blocks_is_infeasible() -> None:
    problem = fo.Problem(
        payload_bits=[1e6] * 4, cn0_hz=1e7, bandwidth_hz=3.9e5, resource_block_hz=1e5, relevance=[1.0] * 4, required=4.0
    )
    for method in ("admm", "exact"):
        solution = fo.solve(problem, method)
        assert solution.status is fo.Status.INFEASIBLE
        assert fo.check(problem, solution).ok
    assert fo.solve(problem.replace(required=3.0)).status is fo.Status.OPTIMAL


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan, 1e31, "180 kHz", [1.0], True])
def test_a_block_is_one_number(wrong: object) -> None:
    with pytest.raises(fo.ProblemError, match=r"^resource_block_hz"):
        fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, resource_block_hz=wrong)


def test_documents_carry_the_block(tmp_path: Path) -> None:
    problem = fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, resource_block_hz=0.25)
    for name in ("cell.json", "cell.npz"):
        problem.save(tmp_path / name)
        assert fo.Problem.load(tmp_path / name) == problem
    assert problem.replace(resource_block_hz=None).to_dict().keys() == problem.to_dict().keys() - {"resource_block_hz"}


def test_a_fraction_of_a_block_is_caught() -> None:
    problem = fo.Problem(payload_bits=[1e6, 1e6], cn0_hz=1e7, bandwidth_hz=1e6, resource_block_hz=1e5, mandatory=True)
    solution = fo.solve(problem.replace(resource_block_hz=None, bandwidth_hz=0.99e6))
    failed = [claim.name for claim in fo.check(problem, solution).failed]
    assert "resource blocks" in failed


def test_the_convex_reference_declines() -> None:
    problem = fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, resource_block_hz=0.25)
    with pytest.raises(fo.OptionError, match="resource_block_hz"):
        fo.solve(problem, "cvxpy")


def test_what_counts_as_a_block_is_the_same_for_all() -> None:
    """Sixty-one blocks of 0.2 Hz, summed: their sum is less than 61 * 0.2, and sixty-one blocks all the same."""
    most = sum([0.2] * 61)
    assert most < 61 * 0.2
    problem = fo.Problem(
        payload_bits=[1.0, 1.0],
        cn0_hz=10.0,
        bandwidth_hz=40.0,
        resource_block_hz=0.2,
        max_bandwidth_hz=most,
        mandatory=True,
    )
    for method in ("admm", "exact", "proportional"):
        solution = fo.solve(problem, method)
        assert np.rint(solution.bandwidth_hz / 0.2).tolist() == [61.0, 61.0]
        assert fo.check(problem, solution).ok
    least = fo.solve(problem.replace(min_bandwidth_hz=most))
    assert np.rint(least.bandwidth_hz / 0.2).tolist() == [61.0, 61.0]
    assert fo.check(problem.replace(min_bandwidth_hz=most), least).ok
    # A block more is a block too many, however it is written.
    more = np.full(2, 62 * 0.2)
    chosen = np.ones(2, dtype=bool)
    lie = replace(
        least,
        bandwidth_hz=more,
        latency_s=problem.latency_s(chosen, more),
        objective_s=problem.objective_s(chosen, more),
        lower_bound_s=math.nan,
        certificate=None,
        status="feasible",
    )
    assert [claim.name for claim in fo.check(problem, lie).failed] == ["bandwidth limits"]


@settings(max_examples=60)
@given(
    tenths=st.integers(1, 30),
    limits=st.lists(st.integers(1, 70), min_size=2, max_size=2).map(sorted),
    clients=st.integers(1, 3),
    objective=st.sampled_from(["makespan", "total"]),
)
def test_limits_that_were_summed_are_whole(tenths: int, limits: list[int], clients: int, objective: str) -> None:
    block = tenths / 10.0
    low, high = (sum([block] * count) for count in limits)
    problem = fo.Problem(
        payload_bits=np.arange(1.0, clients + 1.0),
        cn0_hz=20.0,
        bandwidth_hz=sum([block] * (clients * limits[1] + 1)),
        resource_block_hz=block,
        min_bandwidth_hz=low,
        max_bandwidth_hz=high,
        mandatory=True,
        objective=objective,
    )
    assert problem.resource_blocks == clients * limits[1] + 1
    solution = fo.solve(problem)
    blocks = np.rint(solution.bandwidth_hz / block)
    assert blocks[-1] == blocks.max() == limits[1]
    assert blocks.min() >= limits[0]
    assert fo.check(problem, solution).ok, fo.check(problem, solution).failed


def test_as_many_blocks_as_are_accepted_are_counted_without_error() -> None:
    """Two clients, and a hundred thousand million blocks for them: no block is lost or counted twice."""
    fields = {"payload_bits": [1e6, 1e6], "spectral_efficiency": 1.0, "bandwidth_hz": 1e11, "mandatory": True}
    problem = fo.Problem(resource_block_hz=1.0, **fields)
    assert problem.resource_blocks == 10**11
    for objective in ("makespan", "total"):
        solution = fo.solve(problem.replace(objective=objective))
        assert solution.bandwidth_hz.tolist() == [5e10, 5e10]
        assert fo.check(problem.replace(objective=objective), solution).ok
    full = problem.replace(min_bandwidth_hz=[4e10, 6e10])
    assert fo.solve(full).bandwidth_hz.tolist() == [4e10, 6e10]
    assert fo.solve(full.replace(min_bandwidth_hz=[4e10, 6e10 + 1])).status is fo.Status.INFEASIBLE
    words = "resource_block_hz = 0.999: makes 1e+11 blocks of bandwidth_hz = 100000000000.0; at most 1e+11 are counted"
    with pytest.raises(fo.ProblemError, match=f"^{re.escape(words)}"):
        fo.Problem(resource_block_hz=0.999, **fields)
