"""Reduced costs: the bound is made of them, judged by the twins' costs in 60 digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import fedss_opt as fo
from fedss_opt import Certificate, CertificateKind, Problem
from fedss_opt.certification import costs_and_worths

from . import naive
from .strategies import multipliers, problems

pytestmark = pytest.mark.usefixtures("warm")

BOUND, COVERAGE, BANDWIDTH = CertificateKind.BOUND, CertificateKind.COVERAGE, CertificateKind.BANDWIDTH

# A cost and a worth are each within 8 units in the last place, and so is what they are compared with.
_CLOSE = 1e-13


def _problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "payload_bits": [1e6, 2e6, 3e6, 2e6],
        "cn0_hz": [1e7, 2e7, 3e7, 1e7],
        "bandwidth_hz": 1e6,
        "relevance": [[1.0, 0.5, 0.2, 0.3], [0.3, 0.5, 1.0, 0.1]],
        "required": [0.9, 0.8],  # nobody is forced
    }
    return Problem(**(fields | changes))


def _open_relevance(problem: Problem, n: int, k: int) -> mpf:
    """What client n counts for in task k, by the twin's rounding to whole steps; 0 where nothing is open."""
    missing = naive._whole_steps(problem, k)
    return min(mpf(float(problem.relevance[k, n])), missing) if missing > 0 else mpf(0)


def _naive(problem: Problem, certificate: Certificate) -> list[mpf]:
    """Reduced costs in 60 digits; NaN where there is nothing to decide."""
    problem = problem.replace(mandatory=problem.mandatory | naive.forced(problem))
    reduced = []
    with mp.workdps(naive.DIGITS):
        for n in range(problem.n_clients):
            if problem.mandatory[n] or not naive.admissible(problem, n):
                reduced.append(mpf("nan"))
                continue
            worth = sum(
                (mpf(float(mu)) * _open_relevance(problem, n, k) for k, mu in enumerate(certificate.multipliers)),
                mpf(0),
            )
            reduced.append(naive.cost(problem, n, certificate.price) - worth)
    return reduced


@settings(max_examples=30)
@given(data=st.data())
def test_the_costs_of_the_twin(data: st.DataObject) -> None:
    problem = data.draw(problems(max_clients=6))
    mu = data.draw(multipliers(problem))
    price = fo.solve(problem).latency_s
    price = price if 0.0 < price < math.inf else 1.0
    certificate = Certificate(kind=BOUND, price=price, multipliers=mu)
    cost, worth = costs_and_worths(problem, certificate)
    found = certificate.reduced_costs(problem)
    for n, expected in enumerate(_naive(problem, certificate)):
        if not mp.isfinite(expected):
            assert np.isposinf(found[n]) if mp.isinf(expected) else np.isnan(found[n])
            continue
        if np.isposinf(found[n]) or abs(problem.compute_s[n] / price - 1.0) < 1e-12:
            continue  # at the edge of what any bandwidth reaches, where a rounding decides
        # Steps are rounded down, and the cut is at the requirement, not its 1e-12 less (section 5.2): both by 1e-12 of
        # what a task requires, of which what is missing may be a small part.
        serves = problem.relevance[:, n] > 0.0
        allowance = _CLOSE * (abs(cost[n]) + worth[n]) + 2e-12 * float(mu[serves] @ problem.required[serves])
        assert abs(float(expected) - found[n]) <= allowance


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("mandatory", [False, True])
def test_the_bound_is_made_of_them(objective: str, mandatory: bool) -> None:
    problem = _problem(objective=objective, mandatory=[mandatory, False, False, False])
    certificate = fo.solve(problem).certificate
    assert certificate is not None
    reduced = certificate.reduced_costs(problem)
    assert np.array_equal(np.isnan(reduced), problem.mandatory)
    cost, _ = costs_and_worths(problem, certificate)
    still_open = [float(naive._whole_steps(problem, k)) for k in range(problem.n_tasks)]
    parts = [*(certificate.multipliers * still_open), *cost[problem.mandatory], *np.fmin(reduced, 0.0)]
    value = math.fsum(part for part in parts if not math.isnan(part))
    assert value == pytest.approx(
        float(naive.dual_value(problem, certificate.multipliers, certificate.price)), rel=1e-11
    )
    if objective == "makespan":
        # What the certificate says: at its deadline every cover costs more than the carrier, though not by much.
        assert problem.bandwidth_hz < value < 1.001 * problem.bandwidth_hz
    else:
        bound = value - certificate.price * problem.bandwidth_hz
        assert bound == pytest.approx(certificate.bound(problem), rel=1e-9)


def test_the_sign_says_who_is_worth_it() -> None:
    problem = fo.scenarios.make("yang2021", n_clients=300, n_tasks=1, seed=0, required_fraction=0.3)
    solution = fo.solve(problem)
    assert solution.certificate is not None
    reduced = solution.certificate.reduced_costs(problem)
    # One task: the relaxation splits one client, so nearly every decision is the sign's.
    assert np.mean((reduced < 0.0) == solution.selected) > 0.95


def test_who_has_none() -> None:
    problem = _problem(
        available=[True, True, True, False],
        mandatory=[True, False, False, False],
        max_upload_s=[math.inf, 1e-6, math.inf, math.inf],
        compute_s=[0.0, 0.0, 5.0, 0.0],
        required=[0.5, 0.2],
    )
    certificate = Certificate(kind=BOUND, price=4.0, multipliers=np.array([1e5, 1e5]))
    reduced = certificate.reduced_costs(problem)
    assert np.isnan(reduced[[0, 1, 3]]).all()  # mandatory, unable to keep its limit, unavailable
    assert reduced[2] == math.inf  # still computing at the deadline


def test_whom_no_task_needs_costs_what_it_costs() -> None:
    problem = _problem(relevance=[[1.0, 1.0, 1.0, 0.0]], required=[1.0])
    certificate = Certificate(kind=BOUND, price=2.0, multipliers=np.array([1e5]))
    cost, worth = costs_and_worths(problem, certificate)
    assert worth[3] == 0.0
    assert certificate.reduced_costs(problem)[3] == cost[3] == pytest.approx(float(naive.cost(problem, 3, 2.0)))


def test_least_bandwidths_for_the_infeasible() -> None:
    problem = _problem(max_upload_s=0.8, required=[1.9, 1.8])
    fields = {name: np.tile(getattr(problem, name), 2) for name in ("payload_bits", "cn0_hz")}
    problem = _problem(max_upload_s=0.8, required=[1.9, 1.8], relevance=np.tile(problem.relevance, 2), **fields)
    solution = fo.solve(problem)
    certificate = solution.certificate
    assert certificate is not None
    assert certificate.kind is BANDWIDTH
    cost, _ = costs_and_worths(problem, certificate)
    assert cost == pytest.approx([float(naive.least_bandwidth(problem, n, mpf("inf"))) for n in range(8)])
    assert not np.isnan(certificate.reduced_costs(problem)).any()


@pytest.mark.parametrize(
    "broken",
    [
        Certificate(kind=COVERAGE, price=math.inf, multipliers=np.array([1.0, 0.0]), task=0),
        Certificate(kind=BOUND, price=math.nan, multipliers=np.array([1.0, 1.0])),
        Certificate(kind=BOUND, price=math.inf, multipliers=np.array([1.0, 1.0])),
        Certificate(kind=BOUND, price=1.0, multipliers=np.array([1.0])),
        Certificate(kind=BOUND, price=1.0, multipliers=np.array([-1.0, 1.0])),
    ],
)
def test_without_a_price_there_is_none(broken: Certificate) -> None:
    assert np.isnan(broken.reduced_costs(_problem())).all()
