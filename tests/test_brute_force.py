"""`fedss_opt.solve` against trying every selection: nothing claimed that is not so.

**Tolerances.** The brute force of `naive` evaluates a given optimum to a few eps of it, but the optimum
itself may hang on the last bit: least bandwidths that add up to B exactly leave the others nothing or one
ulp, and the makespan is infinite or merely huge. The truth is therefore bracketed, by the optima on a band
wider and narrower by `DOUBT`, 10^4 times what rounding does to a sum of twelve terms and less than any figure
a band is known to. Both ends and the answers are compared with `CLOSE`, which is for evaluation alone.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, currently_in_test_context, event, given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt import Certificate, CertificateKind, Objective, Problem, Solution, Status, StopReason
from fedss_opt.solvers.answers import optimal_bandwidth

from . import naive
from .strategies import decades, multipliers, problems, scales, selections

pytestmark = pytest.mark.usefixtures("warm")

EPS = float(np.finfo(float).eps)
DOUBT = 1e-12
CLOSE = 1e-12


@dataclass(frozen=True)
class Bracket:
    """The optimum lies between the two; both are inf where the problem is infeasible beyond doubt."""

    low: float
    high: float


def wider(problem: Problem, factor: float) -> Problem:
    return problem.replace(bandwidth_hz=problem.bandwidth_hz * factor)


def optimum(problem: Problem) -> Bracket:
    low = naive.brute_force(wider(problem, 1.0 + DOUBT)).value
    high = naive.brute_force(wider(problem, 1.0 - DOUBT)).value
    return Bracket(low * (1.0 - CLOSE), high * (1.0 + CLOSE))


def best_of(problem: Problem, chosen: np.ndarray) -> Bracket:
    """The bracket of one selection's objective."""
    low = naive.objective_of(wider(problem, 1.0 + DOUBT), chosen)
    high = naive.objective_of(wider(problem, 1.0 - DOUBT), chosen)
    return Bracket(low * (1.0 - CLOSE), high * (1.0 + CLOSE))


def assert_allocation(problem: Problem, chosen: np.ndarray, b: np.ndarray) -> None:
    """Every constraint on the bandwidths, exactly; upload times to the rounding of their evaluation."""
    assert b.shape == chosen.shape == (problem.n_clients,)
    assert b.dtype == np.float64
    assert (b[~chosen] == 0.0).all()
    assert (b[chosen] > 0.0).all()
    assert math.fsum(b.tolist()) <= problem.bandwidth_hz
    assert (b[chosen] >= problem.min_bandwidth_hz[chosen]).all()
    assert (b[chosen] <= problem.max_bandwidth_hz[chosen]).all()
    for n in np.flatnonzero(chosen):
        upload = naive.mpf(problem.payload_bits[n]) / naive.rate(problem, int(n), naive.mpf(b[n]))
        # b is a double: half an ulp of it is up to half an ulp of the time, and its evaluation costs a few.
        assert upload <= naive.mpf(problem.max_upload_s[n]) * (1 + 8 * EPS)


def assert_truthful(problem: Problem, solution: Solution, truth: Bracket, gap_tol: float = 1e-4) -> None:
    """All that a Solution says of itself, against the data and the optimum."""
    if currently_in_test_context():
        event(f"{problem.objective} {solution.status}")
    if solution.status is Status.INFEASIBLE:
        assert truth.high == math.inf
        assert solution.lower_bound_s == math.inf
        assert solution.certificate is None or solution.certificate.bound(problem) == math.inf
    if not solution.has_answer:
        assert solution.objective_s == solution.latency_s == math.inf
        assert not solution.selected.any()
        assert not solution.bandwidth_hz.any()
    else:
        chosen, b = solution.selected, solution.bandwidth_hz
        assert chosen.dtype == np.bool_
        assert naive.covers(problem, chosen)
        assert chosen[problem.mandatory].all()
        assert not chosen[~problem.available].any()
        assert_allocation(problem, chosen, b)
        # The logarithm is another than NumPy's, and total latency is summed in another order: a few ulp.
        assert solution.objective_s == pytest.approx(problem.objective_s(chosen, b), rel=1e-15)
        assert solution.latency_s == pytest.approx(problem.latency_s(chosen, b), rel=1e-15)
        assert truth.low <= solution.objective_s
        if not math.isnan(solution.lower_bound_s):
            assert solution.lower_bound_s >= 0.0
            assert solution.gap >= 0.0
        if solution.status is Status.OPTIMAL:
            assert solution.gap <= gap_tol * (1 + CLOSE)
            assert solution.objective_s <= truth.high * (1.0 + gap_tol)
        else:
            assert not solution.gap <= gap_tol * (1 - CLOSE)
    if not math.isnan(solution.lower_bound_s):
        assert solution.lower_bound_s <= truth.high
    if solution.certificate is not None:
        assert solution.certificate.bound(problem) == solution.lower_bound_s


def same_bits(one: Solution, other: Solution) -> bool:
    return (
        one.status is other.status
        and one.stop_reason is other.stop_reason
        and one.selected.tobytes() == other.selected.tobytes()
        and one.bandwidth_hz.tobytes() == other.bandwidth_hz.tobytes()
        and np.array_equal(
            [one.objective_s, one.lower_bound_s, one.latency_s],
            [other.objective_s, other.lower_bound_s, other.latency_s],
            equal_nan=True,
        )
        and one.iterations == other.iterations
    )


# -- the answer --


@settings(max_examples=80)
@given(problem=problems())
def test_answers_are_feasible_and_bracket_the_optimum(problem: Problem) -> None:
    assert_truthful(problem, fo.solve(problem), optimum(problem))


@settings(max_examples=25)
@given(problem=problems(min_clients=9, max_clients=12))
def test_answers_of_twelve_clients(problem: Problem) -> None:
    assert_truthful(problem, fo.solve(problem), optimum(problem))


@settings(max_examples=40)
@given(problem=problems(max_clients=6), gap_tol=st.sampled_from([0.0, 1e-12, 1e-8, 1e-2, 0.5, 10.0]))
def test_the_status_follows_the_tolerance(problem: Problem, gap_tol: float) -> None:
    assert_truthful(problem, fo.solve(problem, gap_tol=gap_tol), optimum(problem), gap_tol)


@settings(max_examples=15)
@pytest.mark.parametrize("method", [name for name in fo.METHODS if name not in ("admm", "cvxpy", "exact")])
@given(problem=problems(max_clients=6))
def test_policies_are_truthful_too(method: str, problem: Problem) -> None:
    assert_truthful(problem, fo.solve(problem, method), optimum(problem))


@settings(max_examples=60)
@given(data=st.data(), problem=problems(min_clients=1))
def test_bandwidths_of_any_selection_are_the_best(data: st.DataObject, problem: Problem) -> None:
    chosen = data.draw(selections(problem.n_clients))
    truth, b = best_of(problem, chosen), optimal_bandwidth(problem, chosen)
    if b is None:
        assert truth.high == math.inf
        return
    assert_allocation(problem, chosen, b)
    # Bandwidths are rounded up by a few ulps so that deadlines hold, and cut so that the band does: both move
    # the objective by a few ulps, and no more (relative rates change by no more than bandwidths do).
    assert truth.low <= problem.objective_s(chosen, b) <= truth.high * (1 + 1e-12)


@settings(max_examples=50)
@given(data=st.data(), problem=problems(min_clients=1, max_clients=7, plain=True))
def test_coverage_is_decided_at_the_last_bit(data: st.DataObject, problem: Problem) -> None:
    """Targets within two ulps of what some clients offer together: rounded sums would decide by accident."""
    required = []
    for row in problem.relevance:
        chosen = data.draw(selections(problem.n_clients))
        # Thirds and tenths, so that no sum is exact.
        offered = math.fsum((row * data.draw(st.sampled_from([1.0, 1.0 + EPS])))[chosen].tolist())
        need = offered / (1.0 - 1e-12)
        for _ in range(data.draw(st.integers(0, 2))):
            need = math.nextafter(need, data.draw(st.sampled_from([0.0, math.inf])))
        required.append(need if offered > 0.0 else 0.0)
    mandatory = data.draw(selections(problem.n_clients))
    problem = problem.replace(required=required, mandatory=mandatory)
    assert_truthful(problem, fo.solve(problem), optimum(problem))


# -- what is proven --


def _certificates(problem: Problem) -> st.SearchStrategy[Certificate]:
    price = problem.bandwidth_hz if problem.objective is Objective.MAKESPAN else problem.bandwidth_hz**-1
    prices = st.one_of(decades(1e-9, 1e9).map(lambda p: p * price), st.sampled_from([0.0, math.inf, 1e-300, 1e300]))
    return st.builds(
        Certificate,
        kind=st.sampled_from(list(CertificateKind)),
        price=prices,
        multipliers=multipliers(problem),
        task=st.one_of(st.none(), st.integers(0, max(problem.n_tasks - 1, 0))),
    )


@settings(max_examples=60)
@given(data=st.data(), problem=problems())
def test_no_certificate_whatever_proves_too_much(data: st.DataObject, problem: Problem) -> None:
    truth = optimum(problem)
    for _ in range(4):
        certificate = data.draw(_certificates(problem))
        bound = certificate.bound(problem)
        assert 0.0 <= bound <= truth.high


@settings(max_examples=30)
@given(problem=problems(min_clients=1, max_clients=6))
def test_certificates_hold_by_the_published_formula(problem: Problem) -> None:
    """D(mu, theta) evaluated from the data with sixty digits says what `lower_bound_s` says."""
    solution = fo.solve(problem)
    certificate = solution.certificate
    if certificate is None or solution.lower_bound_s == 0.0:
        return
    mu, band = certificate.multipliers, problem.bandwidth_hz
    assert mu.shape == (problem.n_tasks,)
    assert (mu >= 0.0).all()
    if certificate.kind is CertificateKind.COVERAGE:
        assert certificate.task is not None
        offered = naive.exact_coverage(problem, problem.available & naive.admissible_clients(problem))
        assert offered[certificate.task] < problem.coverage_target[certificate.task]
    elif certificate.kind is CertificateKind.BANDWIDTH:
        cheapest = problem.replace(objective="makespan")
        assert naive.dual_value(cheapest, mu, math.inf) > band
    elif problem.objective is Objective.MAKESPAN:
        # D decreases in T; at a hair below the bound it exceeds B.
        assert naive.dual_value(problem, mu, solution.lower_bound_s * (1 - 1e-13)) > band
    else:
        value = naive.dual_value(problem, mu, certificate.price) - naive.mpf(certificate.price) * naive.mpf(band)
        assert value >= solution.lower_bound_s


@settings(max_examples=30)
@given(data=st.data(), problem=problems(min_clients=1, max_clients=6))
def test_altered_certificates_prove_what_they_prove(data: st.DataObject, problem: Problem) -> None:
    """Multipliers that are nearly optimal are where a careless bound would first exceed the optimum."""
    certificate = fo.solve(problem).certificate
    assume(certificate is not None)
    truth = optimum(problem)
    for factor in (0.5, 1 - 1e-6, 1 - EPS, 1 + EPS, 1 + 1e-6, 2.0):
        for price in (certificate.price, certificate.price * factor):
            altered = replace(certificate, multipliers=certificate.multipliers * factor, price=price)
            assert 0.0 <= altered.bound(problem) <= truth.high
    other = data.draw(problems(min_clients=problem.n_clients, max_clients=problem.n_clients, max_tasks=problem.n_tasks))
    if other.n_tasks == problem.n_tasks:
        assert 0.0 <= certificate.bound(other) <= optimum(other).high


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize(
    "change",
    [
        {"multipliers": np.array([-1.0, 2e5])},
        {"multipliers": np.array([math.nan, 1.0])},
        {"multipliers": np.array([math.inf, 1.0])},
        {"multipliers": np.array([1.0])},
        {"multipliers": np.array([1.0, 1.0, 1.0])},
        {"multipliers": np.array([])},
        {"price": math.nan},
        {"price": -1.0},
        {"price": -math.inf},
        {"kind": CertificateKind.COVERAGE, "task": None},
        {"kind": CertificateKind.COVERAGE, "task": 2},
        {"kind": CertificateKind.COVERAGE, "task": -1},
        {"kind": CertificateKind.BANDWIDTH},
    ],
)
def test_broken_certificates_prove_nothing_or_are_refused(objective: str, change: dict[str, object]) -> None:
    problem = fo.Problem(
        payload_bits=[1e6, 2e6, 3e6],
        cn0_hz=[1e7, 2e7, 3e7],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.2], [0.3, 0.5, 1.0]],
        required=[1.2, 0.8],
        objective=objective,
    )
    best = naive.brute_force(problem).value
    good = fo.solve(problem).certificate
    assert good is not None
    try:
        bound = replace(good, **change).bound(problem)
    except fo.FedssOptError:
        return
    assert 0.0 <= bound <= best * (1 + CLOSE)


# -- infeasible problems --


@settings(max_examples=60)
@given(data=st.data(), problem=problems(min_clients=1, max_clients=6))
def test_tightened_problems_turn_infeasible_honestly(data: st.DataObject, problem: Problem) -> None:
    everyone = np.ones(problem.n_clients, dtype=bool)
    limit = data.draw(decades(0.05, 3.0))
    kind = data.draw(st.sampled_from(["upload", "least", "required"]))
    if kind == "upload":
        even = problem.upload_s(problem.bandwidth_hz / problem.n_clients)
        problem = problem.replace(max_upload_s=limit * even)
    elif kind == "least":
        least = limit * problem.bandwidth_hz / problem.n_clients
        problem = problem.replace(min_bandwidth_hz=least, max_bandwidth_hz=math.inf)
    else:
        problem = problem.replace(required=limit * problem.coverage(everyone))
    assert_truthful(problem, fo.solve(problem), optimum(problem))


def test_a_task_beyond_all_clients_is_proven_infeasible() -> None:
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        relevance=[[1.0, 1.0]],
        required=2.1,
        task_ids=["digits"],
    )
    solution = fo.solve(problem)
    assert solution.status is Status.INFEASIBLE
    assert solution.certificate is not None
    assert solution.certificate.kind is CertificateKind.COVERAGE
    assert solution.certificate.task == 0
    assert solution.certificate.bound(problem) == math.inf
    assert solution.certificate.bound(problem.replace(required=2.0)) < math.inf
    assert "digits" in solution.message
    unavailable = problem.replace(required=1.5, available=[True, False])
    assert fo.solve(unavailable).status is Status.INFEASIBLE


def test_caps_that_need_more_than_the_band_are_proven_infeasible() -> None:
    plain = {"payload_bits": [1e6, 1e6, 1e6], "bandwidth_hz": 1e6, "mandatory": True}
    for channel, limit in (({"cn0_hz": 1e7}, 0.2), ({"spectral_efficiency": 2.0}, 1.4)):
        problem = fo.Problem(**plain, **channel, max_upload_s=limit)
        solution = fo.solve(problem)
        assert solution.status is Status.INFEASIBLE
        assert solution.certificate is not None
        assert solution.certificate.bound(problem) == math.inf
        assert solution.certificate.bound(problem.replace(bandwidth_hz=1e9)) < math.inf


# -- symmetries --


def scaled(problem: Problem, seconds: float, hertz: float, relevance: float, weights: float) -> Problem:
    """The same problem in other units; powers of two change no significand."""
    channel = "cn0_hz" if problem.cn0_hz is not None else "spectral_efficiency"
    unit = hertz if channel == "cn0_hz" else 1.0
    return problem.replace(
        payload_bits=problem.payload_bits * (seconds * hertz),
        bandwidth_hz=problem.bandwidth_hz * hertz,
        **{channel: getattr(problem, channel) * unit},
        compute_s=problem.compute_s * seconds,
        max_upload_s=problem.max_upload_s * seconds,
        min_bandwidth_hz=problem.min_bandwidth_hz * hertz,
        max_bandwidth_hz=problem.max_bandwidth_hz * hertz,
        relevance=problem.relevance * relevance,
        required=problem.required * relevance,
        weights=problem.weights * weights,
    )


@settings(max_examples=80)
@given(problem=problems(max_clients=7), seconds=scales(), hertz=scales(), relevance=scales(), weights=scales())
def test_units_do_not_matter(problem: Problem, seconds: float, hertz: float, relevance: float, weights: float) -> None:
    one, other = fo.solve(problem), fo.solve(scaled(problem, seconds, hertz, relevance, weights))
    assert one.status is other.status
    assert one.selected.tolist() == other.selected.tolist()
    unit = seconds * (weights if problem.objective is Objective.TOTAL else 1.0)
    # Only logarithms of scaled figures round differently: the last bits of roots, not more.
    np.testing.assert_allclose(other.bandwidth_hz, one.bandwidth_hz * hertz, rtol=1e-9)
    np.testing.assert_allclose(other.objective_s, one.objective_s * unit, rtol=1e-12)
    np.testing.assert_allclose(other.lower_bound_s, one.lower_bound_s * unit, rtol=1e-9)


@settings(max_examples=60)
@given(data=st.data(), problem=problems(min_clients=2, max_clients=8))
def test_the_order_of_clients_and_tasks_does_not_matter(data: st.DataObject, problem: Problem) -> None:
    clients = data.draw(st.permutations(range(problem.n_clients)))
    tasks = data.draw(st.permutations(range(problem.n_tasks)))
    per_client = {
        name: getattr(problem, name)[clients]
        for name in (
            "payload_bits",
            "compute_s",
            "max_upload_s",
            "min_bandwidth_hz",
            "max_bandwidth_hz",
            "weights",
            "mandatory",
            "available",
            "cn0_hz" if problem.cn0_hz is not None else "spectral_efficiency",
        )
    }
    shuffled = problem.replace(
        **per_client,
        relevance=problem.relevance[np.ix_(tasks, clients)],
        required=problem.required[tasks],
        client_ids=None,
    )
    one, other = fo.solve(problem), fo.solve(shuffled)
    # Ties may fall otherwise, so the selections may differ; what is proven must agree.
    assert not {one.status, other.status} > {Status.INFEASIBLE, Status.OPTIMAL}
    if one.has_answer and other.has_answer:
        assert one.lower_bound_s <= other.objective_s * (1 + CLOSE)
        assert other.lower_bound_s <= one.objective_s * (1 + CLOSE)
        if one.status is other.status is Status.OPTIMAL:
            assert one.objective_s == pytest.approx(other.objective_s, rel=2e-4)  # the gap tolerance, twice


@settings(max_examples=40)
@given(problem=problems())
def test_the_same_call_gives_the_same_bits(problem: Problem) -> None:
    assert same_bits(fo.solve(problem), fo.solve(problem))
    assert same_bits(fo.solve(problem), fo.solve(problem.replace()))


@settings(max_examples=60)
@given(problem=problems(max_clients=7), factor=st.sampled_from([1.0 + 1e-9, 1.5, 10.0]))
def test_more_bandwidth_and_less_work_never_hurt(problem: Problem, factor: float) -> None:
    """The easier problem's bound cannot exceed the harder one's answer, nor can it be infeasible alone."""
    hard = fo.solve(problem)
    if not hard.has_answer:
        return
    easier = [
        wider(problem, factor),
        problem.replace(payload_bits=problem.payload_bits / factor),
        problem.replace(required=problem.required / factor),
        problem.replace(max_upload_s=problem.max_upload_s * factor),
        problem.replace(mandatory=False),
        problem.replace(available=True),
    ]
    for relaxed in easier:
        solution = fo.solve(relaxed)
        assert solution.status is not Status.INFEASIBLE
        assert not solution.lower_bound_s > hard.objective_s * (1 + CLOSE)


# -- warm starts, limits, callbacks --


@st.composite
def _anything(draw: st.DrawFn, problem: Problem) -> Solution:
    """A Solution of the right sizes with any content: stale, wrong, or nonsense."""
    n = problem.n_clients
    wild = st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e300, math.inf, -math.inf, math.nan])
    numbers = st.one_of(wild, decades(1e-6, 1e6))
    certificate = st.one_of(
        st.none(),
        st.builds(
            Certificate,
            kind=st.sampled_from(list(CertificateKind)),
            price=numbers,
            multipliers=st.lists(numbers, min_size=problem.n_tasks, max_size=problem.n_tasks).map(np.array),
            task=st.none(),
        ),
    )
    return Solution(
        status=draw(st.sampled_from(list(Status))),
        stop_reason=StopReason.GAP,
        selected=draw(selections(n)),
        bandwidth_hz=np.array(draw(st.lists(numbers, min_size=n, max_size=n))),
        latency_s=draw(numbers),
        objective_s=draw(numbers),
        lower_bound_s=draw(numbers),
        certificate=draw(certificate),
        method="somebody",
    )


@settings(max_examples=40)
@given(data=st.data(), problem=problems(max_clients=6))
def test_warm_starts_never_change_what_is_proven(data: st.DataObject, problem: Problem) -> None:
    truth = optimum(problem)
    assert_truthful(problem, fo.solve(problem, warm_start=data.draw(_anything(problem))), truth)
    cold = fo.solve(problem)
    again = fo.solve(problem, warm_start=cold)
    assert_truthful(problem, again, truth)
    if cold.has_answer:
        assert again.has_answer
        assert again.objective_s <= cold.objective_s * (1 + CLOSE)


@settings(max_examples=30)
@given(problem=problems(max_clients=5), other=problems(max_clients=5))
def test_warm_starts_of_another_size_are_used_or_refused(problem: Problem, other: Problem) -> None:
    try:
        solution = fo.solve(problem, warm_start=fo.solve(other))
    except fo.OptionError:
        return
    assert_truthful(problem, solution, optimum(problem))


@settings(max_examples=60)
@given(problem=problems(max_clients=6), limit=st.sampled_from([0, 1, 2, 5, 20]))
def test_iteration_limits_are_kept_and_told(problem: Problem, limit: int) -> None:
    solution = fo.solve(problem, max_iterations=limit)
    assert solution.iterations <= limit
    assert_truthful(problem, solution, optimum(problem))
    if solution.stop_reason is StopReason.ITERATIONS:
        assert solution.status is not Status.OPTIMAL


@settings(max_examples=30)
@given(problem=problems(max_clients=6))
def test_no_time_at_all(problem: Problem) -> None:
    assert_truthful(problem, fo.solve(problem, time_limit_s=0.0), optimum(problem))
    assert_truthful(problem, fo.solve(problem, time_limit_s=math.inf), optimum(problem))


@settings(max_examples=40)
@given(problem=problems(max_clients=6), gap_tol=st.sampled_from([0.0, 1e-4]))
def test_callbacks_see_bounds_that_only_improve(problem: Problem, gap_tol: float) -> None:
    seen: list[fo.Progress] = []
    solution = fo.solve(problem, gap_tol=gap_tol, callback=seen.append)
    assert same_bits(solution, fo.solve(problem, gap_tol=gap_tol))
    for before, after in itertools.pairwise(seen):
        assert before.iteration <= after.iteration
        assert before.elapsed_s <= after.elapsed_s
        assert before.objective_s >= after.objective_s
        assert before.lower_bound_s <= after.lower_bound_s
    for progress in seen:
        assert not progress.lower_bound_s > progress.objective_s * (1 + CLOSE)
        assert progress.objective_s >= solution.objective_s * (1 - CLOSE)


@settings(max_examples=40)
@given(problem=problems(max_clients=6))
def test_a_callback_can_stop_the_solve(problem: Problem) -> None:
    calls: list[fo.Progress] = []

    def stop(progress: fo.Progress) -> bool:
        calls.append(progress)
        return True

    solution = fo.solve(problem, callback=stop)
    assert len(calls) <= 1
    assert_truthful(problem, solution, optimum(problem))
    if calls and solution.status is Status.FEASIBLE:
        assert solution.stop_reason is StopReason.INTERRUPTED


def test_what_a_callback_raises_reaches_the_caller() -> None:
    def fail(progress: fo.Progress) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fo.solve(_hard_problem(), gap_tol=0.0, callback=fail)


def _hard_problem() -> Problem:
    """Twelve unlike clients and three tasks: more than one step for any method."""
    rng = np.random.default_rng(2023)
    return fo.Problem(
        payload_bits=rng.uniform(5e5, 5e6, 12),
        cn0_hz=10.0 ** rng.uniform(5.5, 8.0, 12),
        bandwidth_hz=1e6,
        relevance=rng.integers(0, 16, (3, 12)) / 15.0,
        required=[2.0, 2.5, 1.5],
    )


# -- how good it is --


# Multipliers that only just pay for the whole band prove nothing; a hair more would.
@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("channel", [{"cn0_hz": 1e7}, {"spectral_efficiency": 2.0}])
def test_a_lone_client_is_proven_optimal(objective: str, channel: dict[str, object]) -> None:
    """The least there is: one client, one task, the whole band."""
    problem = fo.Problem(
        payload_bits=1e6, bandwidth_hz=1e6, relevance=1.0, required=1.0, objective=objective, **channel
    )
    assert fo.solve(problem).status is Status.OPTIMAL


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("channel", ["shannon", "flat"])
def test_small_rounds_are_solved_well(objective: str, channel: str) -> None:
    """Not a promise of the mathematics, but what the method is for: near the optimum, and knowing it."""
    rng = np.random.default_rng(7)
    ratios = []
    for _ in range(30):
        n, k = int(rng.integers(4, 11)), int(rng.integers(1, 4))
        relevance = rng.integers(0, 16, (k, n)) / 15.0
        quality = 10.0 ** rng.uniform(5.5, 8.0, n)
        problem = fo.Problem(
            payload_bits=rng.uniform(5e5, 5e6, n),
            **({"cn0_hz": quality} if channel == "shannon" else {"spectral_efficiency": np.log2(1 + quality / 2e5)}),
            bandwidth_hz=2e5 * n,
            relevance=relevance,
            required=rng.uniform(0.2, 0.7) * relevance.sum(axis=1),
            compute_s=rng.uniform(0.0, 1.0, n),
            objective=objective,
        )
        solution, truth = fo.solve(problem), optimum(problem)
        assert_truthful(problem, solution, truth)
        assert solution.has_answer
        ratios.append(solution.objective_s / truth.low)
    assert np.mean(ratios) <= 1.02
    assert np.max(ratios) <= 1.2
