"""Deadline and price of a given selection: the twins' roots, and every way in which a selection can be special."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedss_opt import Objective, Problem
from fedss_opt.cells import selection_cell
from fedss_opt.kernels import Cell
from fedss_opt.kernels.oracle import cost_pass
from fedss_opt.kernels.roots import selection_bandwidth, selection_theta, selection_value
from fedss_opt.kernels.vectors import exceeds
from fedss_opt.solvers.selection_answer import optimal_bandwidth

from .. import naive, naive_blocks
from ..strategies import problems, selections
from .cells import some_problem

EPS = float(np.finfo(float).eps)
BOTH = pytest.mark.parametrize("objective", ["makespan", "total"])
LINKS = pytest.mark.parametrize("link", [{"cn0_hz": 4e6}, {"spectral_efficiency": 3.0}], ids=["shannon", "flat"])


def _solve(cell: Cell, guess: float = math.nan) -> tuple[float, float, np.ndarray]:
    """Theta, value and bandwidths of everybody in a cell; the demand never exceeds the carrier."""
    members = np.arange(cell.client.size)
    theta = selection_theta(cell, members, members.size, guess)
    b = np.zeros(members.size)
    if theta < math.inf:
        selection_bandwidth(cell, members, members.size, theta, b)
        # Only where the least bandwidths fill the carrier to the last ulp may rounding up exceed it: the
        # caller then gives the least bandwidths themselves.
        if math.fsum(cell.low) <= cell.total_hz * (1.0 - 16.0 * EPS):
            assert math.fsum(b) <= cell.total_hz
        assert (b >= cell.low).all()
        assert (b <= cell.high).all()
    return theta, selection_value(cell, members, members.size, theta), b


def _everybody(problem: Problem) -> Cell:
    return selection_cell(problem, np.ones(problem.n_clients, dtype=bool))


@settings(max_examples=30)
@given(data=st.data(), problem=problems(min_clients=1))
def test_roots_are_those_of_the_twin(data: st.DataObject, problem: Problem) -> None:
    chosen = data.draw(selections(problem.n_clients)) & naive.admissible_clients(problem)
    # The truth is bracketed by a band 1e-12 wider and narrower: where the least bandwidths leave hardly any
    # room, the root hangs on the last bit of their sum.
    wide, narrow = (problem.replace(bandwidth_hz=problem.bandwidth_hz * f) for f in (1 + 1e-12, 1 - 1e-12))
    low, high = naive.objective_of(wide, chosen), naive.objective_of(narrow, chosen)
    theta, value, _ = _solve(selection_cell(problem, chosen))
    if theta == math.inf:
        assert high == math.inf
    else:
        assert low * (1 - 1e-12) <= value <= high * (1 + 1e-12)


@settings(max_examples=60)
@given(data=st.data(), problem=problems(min_clients=1))
def test_the_guess_changes_nothing_of_note(data: st.DataObject, problem: Problem) -> None:
    chosen = data.draw(selections(problem.n_clients)) & naive.admissible_clients(problem)
    cell = selection_cell(problem, chosen)
    theta, value, b = _solve(cell)
    wild = st.sampled_from([0.0, -1.0, 1e-300, 1e300, math.inf, -math.inf, theta, theta * (1 + EPS), 0.5 * theta])
    again, other, share = _solve(cell, data.draw(wild))
    assert (again == math.inf) == (theta == math.inf)
    if theta == math.inf:
        return
    # Bandwidths may differ by what 16 eps of the carrier are to a client; values by hardly anything.
    room = cell.total_hz - math.fsum(cell.low)
    if room > 1e-3 * cell.total_hz:
        assert other == pytest.approx(value, rel=1e-11)
        np.testing.assert_allclose(share, b, rtol=0, atol=1e-9 * cell.total_hz)


@BOTH
@LINKS
def test_nobody_takes_no_time(objective: str, link: dict[str, float]) -> None:
    problem = Problem(payload_bits=[1e6], bandwidth_hz=1e6, objective=objective, **link)
    cell = selection_cell(problem, np.zeros(1, dtype=bool))
    assert _solve(cell)[:2] == (0.0, 0.0)


@BOTH
@LINKS
def test_a_lone_client_gets_the_whole_carrier(objective: str, link: dict[str, float]) -> None:
    problem = Problem(payload_bits=[1e6], bandwidth_hz=1e6, compute_s=0.3, objective=objective, **link)
    _, value, b = _solve(_everybody(problem))
    assert b[0] == pytest.approx(1e6, rel=32 * EPS)  # 16 are kept back, before 6 are added
    assert value == pytest.approx(float(naive.times(problem, np.array([1e6]))[0]), rel=32 * EPS)


@BOTH
@LINKS
def test_equal_clients_share_equally(objective: str, link: dict[str, float]) -> None:
    problem = Problem(payload_bits=[1e6] * 7, bandwidth_hz=1e6, objective=objective, **link)
    _, value, b = _solve(_everybody(problem))
    assert (b == b[0]).all()
    assert b[0] == pytest.approx(1e6 / 7, rel=32 * EPS)
    each = float(naive.times(problem, b)[0])
    assert value == pytest.approx(each if objective == "makespan" else 7 * each, rel=64 * EPS)


@BOTH
@LINKS
def test_excess_bandwidth_leaves_everybody_at_their_greatest(objective: str, link: dict[str, float]) -> None:
    problem = Problem(
        payload_bits=[1e6, 2e6], bandwidth_hz=1e6, max_bandwidth_hz=[2e5, 3e5], objective=objective, **link
    )
    theta, value, b = _solve(_everybody(problem))
    times = naive.times(problem, np.array([2e5, 3e5]))
    if objective == "total":
        assert theta == 0.0  # bandwidth is free of charge
        assert b.tolist() == [2e5, 3e5]
        assert value == pytest.approx(times.sum(), rel=8 * EPS)
    else:
        assert value == pytest.approx(times.max(), rel=8 * EPS)
        assert b[int(np.argmax(times))] == pytest.approx([2e5, 3e5][int(np.argmax(times))], rel=8 * EPS)


@BOTH
@LINKS
def test_all_at_their_least(objective: str, link: dict[str, float]) -> None:
    """Least bandwidths that are the carrier, exactly; a little more of one of them, and there is no answer."""
    fields = {"payload_bits": [1e6, 2e6, 4e6], "bandwidth_hz": 1e6, "objective": objective, **link}
    low = np.array([2.5e5, 5e5, 2.5e5])
    problem = Problem(min_bandwidth_hz=low, **fields)
    cell = _everybody(problem)
    theta, value, b = _solve(cell)
    assert theta < math.inf
    assert (b == low).all() or objective == "makespan"
    np.testing.assert_allclose(b, low, rtol=16 * EPS)
    times = naive.times(problem, low)
    assert value == pytest.approx(times.max() if objective == "makespan" else times.sum(), rel=16 * EPS)
    tight = Problem(min_bandwidth_hz=low + np.array([0.0, 0.0, 1e-9]), **fields)
    assert _solve(_everybody(tight))[0] == math.inf


@BOTH
@LINKS
def test_bounds_that_bind_for_some(objective: str, link: dict[str, float]) -> None:
    problem = Problem(
        payload_bits=[1e6, 2e6, 4e6, 1e5],
        bandwidth_hz=1e6,
        min_bandwidth_hz=[0.0, 0.0, 0.0, 1.8e5],
        max_bandwidth_hz=[math.inf, math.inf, 3e5, math.inf],
        objective=objective,
        **link,
    )
    _, value, b = _solve(_everybody(problem))
    assert b[3] == 1.8e5
    assert b[2] == pytest.approx(3e5, rel=8 * EPS)
    # The makespan is then that of the client at its greatest bandwidth, and the others need less than is left.
    everyone = np.ones(4, dtype=bool)
    assert value == pytest.approx(naive.objective_of(problem, everyone), rel=1e-12)
    if objective == "total":
        assert math.fsum(b) == pytest.approx(1e6, rel=64 * EPS)


@BOTH
def test_members_are_the_first_of_the_list(objective: str) -> None:
    """Only `count` members count, wherever they are in the cell."""
    rng = np.random.default_rng(3)
    problem = some_problem(rng, 20, 0, objective=objective)
    members = rng.permutation(20)
    chosen = np.zeros(20, dtype=bool)
    chosen[members[:6]] = True
    cell = _everybody(problem)
    theta = selection_theta(cell, members, 6, math.nan)
    alone, value, _ = _solve(selection_cell(problem, chosen))
    # Sums in another order: a few roundings of the demand, which theta repeats at most in full.
    assert theta == pytest.approx(alone, rel=64 * EPS)
    assert selection_value(cell, members, 6, theta) == pytest.approx(value, rel=64 * EPS)
    assert value == pytest.approx(naive.objective_of(problem, chosen), rel=1e-12)


@BOTH
@pytest.mark.parametrize("n", [1000, 20_000])
def test_many_clients(objective: str, n: int) -> None:
    problem = some_problem(np.random.default_rng(n), n, 0, objective=objective)
    cell = _everybody(problem)
    theta, value, b = _solve(cell)
    used = math.fsum(b)
    # 16 eps are kept back, and theta is a double: what a few eps of it move the demand can be left over.
    cost, slope = np.empty(n), np.empty(n)
    cost_pass(cell, theta, cost, slope)
    spare = 0.0 if objective == "total" else 8 * EPS * theta * abs(slope.sum())
    assert cell.total_hz * (1 - 1e-13) - spare <= used <= cell.total_hz
    times = naive.times(problem, b)
    if problem.objective is Objective.MAKESPAN:
        np.testing.assert_allclose(times, theta, rtol=1e-14)
    else:
        # 20 000 terms, plainly added.
        assert value == pytest.approx(math.fsum(problem.weights * times), rel=1e-12)


@BOTH
def test_extreme_scales(objective: str) -> None:
    """Payloads and channels over many decades: the demand still fits, and fills the carrier."""
    rng = np.random.default_rng(11)
    for _ in range(60):
        n = int(rng.integers(1, 9))
        problem = Problem(
            payload_bits=10.0 ** rng.uniform(-3, 15, n),
            cn0_hz=10.0 ** rng.uniform(-6, 20, n),
            bandwidth_hz=float(10.0 ** rng.uniform(-3, 12)),
            weights=10.0 ** rng.uniform(-6, 6, n),
            objective=objective,
        )
        theta, value, b = _solve(_everybody(problem))
        assert theta < math.inf
        assert math.isfinite(value)
        assert (b > 0.0).all()
        # Where the channel's power limits the rate, time hardly depends on bandwidth, so neither does theta
        # on the last part in 1e9 of it.
        assert math.fsum(b) >= problem.bandwidth_hz * (1 - 1e-6) or objective == "makespan"
        assert value == pytest.approx(naive.objective_of(problem, np.ones(n, dtype=bool)), rel=1e-11)


@LINKS
@settings(max_examples=40)
@given(
    payload=st.lists(st.sampled_from([1.0, 2.0, 4.0]), min_size=1, max_size=4),
    weight=st.sampled_from([1.0, 3.0]),
    blocks=st.integers(4, 11),
)
def test_blocks_at_a_tie_are_worth_what_enumeration_says(
    link: dict[str, float], payload: list[float], weight: float, blocks: int
) -> None:
    """Equal clients want the next block at one price, and not all can have it: the value is the best split's."""
    problem = Problem(
        payload_bits=np.array(payload) * 1e5,
        weights=weight,
        bandwidth_hz=blocks * 1e5,
        resource_block_hz=1e5,
        objective="total",
        **link,
    )
    _, value, _ = _solve(_everybody(problem))
    best = naive_blocks.best_split(problem, np.ones(problem.n_clients, dtype=bool))
    assert value == pytest.approx(best, rel=1e-10)  # the carrier is taken as 1e-12 wider


@settings(max_examples=200)
@given(
    figures=st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=12),
    step=st.sampled_from([-1, 0, 1]),
)
def test_sums_are_compared_in_exact_arithmetic(figures: list[float], step: int) -> None:
    limit = math.fsum(figures)
    limit = limit if step == 0 else math.nextafter(limit, step * math.inf)
    assert exceeds(np.array(figures), limit) == (sum(map(Fraction, figures)) > Fraction(limit))
    assert exceeds(np.array([*figures, math.inf]), limit)
    assert not exceeds(np.zeros(3), 0.0)


@BOTH
def test_least_bandwidths_half_an_ulp_beyond_the_carrier_do_not_fit(objective: str) -> None:
    low = np.array([9484.722267484985, 466711.7891068446, 523803.4886256705])
    assert math.fsum(low) == 1e6 < sum(map(Fraction, low.tolist()))
    fields = {"payload_bits": [1e6, 2e6, 4e6], "cn0_hz": 1e7, "bandwidth_hz": 1e6, "objective": objective}
    assert _solve(_everybody(Problem(min_bandwidth_hz=low, **fields)))[0] == math.inf
    low[0] = math.nextafter(low[0], 0.0)
    low[2] = math.nextafter(low[2], 0.0)
    problem = Problem(min_bandwidth_hz=low, **fields)
    share = optimal_bandwidth(problem, np.ones(3, dtype=bool))
    assert share is not None
    assert (share >= low).all()
    assert sum(map(Fraction, share.tolist())) <= 10**6
