"""The dual bound: what it says in exact arithmetic, and that its supported price is a supremum."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from fedss_opt import Objective, Problem
from fedss_opt.cells import cell_of
from fedss_opt.certification import to_cell_units, to_problem_units
from fedss_opt.kernels import MAKESPAN, TOTAL, Cell
from fedss_opt.kernels.dual import certified_value, dual_value, supported_price, total_bound
from fedss_opt.kernels.oracle import cost_pass

from .. import naive
from ..strategies import multipliers, problems
from .cells import cell, covering_cell, some_problem

EPS = float(np.finfo(float).eps)


def _theta(problem: Problem, factor: float) -> float:
    """A deadline or price around which things happen."""
    even = naive.times(problem, np.full(problem.n_clients, problem.bandwidth_hz / problem.n_clients))
    typical = float(np.median(even))
    return factor * typical / (problem.bandwidth_hz if problem.objective is Objective.TOTAL else 1.0)


def _exact(problem: Problem, cell: Cell, mu: np.ndarray, theta: float) -> mpf:
    """D of the cell itself, its relevance and bounds taken as they are, with sixty digits."""
    with mp.workdps(naive.DIGITS):
        value = sum(map(mpf, mu.tolist()), mpf(0))
        bounded = problem.replace(
            min_bandwidth_hz=0.0, max_bandwidth_hz=math.inf, max_upload_s=math.inf, bandwidth_hz=1e30
        )
        for i, n in enumerate(cell.client.tolist()):
            low, high = mpf(cell.low[i]), mpf(cell.high[i])
            if problem.objective is Objective.MAKESPAN:
                b = max(naive.least_bandwidth(bounded, n, theta), low)
                cost = b if b <= high else mpf("inf")
            else:
                b = min(max(naive.priced_bandwidth(bounded, n, theta), low), high)
                time = naive.mpf(problem.compute_s[n]) + naive.mpf(problem.payload_bits[n]) / naive.rate(problem, n, b)
                cost = naive.mpf(problem.weights[n]) * time + mpf(theta) * b
            if i < cell.free:
                worth = sum(
                    (mpf(r) * mpf(m) for r, m in zip(cell.relevance[i].tolist(), mu.tolist(), strict=True)), mpf(0)
                )
                value += min(mpf(0), cost - worth)
            else:
                value += cost
        return value


@settings(max_examples=30)
@given(data=st.data(), problem=problems(min_clients=1, max_clients=5), factor=st.sampled_from([0.5, 1.0, 1.5, 4.0]))
def test_certified_values_keep_their_margin(data: st.DataObject, problem: Problem, factor: float) -> None:
    compact, short = cell_of(problem)
    assume(not short.any())
    mu = to_cell_units(compact, data.draw(multipliers(problem)))
    theta = _theta(problem, factor)
    value, _, error = certified_value(compact, compact.objective, mu, theta)
    exact = _exact(problem, compact, mu, theta)
    if math.isinf(value):
        assert exact == math.inf
        return
    assert error >= 0.0
    assert abs(mpf(value) - exact) <= error
    # And the margin is no more than rounding: some thousand eps of what is added up.
    plain = np.empty(compact.client.size)
    cost_pass(compact, theta, plain, np.empty(compact.client.size))
    worth = np.zeros(compact.client.size)
    worth[: compact.free] = compact.relevance @ mu
    counted = (worth > plain) | (np.arange(compact.client.size) >= compact.free)
    size = mu.sum() + np.where(counted, plain + worth, 0.0).sum()
    assert error <= 32 * EPS * (1 + mu.size) * size
    # The plain sum differs by its own rounding alone.
    assert dual_value(compact, mu, plain) == pytest.approx(value, rel=0, abs=error + 32 * EPS * size)


@settings(max_examples=30)
@given(data=st.data(), problem=problems(min_clients=1, max_clients=5), factor=st.sampled_from([0.7, 1.0, 3.0]))
def test_the_cell_s_dual_is_the_tightened_one(data: st.DataObject, problem: Problem, factor: float) -> None:
    """Compaction, normalisation and cut relevances change nothing of D."""
    compact, short = cell_of(problem)
    assume(not short.any())
    mu = to_cell_units(compact, data.draw(multipliers(problem)))
    theta = _theta(problem, factor)
    value, _, error = certified_value(compact, compact.objective, mu, theta)
    published = naive.dual_value(problem, to_problem_units(compact, mu, problem.n_tasks), theta)
    if math.isinf(value):
        assert published == math.inf
        return
    if mp.isinf(published):  # a cap that is kept to 1e-12, as `Problem.selectable` has it, not to the bit
        wider = problem.replace(max_upload_s=problem.max_upload_s * (1.0 + 4e-12))
        published = naive.dual_value(wider, to_problem_units(compact, mu, problem.n_tasks), theta * (1.0 + 4e-12))
        assert not mp.isinf(published)
        return
    # A relevance is cut at the requirement or its rounding allowance of 1e-12 above, relative to what is open;
    # caps are rounded up by 6 eps. Where mandatory clients leave next to nothing open, its rounding is magnified.
    served = max(1.0, float((problem.coverage_target[compact.task] / compact.scale).max(initial=0.0)))
    doubt = 4e-12 * served * (1 + problem.n_clients) * mu.sum() + 1e-14 * abs(value) + error
    assert abs(float(mpf(value) - published)) <= doubt


@settings(max_examples=30)
@given(data=st.data(), problem=problems(min_clients=1, max_clients=6, objective="makespan"))
def test_the_supported_price_is_a_supremum(data: st.DataObject, problem: Problem) -> None:
    compact, short = cell_of(problem)
    assume(not short.any())
    mu = to_cell_units(compact, data.draw(multipliers(problem)))
    for deadline in (_theta(problem, 0.5), _theta(problem, 4.0), _theta(problem, 1e9)):
        supported = supported_price(compact, mu, deadline)
        assert 0.0 <= supported <= deadline
        if supported > 0.0:
            value, _, error = certified_value(compact, compact.objective, mu, supported)
            assert value - error > compact.total_hz
            if value < math.inf:
                assert _exact(problem, compact, mu, supported) > compact.total_hz
        if supported < deadline:
            # No later time is proven: D decreases, and the bracket was closed to 1e-14.
            later = max(supported * (1 + 1e-12), 1e-9 * deadline)
            value, _, error = certified_value(compact, compact.objective, mu, later)
            assert value - error <= compact.total_hz


def test_what_pays_for_less_than_the_band_proves_nothing() -> None:
    problem = some_problem(np.random.default_rng(1), 10, 2)
    compact = cell(problem)
    for mu in (np.zeros(2), np.full(2, 0.5 * problem.bandwidth_hz), np.array([problem.bandwidth_hz, 0.0])):
        assert supported_price(compact, mu, 1e9) == 0.0
    assert supported_price(compact, np.full(2, problem.bandwidth_hz), 1e9) > 0.0


def test_an_endless_deadline_asks_for_the_least_bandwidths() -> None:
    problem = some_problem(np.random.default_rng(2), 30, 2, min_bandwidth_hz=1.8e5)
    compact = cell(problem)
    mu = np.array([4e6, 5e6])
    value, slope, _ = certified_value(compact, compact.objective, mu, math.inf)
    assert value == pytest.approx(dual_value(compact, mu, compact.low), rel=1e-14)  # thirty additions
    assert slope == 0.0


@settings(max_examples=30)
@given(
    data=st.data(),
    problem=problems(min_clients=1, max_clients=5, objective="total"),
    factor=st.sampled_from([0.2, 1.0, 5.0]),
)
def test_the_total_bound_is_below_the_exact_one_and_near(data: st.DataObject, problem: Problem, factor: float) -> None:
    compact, short = cell_of(problem)
    assume(not short.any())
    mu = to_cell_units(compact, data.draw(multipliers(problem)) / problem.bandwidth_hz)
    price = _theta(problem, factor)
    value, _, error = certified_value(compact, compact.objective, mu, price)
    bound = total_bound(compact, mu, price)
    if math.isinf(value):
        assert bound == math.inf
        return
    exact = _exact(problem, compact, mu, price) - mpf(price) * mpf(compact.total_hz)
    assert mpf(bound) <= exact
    charge = price * compact.total_hz
    assert float(exact - mpf(bound)) <= 2 * error + 64 * EPS * (charge + abs(value))


def test_what_is_no_finite_number_proves_nothing() -> None:
    """No sum of infinities is taken for a proof, nor is a sum that is no number; a client out of reach is no debt."""
    for objective in ("makespan", "total"):
        problem = some_problem(
            np.random.default_rng(3), 6, 2, objective=objective, compute_s=[0.0, 0.0, 0.0, 0.0, 0.0, 1e6]
        )
        compact = cell(problem)
        for mu in ([math.inf, 0.0], [math.nan, 1.0], [-1.0, 1e9], [1e308, 1e308], [-5e-324, 1.0]):
            for theta in (1e-300, 1e-9, 1.0, 1e300):
                value, _, error = certified_value(compact, compact.objective, np.array(mu), theta)
                assert (value, error) == (-math.inf, 0.0)
                if objective == "total":
                    assert total_bound(compact, np.array(mu), theta) == -math.inf
                else:
                    assert supported_price(compact, np.array(mu), theta) == 0.0
        for theta in (0.0, 5e-324, 1e308):
            for mu in ([1e308, 0.0], [5e-324, 5e-324]):
                value, _, error = certified_value(compact, compact.objective, np.array(mu), theta)
                assert not math.isnan(value)
                assert error >= 0.0


@pytest.mark.parametrize("price", [1e90, 1e120, 1e200, 1e300])
@pytest.mark.parametrize("link", [{"cn0_hz": 1e30}, {"spectral_efficiency": 1e-30}], ids=["shannon", "flat"])
def test_a_price_beyond_any_problem_s_claims_what_is_plain(link: dict[str, float], price: float) -> None:
    """There the closed forms end, and what they know of the cost: a true cost is never less than is claimed."""
    problem = Problem(payload_bits=1.0, compute_s=3.0, bandwidth_hz=1e6, mandatory=True, objective="total", **link)
    value, _, error = certified_value(cell(problem), TOTAL, np.zeros(0), price)
    assert value >= 3.0 * (1.0 - 64 * EPS)
    assert mpf(value) - mpf(error) <= naive.priced_cost(problem, 0, price)


def test_the_margin_grows_with_the_tasks() -> None:
    """A worth is a sum over the tasks, each product of which is rounded: the truth lies within the margin for 64."""
    rng = np.random.default_rng(5)
    outside = 0.0
    for _ in range(20):
        compact = covering_cell(rng.random((40, 64)))
        mu = rng.random(64) * 10.0 ** rng.integers(-3, 3, 64)
        value, _, error = certified_value(compact, MAKESPAN, mu, 1.0)
        exact = sum(map(Fraction, mu.tolist()))
        for i in range(40):
            worth = sum(
                Fraction(r) * Fraction(m) for r, m in zip(compact.relevance[i].tolist(), mu.tolist(), strict=True)
            )
            exact += min(Fraction(0), 1 - worth)
        outside = max(outside, float(abs(Fraction(float(value)) - exact)))
        size = mu.sum() + (compact.relevance @ mu).sum()
        assert abs(Fraction(float(value)) - exact) <= Fraction(float(error))
        # A worth of 64 products may be off by 64 roundings of half an ulp each, and the margin covers that.
        assert error >= 64 * 0.5 * EPS * size
    assert outside > 0.0
