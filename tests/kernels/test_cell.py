"""Compaction: who is left in a cell, and that covering means the same there as in the problem."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fedss_opt import Problem
from fedss_opt.cells import cell_of, selection_cell
from fedss_opt.kernels import EPS, MAKESPAN, TOTAL
from fedss_opt.kernels.search import measure_slack
from fedss_opt.problem import coverage_target

from .. import naive
from ..strategies import problems, selections
from .cells import cell


def _problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "payload_bits": [1e6, 2e6, 3e6, 4e6],
        "cn0_hz": [1e7, 2e7, 3e7, 4e7],
        "bandwidth_hz": 1e6,
        "relevance": [[1.0, 2.0, 4.0, 0.0], [0.0, 0.0, 1.0, 1.0]],
        "required": [3.0, 1.0],
    }
    return Problem(**(fields | changes))


def test_the_plain_case() -> None:
    problem = _problem(compute_s=[0.1, 0.2, 0.3, 0.4], weights=[1.0, 2.0, 3.0, 4.0])
    compact = cell(problem)
    assert compact.objective == MAKESPAN
    assert compact.model == 0
    assert compact.free == 4
    assert compact.client.tolist() == [0, 1, 2, 3]
    assert compact.task.tolist() == [0, 1]
    for field, name in [("payload", "payload_bits"), ("link", "cn0_hz"), ("start", "compute_s"), ("weight", "weights")]:
        assert (getattr(compact, field) == getattr(problem, name)).all()
    assert (compact.low == 0.0).all()
    assert (compact.high == 1e6).all()  # nobody can use more than the carrier
    # Whole relevances ask for whole requirements, less the few eps by which a quotient may be off.
    np.testing.assert_allclose(compact.scale, [3.0, 1.0], rtol=8 * EPS)
    assert (compact.scale <= [3.0, 1.0]).all()
    # A relevance beyond the requirement counts as the requirement.
    np.testing.assert_allclose(compact.relevance, [[1 / 3, 0], [2 / 3, 0], [1, 1], [0, 1]], rtol=8 * EPS)
    assert (compact.relevance <= 1.0).all()
    assert (compact.aim == 1.0).all()


def test_what_comes_in_no_steps_keeps_its_allowance() -> None:
    problem = _problem(relevance=[[1.0, 2.1, 4.3, 0.0], [0.0, 0.0, 1.7, 0.9]], required=[3.0, 0.8])
    compact = cell(problem)
    target = problem.coverage_target
    # The target, less the few eps by which a compensated sum may be off: nothing that covers is lost.
    np.testing.assert_allclose(compact.scale, target, rtol=8 * EPS)
    assert (compact.scale <= target).all()
    assert (compact.relevance <= 2.0 * compact.aim - 1.0).all()
    assert (compact.aim > 1.0).all()
    assert (compact.aim <= 1.0 + 1e-12).all()


@pytest.mark.parametrize(
    ("required", "mandatory", "asked"),
    [
        ([2.01, 1.0], False, [3.0, 1.0]),  # two would do but for a hundredth
        ([4.0 * (1 + 1e-12), 1.0], False, [4.0, 1.0]),  # within the allowance
        ([4.5, 0.2], [True, False, False, False], [4.0, 1.0]),  # the mandatory client serves 1 of the 4.5
    ],
)
def test_requirements_are_rounded_up_to_steps(required: list[float], mandatory: object, asked: list[float]) -> None:
    offered = [[1.0, 4.0, 4.0, 0.0], [0.0, 0.0, 1.0, 1.0]]  # nobody is forced
    compact = cell(_problem(relevance=offered, required=required, mandatory=mandatory))
    np.testing.assert_allclose(compact.scale, asked, rtol=8 * EPS)


def test_objective_and_rate_model() -> None:
    flat = Problem(
        payload_bits=[1e6], spectral_efficiency=3.0, bandwidth_hz=1e6, relevance=1.0, required=1.0, objective="total"
    )
    compact = cell(flat)
    assert compact.objective == TOTAL
    assert compact.model == 1
    assert compact.link.tolist() == [3.0]


def test_mandatory_clients_serve_first() -> None:
    compact = cell(_problem(mandatory=[False, True, False, False]))
    assert compact.free == 3
    assert compact.client.tolist() == [0, 2, 3, 1]  # mandatory ones last
    assert compact.relevance.shape == (3, 2)
    assert compact.scale[0] == pytest.approx(1.0, rel=4e-12)
    np.testing.assert_allclose(compact.relevance, [[1, 0], [1, 1], [0, 1]], rtol=4e-12)


def test_tasks_that_are_served_already_are_gone_and_so_is_who_serves_no_other() -> None:
    compact = cell(_problem(mandatory=[False, False, True, False]))
    assert compact.task.size == 0
    assert compact.free == 0
    assert compact.client.tolist() == [2]
    only_second = cell(_problem(mandatory=[True, True, False, False]))
    assert only_second.task.tolist() == [1]
    assert only_second.client.tolist() == [2, 3, 0, 1]
    without = cell(_problem(required=[0.0, 0.0]))
    assert without.client.size == 0


def test_who_cannot_take_part_is_left_out() -> None:
    # Client 0 is away, client 1 has a radio that needs more than the carrier, client 2 a cap it cannot meet.
    out = _problem(
        available=[False, True, True, True],
        min_bandwidth_hz=[0.0, 2e6, 0.0, 0.0],
        max_upload_s=[math.inf, math.inf, 1e-3, math.inf],
    )
    compact, short = cell_of(out)
    assert compact.client.tolist() == [3]
    assert short.tolist() == [True, False]
    must = _problem(min_bandwidth_hz=[0.0, 2e6, 0.0, 0.0], mandatory=[False, True, False, False], required=[1.0, 1.0])
    compact, _ = cell_of(must)
    assert compact.client[-1] == 1
    assert compact.low[-1] == math.inf


def test_caps_become_least_bandwidths() -> None:
    problem = _problem(max_upload_s=2.0, min_bandwidth_hz=[0.0, 0.0, 9e5, 0.0])
    compact = cell(problem)
    for n in range(4):
        exact = naive.least_bandwidth(problem, n, math.inf)
        assert compact.low[n] >= exact  # the cap is met in exact arithmetic
        assert compact.low[n] == pytest.approx(float(exact), rel=16 * EPS)  # 4 ulp, 6 eps of rounding up
    assert compact.low[2] == 9e5


@pytest.mark.parametrize("link", [{"cn0_hz": 1e7}, {"spectral_efficiency": 2.0}])
def test_a_cap_that_the_whole_carrier_just_meets(link: dict[str, float]) -> None:
    plain = {"payload_bits": [1e6], "bandwidth_hz": 1e6, "relevance": 1.0, "required": 1.0, **link}
    least = float(Problem(**plain).upload_s(1e6)[0])
    compact, short = cell_of(Problem(max_upload_s=least, **plain))
    assert not short.any()
    assert compact.low[0] == compact.high[0] == 1e6
    _, short = cell_of(Problem(max_upload_s=least * (1 - 1e-9), **plain))
    assert short.all()


def test_empty_problems() -> None:
    nobody = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0)
    compact, short = cell_of(nobody)
    assert compact.client.size == compact.task.size == short.size == 0
    helpless = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0, relevance=np.zeros((1, 0)), required=[1.0])
    assert cell_of(helpless)[1].tolist() == [True]


@settings(max_examples=100)
@given(problem=problems())
def test_short_tasks_are_short_in_exact_arithmetic(problem: Problem) -> None:
    compact, short = cell_of(problem)
    selectable = problem.available & naive.admissible_clients(problem)
    offered = naive.exact_coverage(problem, selectable)
    for k in range(problem.n_tasks):
        missing = Fraction(float(problem.coverage_target[k])) - offered[k]
        # One rounding of a compensated sum may decide a tie; the certificate of it keeps a wider margin.
        if abs(missing) > Fraction(2 * EPS) * offered[k]:
            assert short[k] == (missing > 0)
    assert set(compact.client.tolist()) <= set(np.flatnonzero(selectable | problem.mandatory).tolist())


@settings(max_examples=50)
@given(data=st.data(), problem=problems(min_clients=1))
def test_who_covers_the_cell_covers_the_problem(data: st.DataObject, problem: Problem) -> None:
    """The other way round too, for selections that meet the requirements and not just the targets."""
    compact, short = cell_of(problem)
    assume(not short.any())
    chosen = data.draw(selections(int(compact.free)))
    slack = np.empty(compact.task.size)
    covered = measure_slack(compact.relevance, compact.aim, chosen, slack)
    selected = np.zeros(problem.n_clients, dtype=bool)
    selected[compact.client[: compact.free][chosen]] = True
    selected[compact.client[compact.free :]] = True
    if covered:
        assert naive.covers(problem, selected)
    received = naive.exact_coverage(problem, selected)
    required = [Fraction(float(q)) for q in problem.required]
    # Where the mandatory clients leave next to nothing open, rounding of the difference is magnified.
    magnified = (problem.coverage_target[compact.task] / compact.scale > 100.0).any()
    if all(r >= q for r, q in zip(received, required, strict=True)) and not magnified:
        assert covered


@settings(max_examples=40)
@given(data=st.data(), problem=problems(min_clients=1))
def test_selection_cells_hold_the_selection_alone(data: st.DataObject, problem: Problem) -> None:
    chosen = data.draw(selections(problem.n_clients))
    compact = selection_cell(problem, chosen)
    assert compact.free == 0
    assert compact.task.size == 0
    assert compact.client.tolist() == np.flatnonzero(chosen).tolist()


def test_a_task_that_needs_everybody_is_not_short_whatever_the_order_of_the_sum() -> None:
    """Relevances that add up to the target exactly, over twenty decades and more: a sum's rounding is no proof."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        required = float(rng.uniform(0.5, 2.0))
        target = float(coverage_target(np.array([required]), 1)[0])
        relevance = (rng.random(60) * 10.0 ** rng.integers(-20, 1, 60) / 120.0).tolist()
        rest = Fraction(target) - sum(map(Fraction, relevance))
        while rest > 0:  # what is left, as a few numbers whose sum is exact
            part = float(rest)
            part = part if Fraction(part) <= rest else math.nextafter(part, 0.0)
            relevance.append(part)
            rest -= Fraction(part)
        for _ in range(3):
            problem = Problem(
                payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=rng.permutation(relevance), required=required
            )
            assert not cell_of(problem)[1].any()


def test_radios_that_cannot_do_with_the_carrier_leave_none() -> None:
    low = [9484.722267484985, 466711.7891068446, 523803.4886256705]  # half an ulp of B too much
    problem = Problem(payload_bits=[1e6] * 3, cn0_hz=1e7, bandwidth_hz=1e6, min_bandwidth_hz=low)
    assert cell_of(problem)[0].total_hz == 1e6
    assert cell_of(problem.replace(mandatory=True))[0].total_hz == 0.0
    assert cell_of(problem.replace(mandatory=[True, True, False]))[0].total_hz == 1e6


@settings(max_examples=200)
@given(st.integers(0, 10**6))
def test_who_can_take_part_in_whole_blocks_is_who_the_problem_says(seed: int) -> None:
    """Caps that whole blocks just meet, on radios that have just so many: 3 of 197044.33 Hz once were 2."""
    rng = np.random.default_rng(seed)
    n, block = 6, float(rng.uniform(1e4, 1e6))
    count = rng.integers(1, 9, n)
    plain = Problem(
        payload_bits=rng.uniform(1e5, 5e6, n),
        cn0_hz=rng.uniform(1e5, 1e8, n),
        bandwidth_hz=10.5 * block,
        mandatory=True,
    )
    radios = plain.replace(resource_block_hz=block, max_bandwidth_hz=count * block * rng.uniform(1.0, 1.5, n))
    factor = 1.0 + rng.choice([1e-9, -1e-9, 1e-13, -1e-13], n)
    capped = radios.replace(max_upload_s=radios.upload_s(radios.bandwidth_limits_hz[1]) * factor)
    compact, _ = cell_of(capped)
    assert np.array_equal(np.isfinite(compact.low), capped.selectable[compact.client])
