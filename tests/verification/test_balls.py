"""Enclosures contain what 60 digits of mpmath, by bisection of the equations, say."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from mpmath import mp, mpf

import fedss_opt as fo
from fedss_opt.exceptions import MissingDependencyError
from fedss_opt.verification import balls
from fedss_opt.verification.ball_dual import BallClient, BallDual
from fedss_opt.verification.balls import arb, least_bandwidth, priced_bandwidth, refine

from .. import naive
from ..strategies import decades, problems


def contains(ball, value: mpf) -> bool:
    """Whether a ball contains a number of 60 digits, whose own error is about 1e-50 of it."""
    with mp.workdps(naive.DIGITS), balls.working_precision(400):
        middle = balls.flint().arb(mpmath.nstr(value, naive.DIGITS - 8))
        return bool((ball - middle).contains(0)) or abs(float((ball - middle) / middle)) < 1e-26


def sharp(ball) -> bool:
    return float(ball.rad()) <= 1e-24 * abs(float(ball.mid()))


@settings(max_examples=30)
@given(decades(1e-14, 0.9), decades(1e3, 1e9), decades(1e-3, 1e3))
def test_least_bandwidths_contain_the_root(room, payload, upload):
    cn0 = payload * math.log(2.0) / upload / (1.0 - room)
    problem = fo.Problem(payload_bits=[payload], cn0_hz=cn0, bandwidth_hz=1e29)
    true = naive.least_bandwidth_unclamped(problem, 0, mpf(upload))
    ball = refine(lambda: least_bandwidth(payload, arb(upload), cn0, None))
    if mpmath.isinf(true):
        assert ball is None
    else:
        assert contains(ball, true)
        assert sharp(ball)


@pytest.mark.parametrize("gauge", [1e-3, 1e-20, 1e-100, 1e-250])
def test_least_bandwidths_of_excellent_channels(gauge):
    payload, upload = 1e-25, 1e8
    cn0 = payload * math.log(2.0) / upload / gauge
    ball = refine(lambda: least_bandwidth(payload, arb(upload), cn0, None))
    with balls.working_precision(400):
        low, high = ball.lower(), ball.upper()
        assert balls.rate(low, cn0, None) * upload < payload < balls.rate(high, cn0, None) * upload
    assert sharp(ball)


def test_no_bandwidth_is_none():
    assert refine(lambda: least_bandwidth(1e6, arb(0.0), 1e6, None)) is None
    assert refine(lambda: least_bandwidth(1e6, arb(-1.0), None, 2.0)) is None
    assert refine(lambda: least_bandwidth(1e6, arb(0.5), 1e6, None)) is None
    assert float(refine(lambda: least_bandwidth(1e6, arb(0.5), None, 2.0))) == 1e6


@settings(max_examples=30)
@given(decades(1e-30, 1e30), decades(1e3, 1e9), decades(1e-2, 1e9))
def test_priced_bandwidths_contain_the_minimiser(kappa, payload, cn0):
    price = kappa / cn0 / cn0 * payload
    problem = fo.Problem(payload_bits=[payload], cn0_hz=cn0, bandwidth_hz=1e30, objective="total")
    true = naive.priced_bandwidth(problem, 0, price)
    ball = refine(lambda: priced_bandwidth(payload, 1.0, price, cn0, None))
    if true < mpf(10) ** 29:  # else the carrier binds
        assert contains(ball, true)
        assert sharp(ball)


@settings(max_examples=30)
@given(problems(min_clients=1, max_clients=5))
def test_costs_contain_those_of_the_naive_twin(problem):
    typical = float(np.median(problem.upload_s(problem.bandwidth_hz / problem.n_clients)))
    theta = typical if problem.objective is fo.Objective.MAKESPAN else typical / problem.bandwidth_hz
    for n in range(problem.n_clients):
        client = BallClient(problem, n)
        cost = client.deadline_cost if problem.objective is fo.Objective.MAKESPAN else client.price_cost
        ball = refine(lambda cost=cost: cost(theta))
        true = naive.cost(problem, n, theta)
        assert (ball is None) == bool(mpmath.isinf(true))
        if ball is not None:
            assert contains(ball, true)


@settings(max_examples=30)
@given(problems(min_clients=1, max_clients=5))
def test_the_bound_is_not_below_the_naive_one(problem):
    """The twin cuts a relevance at what is open, the certificate 1e-12 of the requirement above it."""
    mu = np.full(problem.n_tasks, problem.bandwidth_hz / max(problem.n_clients, 1))
    typical = float(np.median(problem.upload_s(problem.bandwidth_hz / problem.n_clients)))
    theta = typical if problem.objective is fo.Objective.MAKESPAN else typical / problem.bandwidth_hz
    ball, true = BallDual(problem, mu).value(theta), naive.dual_value(problem, mu, theta)
    assert (ball is None) == bool(mpmath.isinf(true))
    if ball is not None:
        scale = float(mu @ problem.required) + 1e-300
        assert abs(float(ball) - float(true)) <= 1e-10 * (abs(float(true)) + problem.n_clients * scale)


def test_rounding_outwards():
    with balls.working_precision(200):
        third = arb(1) / 3
        assert balls.lower_float(third) < third < balls.lower_float(third) + 2.0**-53
        assert balls.lower_float(arb(0.5)) == 0.5


def test_without_flint_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "flint", None)
    with pytest.raises(MissingDependencyError, match=r"fedss-opt\[verify\]"):
        balls.flint()
