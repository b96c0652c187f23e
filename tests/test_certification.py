"""What certificates prove: units there and back, the three kinds, and garbage, which proves nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt import Certificate, CertificateKind, Problem
from fedss_opt.cells import cell_of
from fedss_opt.certification import bound_of_cell, certified_bound, to_cell_units, to_problem_units

from . import naive
from .strategies import multipliers, problems

pytestmark = pytest.mark.usefixtures("warm")

BOUND, COVERAGE, BANDWIDTH = CertificateKind.BOUND, CertificateKind.COVERAGE, CertificateKind.BANDWIDTH


def _problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "payload_bits": [1e6, 2e6, 3e6, 2e6],
        "cn0_hz": [1e7, 2e7, 3e7, 1e7],
        "bandwidth_hz": 1e6,
        "relevance": [[1.0, 0.5, 0.2, 0.3], [0.3, 0.5, 1.0, 0.1]],
        "required": [1.2, 0.8],
    }
    return Problem(**(fields | changes))


@cache
def _optimum(objective: str) -> float:
    return naive.brute_force(_problem(objective=objective)).value


def _proof(kind: CertificateKind, **changes: Any) -> Certificate:
    fields: dict[str, Any] = {"price": 1.0, "multipliers": np.array([1e6, 1e6])}
    return Certificate(kind=kind, **(fields | changes))


# -- the three kinds --


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_bounds_are_what_the_solution_says(objective: str) -> None:
    problem = _problem(objective=objective)
    solution = fo.solve(problem)
    assert solution.certificate is not None
    assert solution.certificate.kind is BOUND
    assert 0.0 < solution.certificate.bound(problem) == solution.lower_bound_s
    # Nothing is proven of a problem with a thousand times the band by multipliers that do not pay for it.
    relaxed = problem.replace(bandwidth_hz=1e9)
    assert solution.certificate.bound(relaxed) <= naive.brute_force(relaxed).value


def test_a_makespan_bound_is_no_later_than_its_price() -> None:
    problem = _problem()
    good = fo.solve(problem).certificate
    assert good is not None
    for factor in (0.1, 0.5, 1.0):
        assert replace(good, price=good.price * factor).bound(problem) == good.price * factor
    # Beyond it the sup is found again, to the 1e-14 at which its bracket is closed.
    assert replace(good, price=good.price * 7).bound(problem) == pytest.approx(good.price, rel=1e-6)
    assert replace(good, price=0.0).bound(problem) == 0.0


def test_coverage_is_decided_by_the_task_alone() -> None:
    problem = _problem(required=[2.1, 0.8])
    for mu in ([0.0, 0.0], [1.0, 0.0], [5.0, 7.0]):
        proof = _proof(COVERAGE, price=math.inf, multipliers=np.array(mu), task=0)
        assert proof.bound(problem) == math.inf
        assert replace(proof, task=1).bound(problem) == 0.0
        assert proof.bound(_problem()) == 0.0
        assert proof.bound(_problem(required=[1.9, 0.8], available=[False, True, True, True])) == math.inf


def test_bandwidth_is_decided_at_the_least_bandwidths() -> None:
    for objective in ("makespan", "total"):
        problem = _problem(min_bandwidth_hz=6e5, objective=objective)
        proof = fo.solve(problem).certificate
        assert proof is not None
        assert proof.kind is BANDWIDTH
        assert proof.bound(problem) == math.inf
        assert replace(proof, price=math.nan).bound(problem) == math.inf  # the price has no part in it
        assert proof.bound(_problem(objective=objective)) == 0.0
        assert replace(proof, multipliers=np.zeros(2)).bound(problem) == 0.0


def test_mandatory_clients_alone_can_be_too_much() -> None:
    problem = _problem(mandatory=True, min_bandwidth_hz=3e5)
    proof = _proof(BANDWIDTH, multipliers=np.zeros(2))
    assert proof.bound(problem) == math.inf
    assert proof.bound(problem.replace(bandwidth_hz=1.3e6)) == 0.0


def test_nobody_and_nothing() -> None:
    nobody = Problem(payload_bits=[], cn0_hz=[], bandwidth_hz=1.0)
    for kind in CertificateKind:
        assert _proof(kind, multipliers=np.zeros(0), task=0).bound(nobody) == 0.0
    # Without tasks only who is mandatory takes time.
    lone = Problem(payload_bits=[1e6], cn0_hz=[1e7], bandwidth_hz=1e6, mandatory=True)
    best = naive.makespan_of(lone, np.ones(1, dtype=bool))
    bound = _proof(BOUND, price=1e9, multipliers=np.zeros(0)).bound(lone)
    assert best * (1 - 1e-13) <= bound <= best


# -- garbage --

GARBAGE: list[dict[str, Any]] = [
    {"multipliers": np.array([-1.0, 1e6])},
    {"multipliers": np.array([-1e-300, 1e6])},
    {"multipliers": np.array([math.nan, 1e6])},
    {"multipliers": np.array([math.inf, 1e6])},
    {"multipliers": np.array([])},
    {"multipliers": np.array([1e6])},
    {"multipliers": np.array([[1e6, 1e6]])},
    {"multipliers": np.array(1e6)},
    {"multipliers": np.array([1e6, 1e6, 1e6])},
    {"price": math.nan},
    {"price": math.inf},
    {"price": -math.inf},
    {"price": -1.0},
    {"price": 0.0},
    {"price": 1e308},
    {"price": 5e-324},
    {"multipliers": np.array([1e308, 1e308])},
    {"multipliers": np.array([5e-324, 5e-324])},
    {"multipliers": np.array([1e308, 0.0]), "price": 1e308},
    {"task": None},
    {"task": -1},
    {"task": 2},
    {"task": 10**20},
]


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("kind", list(CertificateKind))
@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
def test_garbage_proves_no_more_than_is_so(kind: CertificateKind, garbage: dict[str, Any], objective: str) -> None:
    problem = _problem(objective=objective)
    bound = certified_bound(problem, _proof(kind, **garbage))
    assert isinstance(bound, float)
    assert 0.0 <= bound <= _optimum(objective)
    if kind in (COVERAGE, BANDWIDTH):  # the problem is feasible
        assert bound == 0.0


@pytest.mark.parametrize("multipliers", [[-5e-324, 1e9], [-1e-300, 1e9], [-1e-9, 1e9], [math.nan, 1e9]])
def test_what_is_no_multiplier_proves_nothing_at_all(multipliers: list[float]) -> None:
    assert _proof(BOUND, multipliers=np.array([0.0, 1e9])).bound(_problem()) > 0.0
    proof = _proof(BOUND, multipliers=np.array(multipliers))
    assert proof.bound(_problem()) == 0.0
    assert np.isnan(proof.reduced_costs(_problem())).all()


WRONG_TYPES: list[tuple[dict[str, Any], str]] = [
    ({"multipliers": np.array(["1e6", "1e6"])}, "multipliers[0] = '1e6': not a number; give numbers"),
    ({"multipliers": np.array([1e6, None], dtype=object)}, "multipliers[1] = None: not a number"),
    ({"multipliers": np.array([1e6 + 1j, 1e6])}, "multipliers[0] = (1000000+1j): not a number"),
    ({"multipliers": np.array([True, True])}, "multipliers[0] = True: not a number"),
    ({"multipliers": [[1e6], [1e6, 1e6]]}, "multipliers: its rows differ in length"),
    ({"price": "1"}, "price = '1': must be a number"),
    ({"price": None}, "price = None: must be a number"),
    ({"price": True}, "price = True: must be a number"),
    ({"task": "0"}, "task = '0': must be an integer, or None"),
    ({"task": 0.0}, "task = 0.0: must be an integer, or None"),
    ({"kind": "proof"}, "kind = 'proof': must be one of 'bound', 'coverage', 'bandwidth', 'search'"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_TYPES, ids=str)
def test_what_is_of_another_type_is_refused(wrong: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"kind": BOUND, "price": 1.0, "multipliers": np.array([1e6, 1e6])}
    with pytest.raises(fo.ProblemError) as caught:
        Certificate(**(fields | wrong))
    assert message in str(caught.value)


def test_forms_of_numbers_are_all_the_same() -> None:
    problem = _problem()
    good = fo.solve(problem).certificate
    assert good is not None
    rounded = np.round(good.multipliers)
    bound = replace(good, multipliers=rounded).bound(problem)
    for same in (rounded.tolist(), rounded.astype(np.int64), tuple(rounded), rounded[::-1][::-1]):
        assert replace(good, multipliers=same).bound(problem) == bound
    for price in (np.float32(2.0), np.int8(2), 2):
        assert replace(good, price=price).bound(problem) == replace(good, price=2.0).bound(problem)
    assert replace(good, kind="bound").kind is BOUND
    narrow = replace(good, multipliers=rounded.astype(np.float32)).bound(problem)
    assert 0.0 <= narrow <= naive.brute_force(problem).value


def test_a_client_who_is_out_of_reach_proves_nothing_by_an_overflow() -> None:
    """Infinite multipliers times a relevance of 0 are no number, which was taken for a client that must be paid."""
    problem = Problem(
        payload_bits=1e6,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        compute_s=[0.0, 0.0, 0.0, 100.0],
        relevance=[[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]],
        required=[2.0, 2.0],
    )
    for mu in ([1e308, 0.0], [0.0, 1e308], [1e308, 1e308]):
        for kind in (BOUND, BANDWIDTH):
            assert _proof(kind, price=99.0, multipliers=np.array(mu)).bound(problem) == 0.0
    best = naive.brute_force(problem).value
    assert best == pytest.approx(0.4553, rel=1e-4)
    assert _proof(BOUND, price=99.0, multipliers=np.array([1e300, 0.0])).bound(problem) <= best


EXTREME = [0.0, 0.0, 1e308, 5e-324, 1.7976931348623157e308, 1e-310, 2.3e-308, 1e-160, 1e160, 1e300]


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_no_multipliers_whatever_prove_more_than_is_so(objective: str) -> None:
    """Some clients come too late for any deadline of consequence, some help one task only, and products overflow."""
    rng = np.random.default_rng(7)
    for _ in range(40):
        n, k = int(rng.integers(2, 6)), int(rng.integers(1, 4))
        relevance = rng.integers(0, 3, (k, n)) * 10.0 ** rng.integers(-6, 7)
        late = rng.random(n) < 0.3
        problem = Problem(
            payload_bits=rng.uniform(0.5, 2.0, n) * 1e6,
            cn0_hz=rng.uniform(1.0, 9.0, n) * 1e6,
            bandwidth_hz=1e6,
            compute_s=np.where(late, 1e3, 0.0),
            relevance=relevance,
            required=rng.uniform(0.1, 1.0, k) * relevance[:, ~late].sum(axis=1),
            mandatory=rng.random(n) < 0.1,
            objective=objective,
        )
        best = naive.brute_force(problem).value
        for _ in range(6):
            usual = 10.0 ** rng.uniform(-3, 9, k) / max(float(relevance.max()), 1e-9)
            mu = np.where(rng.random(k) < 0.3, usual, rng.choice(EXTREME, k))
            for price in (float(rng.choice(EXTREME)), 10.0 ** rng.uniform(-9, 3), 0.99 * best, 1.01 * best, 9.0 * best):
                for kind in CertificateKind:
                    proof = Certificate(kind=kind, price=price, multipliers=mu, task=int(rng.integers(0, k)))
                    assert 0.0 <= proof.bound(problem) <= best * (1.0 + 1e-12)


@settings(max_examples=100)
@given(data=st.data(), problem=problems(min_clients=1))
def test_units_there_and_back(data: st.DataObject, problem: Problem) -> None:
    cell, short = cell_of(problem)
    assume(not short.any())
    mu = data.draw(multipliers(problem))
    inside = to_cell_units(cell, mu)
    assert inside.shape == cell.task.shape
    back = to_problem_units(cell, inside, problem.n_tasks)
    open_tasks = np.isin(np.arange(problem.n_tasks), cell.task)
    np.testing.assert_allclose(back[open_tasks], mu[open_tasks], rtol=4.5e-16)  # one product and one quotient
    assert (back[~open_tasks] == 0.0).all()  # served by the mandatory clients: worth nothing
    # The units change nothing of what is proven, but for the same two roundings of each multiplier.
    price = problem.bandwidth_hz
    for kind in (BOUND, BANDWIDTH):
        one = certified_bound(problem, Certificate(kind=kind, price=price, multipliers=mu))
        assert one == bound_of_cell(cell, kind, price, inside)


def test_a_task_that_mandatory_clients_nearly_serve_gives_no_false_proof() -> None:
    """What they leave open is below an ulp of the target; a plain difference would be off by as much as itself."""
    unit = 2.0**-53
    required = 0.75
    target = required * (1.0 - 1e-12)
    problem = fo.Problem(
        payload_bits=[1.0, 1.0, 1e6, 1e12],
        spectral_efficiency=1.0,
        bandwidth_hz=1e6,
        relevance=[[target - unit, 0.4 * unit, 0.7 * unit, 0.5]],
        required=[required],
        mandatory=[True, True, False, False],
    )
    solution = fo.solve(problem)
    assert solution.lower_bound_s <= 1.000002  # clients 0, 1 and 2 together: 1e6 bits and two on 1e6 bit/s
