"""Costs that a proof counts on, against arbitrary precision: never above the truth, and close to it."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.proof.deadline_costs import carrier_hz, least_bandwidths
from fedss_opt.proof.priced_costs import best_total_in_blocks, priced_costs
from tests import naive, naive_blocks


def draw_problem(rng: np.random.Generator, n: int, *, flat: bool, **fields: object) -> fo.Problem:
    link = "spectral_efficiency" if flat else "cn0_hz"
    return fo.Problem(
        payload_bits=10.0 ** rng.uniform(3, 9, n),
        bandwidth_hz=1e7,
        compute_s=rng.choice([0.0, 0.1, 3.0], n),
        min_bandwidth_hz=rng.choice([0.0, 1e3, 1e6], n),
        max_bandwidth_hz=rng.choice([np.inf, 1e7, 2e6], n),
        max_upload_s=rng.choice([np.inf, 0.5, 20.0], n),
        **{link: 10.0 ** (rng.uniform(-1, 1, n) if flat else rng.uniform(3, 11, n))},
        **fields,
    )


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.booleans(), st.floats(-3.0, 5.0))
def test_least_bandwidths_are_below_the_true_ones(seed: int, flat: bool, log_deadline: float) -> None:
    problem = draw_problem(np.random.default_rng(seed), 6, flat=flat)
    deadline = 10.0**log_deadline
    ours = least_bandwidths(problem, deadline)
    for n in range(problem.n_clients):
        truth = naive.least_bandwidth(problem, n, deadline)
        if mpmath.isinf(truth):
            continue  # any lower bound is one
        assert mpmath.mpf(float(ours[n])) <= truth
        assert float(ours[n]) >= float(truth) * (1.0 - 1e-6)  # far from saturation it is 1e-13


def test_least_bandwidths_are_close_to_the_true_ones_where_bandwidth_matters() -> None:
    problem = fo.Problem(payload_bits=np.geomspace(1e4, 1e7, 20), cn0_hz=1e8, bandwidth_hz=1e8)
    ours = least_bandwidths(problem, 1.0)
    for n in range(20):
        assert ours[n] == pytest.approx(float(naive.least_bandwidth(problem, n, 1.0)), rel=1e-13)


def test_the_largest_carrier_and_hardly_any_noise() -> None:
    """Candidates beyond what a problem may hold are no error."""
    problem = fo.Problem(payload_bits=[1e30, 1e-30], cn0_hz=[1e30, 1e-30], bandwidth_hz=1e30)
    for deadline in (1e-30, 0.69, 1.0, 1e30):
        assert (least_bandwidths(problem, deadline) >= 0.0).all()


def test_who_cannot_make_it_is_out() -> None:
    problem = fo.Problem(
        payload_bits=[1e6, 1e6, 1e9, 1e6], cn0_hz=1e6, bandwidth_hz=1e6, compute_s=[0.0, 2.0, 0.0, 1.0]
    )
    assert np.isfinite(least_bandwidths(problem, 2.0)).tolist() == [True, False, False, True]
    assert np.isfinite(least_bandwidths(problem, math.inf)).all()


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.booleans(), st.floats(-12.0, 1.0))
def test_priced_costs_are_below_the_true_ones(seed: int, flat: bool, log_price: float) -> None:
    rng = np.random.default_rng(seed)
    problem = draw_problem(rng, 5, flat=flat, objective="total", weights=rng.uniform(0.1, 3.0, 5))
    price = 10.0**log_price
    ours = priced_costs(problem, price)
    for n in range(problem.n_clients):
        truth = naive.priced_cost(problem, n, price)
        if mpmath.isinf(truth):
            continue
        assert mpmath.mpf(float(ours[n])) <= truth
        assert float(ours[n]) >= float(truth) * (1.0 - 1e-9)


@pytest.mark.parametrize("price", [0.0, 1e-9, 1e-7, 1e-5])
def test_priced_costs_in_blocks_are_those_of_the_best_whole_number(price: float) -> None:
    rng = np.random.default_rng(5)
    problem = fo.Problem(
        payload_bits=rng.uniform(1e5, 5e6, 6),
        cn0_hz=rng.uniform(1e6, 1e8, 6),
        bandwidth_hz=2e6,
        resource_block_hz=180e3,
        objective="total",
    )
    ours = priced_costs(problem, price)
    for n in range(6):
        options = [
            price * m * 180e3 + problem.upload_s(np.full(6, m * 180e3))[n]
            for m in range(1, problem.resource_blocks + 1)
        ]
        assert ours[n] == pytest.approx(min(options), rel=1e-13)
        assert ours[n] <= min(options)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 9))
def test_the_best_split_in_blocks_is_that_of_enumeration(seed: int, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    problem = fo.Problem(
        payload_bits=rng.uniform(1e5, 5e6, n),
        cn0_hz=rng.uniform(1e6, 1e8, n),
        bandwidth_hz=blocks * 180e3,
        resource_block_hz=180e3,
        max_bandwidth_hz=rng.choice([np.inf, 4e5], n),
        objective="total",
    )
    everybody = np.ones(n, dtype=bool)
    truth = naive_blocks.best_split(problem, everybody)
    assert best_total_in_blocks(problem, everybody) == pytest.approx(truth, rel=1e-13)


def test_the_carrier_in_blocks_is_what_the_blocks_amount_to() -> None:
    problem = fo.Problem(payload_bits=[1e6], cn0_hz=1e7, bandwidth_hz=1e6, resource_block_hz=180e3)
    assert carrier_hz(problem) == pytest.approx(900e3, rel=1e-15)
    assert carrier_hz(problem.replace(resource_block_hz=None)) == 1e6
