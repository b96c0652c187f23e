"""The field's policies: answers are feasible, selections follow their rule, and ways out are honest."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.solvers import POLICIES
from fedss_opt.solvers.options import Options
from fedss_opt.solvers.policies import best_channel, greedy, proportional, random_equal
from fedss_opt.solvers.policies.covering import cover_in_order
from fedss_opt.solvers.policies.fedcs import turns
from tests import naive
from tests.strategies import decades, problems

OPTIMAL = ["all", "random", "best_channel", "fedcs", "greedy"]


def assert_feasible(problem: fo.Problem, solution: fo.Solution) -> None:
    selected, bandwidth = solution.selected, solution.bandwidth_hz
    assert solution.status == "feasible"
    assert math.isnan(solution.lower_bound_s)
    assert solution.certificate is None
    assert math.isnan(solution.gap)
    assert math.fsum(bandwidth.tolist()) <= problem.bandwidth_hz
    assert problem.covers(selected).all()
    assert not np.any(problem.mandatory & ~selected)
    assert not np.any(selected & ~problem.available)
    np.testing.assert_array_equal(bandwidth[~selected], 0.0)
    assert np.all(bandwidth[selected] > 0.0)
    # The optimal bandwidths keep a limit within its rounding.
    close = 1.0 + 1e-12
    assert np.all(problem.upload_s(bandwidth)[selected] <= problem.max_upload_s[selected] * close)
    assert np.all(bandwidth[selected] * close >= problem.min_bandwidth_hz[selected])
    assert np.all(bandwidth[selected] <= problem.max_bandwidth_hz[selected] * close)
    assert solution.latency_s == problem.latency_s(selected, bandwidth)
    assert solution.objective_s == problem.objective_s(selected, bandwidth)


def assert_honest(problem: fo.Problem, solution: fo.Solution) -> None:
    if solution.has_answer:
        assert_feasible(problem, solution)
        return
    assert solution.message
    assert not solution.selected.any()
    assert solution.objective_s == math.inf
    if solution.status == "infeasible":
        assert solution.lower_bound_s == math.inf
        assert solution.certificate is not None
        assert solution.certificate.kind == "coverage"
        assert solution.certificate.bound(problem) == math.inf
        k = solution.certificate.task
        assert not problem.covers(problem.available)[k]
    else:
        assert solution.status == "unknown"
        assert math.isnan(solution.lower_bound_s)


# -- every policy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", POLICIES)
@given(problem=problems(), seed=st.integers(0, 5))
@settings(max_examples=25)
def test_every_answer_is_feasible_or_honest(method, problem, seed):
    solution = fo.solve(problem, method, seed=seed)
    assert solution.method == method
    assert_honest(problem, solution)
    if not problem.covers(problem.available).all():
        assert solution.status == "infeasible"


@pytest.mark.parametrize("method", POLICIES)
@given(problem=problems(plain=True))
@settings(max_examples=10)
def test_without_limits_every_coverable_problem_is_answered(method, problem):
    solution = fo.solve(problem, method)
    assert solution.has_answer == bool(problem.covers(problem.available).all())


@pytest.mark.parametrize("method", POLICIES)
@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("name", fo.scenarios.names())
def test_scenarios_and_determinism(method, objective, name):
    problem = fo.scenarios.make(name, n_clients=30, n_tasks=3, objective=objective)
    solution = fo.solve(problem, method, seed=2)
    assert_honest(problem, solution)
    again = fo.solve(problem, method, seed=2)
    np.testing.assert_array_equal(solution.bandwidth_hz, again.bandwidth_hz)
    assert solution.has_answer or name == "chen2021"  # the only one with upload limits


@pytest.mark.parametrize("method", OPTIMAL)
@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_bandwidths_are_optimal_for_the_selection(method, objective):
    problem = fo.scenarios.make("shi2021", n_clients=25, n_tasks=3, objective=objective)
    solution = fo.solve(problem, method)
    assert solution.objective_s == pytest.approx(naive.objective_of(problem, solution.selected), rel=1e-9)


@pytest.mark.parametrize("method", POLICIES)
@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("flat", [False, True])
def test_nobody_to_choose_from(method, objective, flat):
    channel = {"spectral_efficiency": []} if flat else {"cn0_hz": []}
    nobody = fo.Problem(payload_bits=[], bandwidth_hz=1e6, objective=objective, **channel)
    solution = fo.solve(nobody, method)
    assert_feasible(nobody, solution)
    assert solution.objective_s == 0.0

    wanted = fo.Problem(
        payload_bits=[],
        bandwidth_hz=1e6,
        objective=objective,
        relevance=np.zeros((1, 0)),
        required=[1.0],
        **channel,
    )
    assert fo.solve(wanted, method).status == "infeasible"


@pytest.mark.parametrize("method", POLICIES)
def test_without_tasks_only_mandatory_clients_are_needed(method):
    problem = fo.Problem(payload_bits=1e6, cn0_hz=[1e7, 2e7, 3e7], bandwidth_hz=1e6, mandatory=[False, True, False])
    solution = fo.solve(problem, method)
    assert_feasible(problem, solution)
    expected = [True, True, True] if method == "all" else [False, True, False]
    np.testing.assert_array_equal(solution.selected, expected)


# -- ways out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", POLICIES)
def test_too_great_a_need_is_infeasible_with_its_certificate(method):
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=[1e7, 2e7],
        bandwidth_hz=1e6,
        relevance=[[1.0, 1.0], [1.0, 0.5]],
        required=[2.0, 1.6],
        task_ids=["speech", "vision"],
    )
    solution = fo.solve(problem, method)
    assert solution.status == "infeasible"
    assert solution.message == (
        "task 'vision' requires 1.6, but all clients that can be selected offer at most 1.5 (short of 0.1); lower its "
        "requirement, or make more clients available"
    )
    assert solution.certificate is not None
    assert solution.certificate.task == 1
    np.testing.assert_array_equal(solution.certificate.multipliers, [0.0, 1.0])


@pytest.mark.parametrize("method", POLICIES)
def test_unusable_mandatory_client(method):
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=[1e7, 1e5],
        bandwidth_hz=1e6,
        max_upload_s=1.0,
        mandatory=[False, True],
        client_ids=["near", "far"],
    )
    solution = fo.solve(problem, method)
    assert solution.status == "unknown"
    assert solution.message == (
        "mandatory client far cannot keep its upload limit and bandwidth bounds even alone on 1e+06 Hz"
    )


@pytest.mark.parametrize("method", POLICIES)
def test_limits_that_leave_a_task_short(method):
    problem = fo.Problem(
        payload_bits=1e6, cn0_hz=[1e7, 1e5], bandwidth_hz=1e6, max_upload_s=1.0, relevance=1.0, required=2.0
    )
    solution = fo.solve(problem, method)
    assert solution.status == "unknown"
    assert solution.message == (
        "task 0 needs 2; the clients who can keep their upload limits and bandwidth bounds together offer 1"
    )


@pytest.mark.parametrize("method", POLICIES)
def test_clients_who_cannot_keep_their_limits_are_passed_over(method):
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=[9e7, 1e5, 1e7, 1e7],
        bandwidth_hz=1e6,
        max_upload_s=[10.0, 1.0, 10.0, 10.0],
        min_bandwidth_hz=[2e6, 0.0, 0.0, 0.0],
        relevance=1.0,
        required=2.0,
    )
    solution = fo.solve(problem, method)
    assert_feasible(problem, solution)
    np.testing.assert_array_equal(solution.selected, [False, False, True, True])


@pytest.mark.parametrize("method", OPTIMAL)
def test_limits_that_cannot_be_met_together(method):
    problem = fo.Problem(
        payload_bits=1e6,
        spectral_efficiency=2.0,
        bandwidth_hz=1e6,
        max_upload_s=0.8,
        relevance=[[1.0, 1.0]],
        required=2.0,
    )
    solution = fo.solve(problem, method)
    assert solution.status == "unknown"
    reason = (
        "after 1 clients no further one fits into 1e+06 Hz with its upload limit and bandwidth bounds"
        if method == "greedy"
        else "the upload limits and bandwidth bounds of the 2 selected clients cannot be met together within 1e+06 Hz"
    )
    assert solution.message == f"{reason}; another selection may fit"


def test_equal_share_that_breaks_an_upload_limit():
    problem = fo.Problem(
        payload_bits=[1e6, 3e6],
        spectral_efficiency=2.0,
        bandwidth_hz=2e6,
        max_upload_s=[1.1, 1.2],
        relevance=1.0,
        required=2.0,
    )
    solution = fo.solve(problem, "random_equal")
    assert solution.status == "unknown"
    assert solution.message == "client 1 would upload for 1.5 s on its share of 1e+06 Hz; its limit is 1.2 s"
    assert_feasible(problem, fo.solve(problem, "proportional"))
    assert_feasible(problem, fo.solve(problem, "random"))


@pytest.mark.parametrize("method", ["random_equal", "proportional"])
def test_least_bandwidths_beyond_the_carrier(method):
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        min_bandwidth_hz=6e5,
        relevance=[[1.0, 1.0]],
        required=2.0,
    )
    solution = fo.solve(problem, method)
    assert solution.status == "unknown"
    assert solution.message == "the least bandwidths of the 2 selected clients add up to more than 1e+06 Hz"


def test_greedy_keeps_its_time_limit():
    problem = fo.scenarios.make("umi", n_clients=20)
    solution = fo.solve(problem, "greedy", time_limit_s=0.0)
    assert solution.status == "unknown"
    assert solution.stop_reason == "time"
    assert solution.message == "the time limit ended before the tasks were covered"


# -- selections -----------------------------------------------------------------------------------------


def cover_one_by_one(problem: fo.Problem, order: np.ndarray, *, everybody: bool) -> np.ndarray:
    """The definition of `cover_in_order`, client by client."""
    selected = problem.mandatory.copy()
    for n in order:
        uncovered = ~problem.covers(selected)
        if not uncovered.any():
            break
        if everybody or (problem.relevance[uncovered, n] > 0.0).any():
            selected[n] = True
    return selected


@given(problem=problems(max_clients=12), everybody=st.booleans(), seed=st.integers(0, 9))
@settings(max_examples=100)
def test_covering_in_an_order(problem, everybody, seed):
    order = np.random.default_rng(seed).permutation(problem.n_clients)
    order = order[problem.available[order]]
    if problem.covers(problem.available).all():
        np.testing.assert_array_equal(
            cover_in_order(problem, order, everybody=everybody),
            cover_one_by_one(problem, order, everybody=everybody),
        )


def test_covering_does_not_trust_a_rounded_sum():
    # 0.1 ten times sums to 0.9999999999999999 in order; all ten are needed and enough.
    relevance = np.full((1, 10), 0.1)
    problem = fo.Problem(payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=relevance, required=1.0)
    assert cover_in_order(problem, np.arange(10)).all()


def test_random_policies_share_their_selection_and_depend_on_the_seed():
    problem = fo.scenarios.make("umi", n_clients=60)
    chosen = {
        (method, seed): fo.solve(problem, method, seed=seed).selected
        for method in ("random_equal", "proportional", "random")
        for seed in (0, 1)
    }
    for seed in (0, 1):
        np.testing.assert_array_equal(chosen["random_equal", seed], chosen["proportional", seed])
        np.testing.assert_array_equal(chosen["random_equal", seed], chosen["random", seed])
    assert not np.array_equal(chosen["random", 0], chosen["random", 1])
    np.testing.assert_array_equal(fo.solve(problem, "random").selected, chosen["random", 0])


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("name", ["yang2021", "cbcsba2025"])
def test_optimal_bandwidths_are_never_worse_than_the_rules(objective, name):
    problem = fo.scenarios.make(name, n_clients=40, objective=objective)
    best = fo.solve(problem, "random").objective_s
    assert best <= fo.solve(problem, "random_equal").objective_s * (1.0 + 1e-12)
    assert best <= fo.solve(problem, "proportional").objective_s * (1.0 + 1e-12)


def test_proportional_is_optimal_for_flat_rates_without_computing():
    problem = fo.scenarios.make("cbcsba2025", n_clients=40, compute_s=0.0)
    assert fo.solve(problem, "proportional").objective_s == pytest.approx(
        fo.solve(problem, "random").objective_s, rel=1e-9
    )


def test_best_channel_takes_the_best_channels():
    problem = fo.scenarios.make("yang2021", n_clients=40, n_tasks=1, relevance="tied", required_fraction=0.25)
    selected = best_channel(problem, Options()).selected
    assert np.count_nonzero(selected) == 10
    assert problem.cn0_hz[selected].min() > problem.cn0_hz[~selected].max()


def test_shares_respect_the_radios():
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        min_bandwidth_hz=[4e5, 0.0, 0.0, 0.0],
        max_bandwidth_hz=[math.inf, 1e5, math.inf, math.inf],
        relevance=1.0,
        required=4.0,
    )
    shares = random_equal(problem, Options()).bandwidth_hz
    np.testing.assert_allclose(shares, [4e5, 1e5, 2.5e5, 2.5e5], rtol=1e-9)
    narrow = problem.replace(max_bandwidth_hz=1e5, min_bandwidth_hz=0.0)
    np.testing.assert_array_equal(random_equal(narrow, Options()).bandwidth_hz, 1e5)


def test_proportional_shares_follow_payload_and_efficiency():
    problem = fo.Problem(
        payload_bits=[1e6, 2e6, 3e6],
        spectral_efficiency=[1.0, 1.0, 3.0],
        bandwidth_hz=4e6,
        relevance=1.0,
        required=3.0,
    )
    shares = proportional(problem, Options()).bandwidth_hz
    np.testing.assert_allclose(shares, [1e6, 2e6, 1e6], rtol=1e-9)


# -- FedCS ----------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), max_size=9),
    st.integers(0, 5),
)
@settings(max_examples=200)
def test_fedcs_turns_lengthen_the_round_least(rows, length):
    compute = np.array([row[0] for row in rows], dtype=float)
    upload = np.array([row[1] for row in rows], dtype=float)
    order, total = turns(np.arange(len(rows)), compute, upload, float(length))
    assert sorted(order.tolist()) == list(range(len(rows)))
    left, now = set(range(len(rows))), float(length)
    for n in order.tolist():
        growth = {m: upload[m] + max(0.0, compute[m] - now) for m in left}
        assert growth[n] == min(growth.values())
        now += growth[n]
        left.remove(n)
    assert total == now


def test_fedcs_knows_no_tasks():
    problem = fo.Problem(
        payload_bits=[1e5, 1e6, 2e6],
        spectral_efficiency=1.0,
        bandwidth_hz=1e6,
        relevance=[[0.0, 1.0, 1.0]],
        required=1.0,
    )
    np.testing.assert_array_equal(fo.solve(problem, "fedcs").selected, [True, True, False])
    np.testing.assert_array_equal(fo.solve(problem, "greedy").selected, [False, True, False])


# -- greedy ---------------------------------------------------------------------------------------------


def greedy_by_trying_everybody(problem: fo.Problem) -> np.ndarray:
    """The definition of the greedy scheduling: N root solves a step."""
    usable = problem.selectable
    selected = problem.mandatory.copy()
    while not (covered := problem.covers(selected)).all():
        helpful = usable & ~selected & (problem.relevance[~covered] > 0.0).any(axis=0)
        value = {}
        for n in np.flatnonzero(helpful):
            attempt = selected.copy()
            attempt[n] = True
            value[n] = naive.objective_of(problem, attempt)
        selected[min(value, key=value.__getitem__)] = True
    return selected


@pytest.mark.parametrize("name", ["yang2021", "shi2021", "fedl2019", "cbcsba2025", "uma"])
@pytest.mark.parametrize(("objective", "seed"), [("makespan", 0), ("makespan", 1), ("total", 2)])
def test_greedy_is_what_trying_everybody_finds(name, objective, seed):
    problem = fo.scenarios.make(
        name,
        n_clients=8,
        n_tasks=2,
        seed=seed,
        objective=objective,
        relevance="continuous",
        payload_bits=(1e5, 1e6),
    )
    np.testing.assert_array_equal(greedy(problem, Options()).selected, greedy_by_trying_everybody(problem))


def test_greedy_with_mandatory_clients_and_limits():
    problem = fo.scenarios.make("fedl2019", n_clients=12, n_tasks=2, relevance="continuous", max_upload_s=0.5)
    problem = problem.replace(mandatory=np.arange(12) == 3, min_bandwidth_hz=5e4, max_bandwidth_hz=8e5)
    np.testing.assert_array_equal(greedy(problem, Options()).selected, greedy_by_trying_everybody(problem))


@settings(max_examples=80)
@given(
    relevance=st.lists(decades(1e-6, 1.0), min_size=2, max_size=10),
    head=st.integers(1, 9),
    ulps=st.integers(-3, 3),
    everybody=st.booleans(),
)
def test_an_order_is_followed_until_the_exact_sum_covers(
    relevance: list[float], head: int, ulps: int, everybody: bool
) -> None:
    """Requirements within a few ulp of what the first clients add up to: a running sum is rounded, no answer."""
    target = float(sum(map(Fraction, relevance[:head])))
    for _ in range(abs(ulps)):
        target = math.nextafter(target, math.copysign(math.inf, ulps))
    required = target / (1.0 - 1e-12)
    for _ in range(4):
        required = math.nextafter(required, 0.0)
    for _ in range(9):
        problem = fo.Problem(payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0, relevance=[relevance], required=required)
        if problem.covers(np.ones(len(relevance), dtype=bool)).all():
            chosen = cover_in_order(problem, np.arange(len(relevance)), everybody=everybody)
            assert problem.covers(chosen).all()
            # A running sum that was rounded down may ask for one client more than is needed, and for no second.
            fewer = chosen.copy()
            fewer[np.flatnonzero(chosen)[-2:]] = False
            assert not problem.covers(fewer).all()
        required = math.nextafter(required, math.inf)


def test_fedcs_measures_the_others_against_a_round_with_the_mandatory_clients() -> None:
    """Who computes while the mandatory client does costs its upload alone: 0.5 s, against 1 s of who is ready."""
    problem = fo.Problem(
        payload_bits=[1e6, 5e5, 1e6],
        spectral_efficiency=1.0,
        bandwidth_hz=1e6,
        compute_s=[5.0, 4.0, 0.0],
        relevance=[[0.0, 1.0, 1.0]],
        required=1.0,
        mandatory=[True, False, False],
    )
    assert fo.solve(problem, "fedcs").selected.tolist() == [True, True, False]
    assert fo.solve(problem.replace(mandatory=False), "fedcs").selected.tolist() == [False, False, True]


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_greedy_takes_who_just_fits(objective: str) -> None:
    """What the mandatory client leaves is what the other one needs, to the last bit."""
    problem = fo.Problem(
        payload_bits=[1e6, 1e6],
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        min_bandwidth_hz=[3e5, 7e5],
        relevance=[[0.0, 1.0]],
        required=1.0,
        mandatory=[True, False],
        objective=objective,
    )
    solution = fo.solve(problem, "greedy")
    assert solution.bandwidth_hz.tolist() == [3e5, 7e5]
    assert fo.solve(problem.replace(min_bandwidth_hz=[3e5, 7e5 + 1e-9]), "greedy").status == "unknown"


@pytest.mark.parametrize("method", POLICIES)
def test_nobody_hands_out_half_an_ulp_more_than_there_is(method: str) -> None:
    low = [9484.722267484985, 466711.7891068446, 523803.4886256705]
    problem = fo.Problem(
        payload_bits=[1e6] * 3, cn0_hz=1e7, bandwidth_hz=1e6, min_bandwidth_hz=low, relevance=[1.0] * 3, required=3.0
    )
    assert not fo.solve(problem, method).has_answer
    assert not fo.solve(problem.replace(mandatory=True), method).has_answer
