"""Whole blocks: rounding up, the better neighbour, and the greedy order against enumeration."""

from __future__ import annotations

import itertools
import math
from bisect import bisect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.kernels.blocks import cheaper_neighbour, fill_blocks, whole_blocks
from fedss_opt.kernels.client_model import upload_time
from fedss_opt.kernels.oracle import deadline_response, price_response
from tests.strategies import decades


@pytest.mark.parametrize(
    ("bandwidth", "block", "expected"),
    [(0.0, 2.0, 2.0), (1.0, 2.0, 2.0), (2.0, 2.0, 2.0), (2.1, 2.0, 4.0), (0.3, 0.1, 0.1 * 3), (1e30, 1e-30, 1e30)],
)
def test_rounds_up_to_whole_blocks(bandwidth: float, block: float, expected: float) -> None:
    assert whole_blocks(bandwidth, block) == pytest.approx(expected, rel=2e-15)  # the allowance itself


def test_no_bandwidth_is_enough_where_none_is() -> None:
    assert whole_blocks(math.inf, 1.0) == math.inf


@given(count=st.integers(1, 10**6), block=decades(1e-3, 1e6), ulps=st.integers(-4, 4))
def test_whole_but_for_rounding_stays(count: int, block: float, ulps: int) -> None:
    bandwidth = count * block * (1.0 + ulps * 2.0**-52)
    assert round(whole_blocks(bandwidth, block) / block) == count


@pytest.mark.parametrize("model", [0, 1])
@given(
    payload=decades(1e3, 1e7),
    link=decades(0.1, 1e3),
    weight=decades(0.1, 10.0),
    price=decades(1e-9, 1e3),
    most=st.integers(1, 40),
)
def test_the_priced_bandwidth_is_the_best_of_all(
    model: int, payload: float, link: float, weight: float, price: float, most: int
) -> None:
    """1e-12: the figures compared are sums of two terms, each to a few ulp."""
    block = 3.0
    b, _ = price_response(model, payload, link, weight, block, most * block, block, price)
    assert b / block == round(b / block)
    costs = [weight * upload_time(model, payload, link, m * block) + price * m * block for m in range(1, most + 1)]
    assert costs[round(b / block) - 1] <= min(costs) * (1.0 + 1e-12)


def test_ties_go_to_the_smaller_number() -> None:
    # Flat: 12 / b saves 12/2 - 12/3 = 2 s from two to three blocks of 1 Hz.
    assert cheaper_neighbour(True, 12.0, 1.0, 1.0, 2.0, 2.5, 1.0) == 2.0
    assert cheaper_neighbour(True, 12.0, 1.0, 1.0, 1.99, 2.5, 1.0) == 3.0


@pytest.mark.parametrize("model", [0, 1])
def test_deadlines_are_met_in_whole_blocks(model: int) -> None:
    free, slope = deadline_response(model, 1e6, 4e6, 0.5, 0.0, math.inf, 0.0, 2.0)
    block = free / 3.5
    b, same = deadline_response(model, 1e6, 4e6, 0.5, block, 10 * block, block, 2.0)
    assert b == pytest.approx(4 * block)
    assert same == slope
    assert deadline_response(model, 1e6, 4e6, 0.5, block, 4 * block, block, 2.0)[0] == b
    assert deadline_response(model, 1e6, 4e6, 0.5, block, 3 * block, block, 2.0)[0] == math.inf
    assert deadline_response(model, 1e6, 4e6, 0.5, 6 * block, 9 * block, block, 2.0) == (6 * block, 0.0)


@pytest.mark.parametrize("model", [0, 1])
@pytest.mark.parametrize("seed", range(20))
def test_what_a_price_leaves_over_is_handed_out_best(model: int, seed: int) -> None:
    """Twin clients want the next block at the same price; the split is compared with every other one."""
    rng = np.random.default_rng(seed)
    n, block, total = 3, 0.7, int(rng.integers(3, 12))
    payload, link, weight = np.full(n, 2.0), np.full(n, 3.0), rng.choice([1.0, 2.0], n)
    high = block * rng.integers(1, 6, n)

    def wanted(step: int) -> np.ndarray:
        price = 1e9 * 0.999**step
        return np.array(
            [price_response(model, payload[i], link[i], weight[i], block, high[i], block, price)[0] for i in range(n)]
        )

    # At the lowest price at which all that is asked for fits; or at hardly any, where all that may be had does.
    first = bisect(range(41_000), False, key=lambda step: np.rint(wanted(step).sum() / block) > total)
    share = wanted(first - 1)
    left = float(total - np.rint(share.sum() / block))
    fill_blocks(model, payload, link, weight, high, block, left, share)

    def value(counts: tuple[int, ...]) -> float:
        return sum(weight[i] * upload_time(model, payload[i], link[i], counts[i] * block) for i in range(n))

    options = itertools.product(*(range(1, round(h / block) + 1) for h in high))
    best = min(value(counts) for counts in options if sum(counts) <= total)
    mine = tuple(int(m) for m in np.rint(share / block))
    assert sum(mine) <= total
    assert value(mine) <= best * (1.0 + 1e-13)


def test_the_one_block_left_over_goes_to_whom_it_helps_most() -> None:
    """Times of S/(2 b): one block more saves the second client, with twice the payload, twice as much."""
    bandwidth = np.full(3, 2.0)
    payload, ones = np.array([1.0, 2.0, 1.0]), np.ones(3)
    fill_blocks(True, payload, 2.0 * ones, ones, 9.0 * ones, 1.0, 1.0, bandwidth)
    assert bandwidth.tolist() == [2.0, 3.0, 2.0]
    fill_blocks(True, payload, 2.0 * ones, np.array([5.0, 1.0, 1.0]), np.array([9.0, 9.0, 2.0]), 1.0, 3.0, bandwidth)
    assert bandwidth.tolist() == [3.0, 4.0, 2.0]


def test_blocks_are_a_product_that_is_rounded_once() -> None:
    """203 blocks of 0.1 Hz are 20.3 Hz, and not 20.200000000000003 Hz and one block more."""
    problem = fo.Problem(
        payload_bits=[2e6, 2.5e6],
        cn0_hz=[20.0, 55.0],
        bandwidth_hz=40.0,
        resource_block_hz=0.1,
        relevance=[[1.0, 1.0]],
        required=2.0,
        objective="total",
    )
    for bandwidth in fo.solve(problem).bandwidth_hz.tolist():
        assert bandwidth == round(bandwidth / 0.1) * 0.1
