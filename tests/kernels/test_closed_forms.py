"""The closed forms against arbitrary precision, over their whole domain.

Errors are measured in units of ``eps = 2^-52`` relative to the exact value. What was seen: least bandwidths
within 2.4 eps, their slopes within 4.8, priced bandwidths within 2.5, their slopes within 250.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from fedss_opt.client_models import flat
from fedss_opt.kernels.cell import ROUND_UP
from fedss_opt.kernels.closed_forms import best_bandwidth, least_bandwidth, least_bandwidth_inline, upload_time

EPS = float(np.finfo(float).eps)
LN2 = math.log(2.0)
DIGITS = 90  # x is as small as 1e-16 and log1p(x) - x/(1+x) is x^2/2: 33 digits cancel

Client = tuple[float, float, float, float]  # payload, cn0, start, deadline


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with mp.workdps(DIGITS):
        yield


def _surplus(client: Client, b: mpf) -> tuple[mpf, mpf]:
    """What the rate on b Hz has over the rate needed, times ln 2, and its slope in b."""
    payload, cn0, start, deadline = map(mpf, client)
    x = cn0 / b
    rate = mpmath.log1p(x)
    return b * rate - payload * mp.ln2 / (deadline - start), rate - x / (1 + x)


def _least_bandwidth(client: Client, near: float) -> tuple[mpf, mpf]:
    """Exact bandwidth and slope, by Newton steps (each doubles the digits) from a good double."""
    b = mpf(near)
    for _ in range(4):
        surplus, slope = _surplus(client, b)
        b -= surplus / slope
    payload, _, start, deadline = map(mpf, client)
    return b, -payload * mp.ln2 / (deadline - start) ** 2 / _surplus(client, b)[1]


def _error(value: float, exact: mpf) -> float:
    return abs(float((mpf(value) - exact) / exact)) / EPS


def _nearly_impossible(count: int, seed: int) -> list[Client]:
    """Clients with 1 - G from 1e-16 to 1, with and without a start that the deadline cancels against."""
    rng = np.random.default_rng(seed)
    clients = []
    for d in np.logspace(-16, -1e-3, count):
        payload, cn0 = 10.0 ** rng.uniform(3, 8), 10.0 ** rng.uniform(4, 10)
        tau = payload * LN2 / cn0 / (1.0 - d)
        start = float(rng.choice([0.0, 0.3, 1.0, 50.0])) * tau
        clients.append((payload, cn0, start, start + tau))
    return clients


def _plentiful(count: int, seed: int) -> list[Client]:
    """Clients with G from 0.9 down to 1e-200: payloads of one bit and channels without a ceiling."""
    rng = np.random.default_rng(seed)
    clients = []
    for gauge in np.logspace(-200, math.log10(0.9), count):
        payload, tau = 10.0 ** rng.uniform(0, 8), 10.0 ** rng.uniform(-3, 3)
        start = float(rng.choice([0.0, 0.3, 1.0])) * tau
        clients.append((payload, payload * LN2 / tau / gauge, start, start + tau))
    return clients


def _around_the_branch() -> list[Client]:
    """1 - G on both sides of 0.6, where one formula hands over to the other."""
    return [(1e6, 1e6 * LN2 / (1.0 - d), 0.0, 1.0) for d in 0.6 + np.linspace(-1e-12, 1e-12, 41)]


SWEEPS = {
    "nearly impossible": _nearly_impossible(400, 1),
    "plentiful": _plentiful(400, 2),
    "around the branch": _around_the_branch(),
}


@pytest.mark.parametrize("sweep", SWEEPS)
def test_least_bandwidth_is_within_four_ulp(sweep: str) -> None:
    checked = 0
    for client in SWEEPS[sweep]:
        b, slope = least_bandwidth(*client)
        if b == math.inf:  # checked below, for what is and is not infeasible
            continue
        exact, exact_slope = _least_bandwidth(client, b)
        assert _error(b, exact) <= 4.0
        assert _error(slope, exact_slope) <= 8.0
        checked += 1
    assert checked >= 0.9 * len(SWEEPS[sweep])


@pytest.mark.parametrize("sweep", SWEEPS)
def test_least_bandwidth_without_a_branch_is_the_same_number(sweep: str) -> None:
    """Bit for bit, so that no answer depends on which of the two a loop calls."""
    for client in SWEEPS[sweep]:
        assert least_bandwidth_inline(*client) == least_bandwidth(*client)


def _reach(client: Client) -> mpf:
    """The bits that infinite bandwidth would carry by the deadline, less the payload, times ln 2: g tau d."""
    payload, cn0, start, deadline = map(mpf, client)
    return cn0 * (deadline - start) - payload * mp.ln2


def test_infeasible_exactly_where_exact_arithmetic_says_so() -> None:
    """Deadlines within a few ulps of the least there is: g tau in doubled precision decides each one rightly.

    The error of d is a few eps^2, a hundred bits, and these are not that near to a tie. Relative to a d far below
    eps it grows as eps^2 / d: only for bandwidths beyond 1e16 times C/N0, which no carrier has.
    """
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(500):
        payload, cn0 = float(10.0 ** rng.uniform(0, 9)), float(10.0 ** rng.uniform(0, 12))
        tau = payload * LN2 / cn0
        start = float(rng.choice([0.0, 0.4, 7.0])) * tau
        deadline = start + tau
        for _ in range(int(rng.integers(0, 3))):
            deadline = math.nextafter(deadline, math.inf if rng.random() < 0.5 else 0.0)
        client = (payload, cn0, start, deadline)
        b, slope = least_bandwidth(*client)
        assert (b == math.inf) == (_reach(client) <= 0)
        if b == math.inf:
            assert slope == 0.0
        else:
            d = float(_reach(client) / (mpf(cn0) * (mpf(deadline) - mpf(start))))
            assert _error(b, _least_bandwidth(client, b)[0]) <= 4.0 + 8.0 * EPS / d
        verdicts.append(b == math.inf)
    assert 100 <= sum(verdicts) <= 400  # both sides were seen


@pytest.mark.parametrize("form", [least_bandwidth, least_bandwidth_inline, flat.least_bandwidth])
def test_least_bandwidth_at_the_ends_of_time(form) -> None:
    for start, deadline in [(1.0, 1.0), (1.0, 0.5), (0.0, 0.0), (0.0, -1.0), (math.inf, math.inf)]:
        assert form(1e6, 1e7, start, deadline) == (math.inf, 0.0)
    assert form(1e6, 1e7, 1.0, math.inf) == (0.0, 0.0)
    for deadline in (1e150, 1e250, 1e308):  # next to nothing suffices, whatever overflows on the way
        assert 0.0 <= form(1e6, 1e7, 1.0, deadline)[0] < 1e-140
    assert form(1e6, 1e7, 0.0, math.nan)[0] == math.inf


@pytest.mark.parametrize("sweep", SWEEPS)
def test_rounding_up_keeps_the_deadline_in_exact_arithmetic(sweep: str) -> None:
    for client in SWEEPS[sweep]:
        b, _ = least_bandwidth(*client)
        if b < math.inf:
            assert _surplus(client, mpf(b * ROUND_UP))[0] >= 0
            # And it is not much more than needed: 4 for the closed form, 6 and a half for the product.
            assert _surplus(client, mpf(b) * (1 - mpf(5 * EPS)))[0] < 0


@pytest.mark.parametrize("sweep", SWEEPS)
def test_upload_time_undoes_least_bandwidth(sweep: str) -> None:
    """The time on the least bandwidth is the deadline, as far as the time is sensitive to bandwidth at all."""
    for client in SWEEPS[sweep]:
        payload, cn0, start, deadline = client
        b, _ = least_bandwidth(*client)
        if b == math.inf:
            continue
        tau = float(mpf(deadline) - mpf(start))
        # Bandwidth errs by 4 eps and time moves by no more than that; g / b, log1p, the products and ln 2 are
        # half an eps each, and log1p passes on no more than what its argument has.
        assert upload_time(payload, cn0, b) == pytest.approx(tau, rel=8 * EPS)


def test_no_bandwidth_takes_for_ever() -> None:
    assert upload_time(1.0, 1.0, 0.0) == flat.upload_time(1.0, 1.0, 0.0) == math.inf


def test_least_bandwidth_decreases_in_the_deadline() -> None:
    """To within its rounding: two neighbouring values may be the wrong way round by twice 4 eps."""
    taus = 1.0 + np.logspace(-15, 3, 2000)
    b = np.array([least_bandwidth(1e6, 1e6 * LN2, 0.0, float(t))[0] for t in taus])
    assert (b[1:] <= b[:-1] * (1 + 8 * EPS)).all()
    slopes = np.array([least_bandwidth(1e6, 1e6 * LN2, 0.0, float(t))[1] for t in taus])
    assert (slopes < 0.0).all()


def test_flat_least_bandwidth_in_rational_arithmetic() -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        payload, efficiency, start, tau = (float(v) for v in 10.0 ** rng.uniform(-3, 6, 4))
        deadline = start + tau
        b, slope = flat.least_bandwidth(payload, efficiency, start, deadline)
        left = Fraction(deadline) - Fraction(start)
        exact = Fraction(payload) / (Fraction(efficiency) * left)
        # Subtraction, product and quotient: half an eps each; the slope has one more difference and quotient.
        assert abs(Fraction(b) / exact - 1) <= Fraction(2 * EPS)
        assert abs(Fraction(slope) / (-exact / left) - 1) <= Fraction(4 * EPS)
        assert Fraction(b * ROUND_UP) * Fraction(efficiency) * left >= Fraction(payload)
        assert flat.upload_time(payload, efficiency, b) == pytest.approx(float(left), rel=4 * EPS)


# -- the price --


def _marginal(x: mpf) -> mpf:
    """h(x), increasing, equal to kappa = lambda g^2 / (w S ln2) at the minimiser."""
    length = mpmath.log1p(x)
    return x**2 * (length - x / (1 + x)) / length**2


def _priced(payload: float, cn0: float, weight: float, price: float, near: float) -> tuple[mpf, mpf]:
    """Exact minimiser and its slope in the price, by Newton in log x from a good double."""
    kappa = mpf(price) * mpf(cn0) ** 2 / (mpf(weight) * mpf(payload) * mp.ln2)
    x = mpf(cn0) / mpf(near)
    for _ in range(4):
        length, share = mpmath.log1p(x), x / (1 + x)
        elasticity = 2 + share**2 / (length - share) - 2 * share / length
        x *= mpmath.exp(mpmath.log(kappa / _marginal(x)) / elasticity)
    b = mpf(cn0) / x
    return b, -b / (mpf(price) * elasticity)


def _priced_clients(count: int) -> list[Client]:
    rng = np.random.default_rng(5)
    clients = []
    for kappa in np.logspace(-30, 30, count):
        payload, cn0, weight = 10.0 ** rng.uniform(3, 8), 10.0 ** rng.uniform(4, 10), 10.0 ** rng.uniform(-2, 2)
        clients.append((payload, cn0, weight, kappa * weight * payload * LN2 / cn0**2))
    return clients


def test_priced_bandwidth_of_extreme_prices() -> None:
    """Beyond what any Problem holds, as long as nothing overflows: one step is enough for the start there, too."""
    for kappa in 10.0 ** np.arange(-150.0, 151.0, 10.0):
        client = (1e6, 1e6, 1.0, float(kappa) * 1e6 * LN2 / 1e12)
        b, _ = best_bandwidth(*client)
        with mp.workdps(2 * DIGITS + 150):
            assert _error(b, _priced(*client, near=b)[0]) <= 4.0


def test_priced_bandwidth_is_within_four_ulp() -> None:
    for client in _priced_clients(900):
        b, slope = best_bandwidth(*client)
        exact, exact_slope = _priced(*client, near=b)
        assert _error(b, exact) <= 4.0
        # The elasticity is that of the last Newton step's start: second order in what the step still moved.
        assert float(abs(mpf(slope) / exact_slope - 1)) <= 1e-12


def test_no_grid_point_beats_the_price_minimiser() -> None:
    """From the objective alone: nothing nearby, and nothing far away, costs less."""
    steps = np.concatenate([np.logspace(-8, 4, 40), -np.logspace(-8, -0.01, 40)])
    for payload, cn0, weight, price in _priced_clients(60):
        b, _ = best_bandwidth(payload, cn0, weight, price)

        def cost(bandwidth: np.ndarray | float, data: Client = (payload, cn0, weight, price)) -> np.ndarray | float:
            return data[2] * data[0] * LN2 / (bandwidth * np.log1p(data[1] / bandwidth)) + data[3] * bandwidth

        # Five roundings in each term.
        assert (cost(b * (1.0 + steps)) >= cost(b) * (1 - 6 * EPS)).all()


def test_flat_price_minimiser_in_rational_arithmetic() -> None:
    rng = np.random.default_rng(6)
    for _ in range(300):
        payload, efficiency, weight, price = (float(v) for v in 10.0 ** rng.uniform(-3, 6, 4))
        b, slope = flat.best_bandwidth(payload, efficiency, weight, price)
        square = Fraction(weight) * Fraction(payload) / (Fraction(efficiency) * Fraction(price))
        # Three roundings, halved by the root, and the root's own: below 2 half-eps; squared, twice that.
        assert abs(Fraction(b) ** 2 / square - 1) <= Fraction(4 * EPS)
        assert slope == pytest.approx(-0.5 * b / price, rel=2 * EPS)
        for factor in (1 - 1e-7, 1 + 1e-7, 0.3, 7.0):  # the exact cost, against neighbours
            here, there = Fraction(b), Fraction(b * factor)
            time = Fraction(weight) * Fraction(payload) / Fraction(efficiency)
            assert time / here + Fraction(price) * here < time / there + Fraction(price) * there


def test_flat_is_the_limit_of_a_narrow_band() -> None:
    """Where bandwidth is short, Shannon's rate is linear in it but for a logarithm: both forms move alike."""
    wide, _ = least_bandwidth(1e6, 1e12, 0.0, 1.0)
    efficiency = math.log2(1.0 + 1e12 / wide)
    # One product, one quotient and a logarithm, besides the closed form's 4 ulp.
    assert flat.least_bandwidth(1e6, efficiency, 0.0, 1.0)[0] == pytest.approx(wide, rel=8 * EPS)
