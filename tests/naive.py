"""Slow, obvious twins of everything that is fast in the package.

Written from the equations of ``docs/explanation/mathematics.md`` alone; nothing here is imported from the kernels or
the solvers. Two layers:

* *arbitrary precision* (mpmath, `DIGITS` digits): one client at a time, by bracketing a root of the equation itself.
  The judge of closed forms.
* *double precision* (NumPy and SciPy's bracketing): all clients at once, so that brute force over every
  selection is affordable. Checked against the first layer in ``test_naive.py``.

A selected client can never use more than the whole band: wherever a greatest bandwidth matters it is
``min(m_n, B)``. Coverage is decided against ``problem.coverage_target``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import mpmath
import numpy as np
from mpmath import mp, mpf
from scipy.optimize import brentq, linprog, nnls

from fedss_opt import Objective, Problem

DIGITS = 60
INF = math.inf

# =========================================================================================================
# Arbitrary precision, one client at a time
# =========================================================================================================


def _mpf(value: float) -> mpf:
    return mpf(float(value))


def rate(problem: Problem, n: int, bandwidth: mpf) -> mpf:
    """r_n(b), bit/s."""
    with mp.workdps(DIGITS):
        if problem.cn0_hz is None:
            return _mpf(problem.spectral_efficiency[n]) * bandwidth
        return bandwidth * mpmath.log1p(_mpf(problem.cn0_hz[n]) / bandwidth) / mpmath.log(2)


def rate_slope(problem: Problem, n: int, bandwidth: mpf) -> mpf:
    """r_n'(b), bit/s/Hz."""
    with mp.workdps(DIGITS):
        if problem.cn0_hz is None:
            return _mpf(problem.spectral_efficiency[n])
        x = _mpf(problem.cn0_hz[n]) / bandwidth
        return (mpmath.log1p(x) - x / (1 + x)) / mpmath.log(2)


def _root_of_increasing(function, target: mpf, start: mpf) -> mpf:
    """The argument > 0 at which an increasing function reaches `target`; it must exist.

    Between two ends that enclose it, every third step halves and the others follow the chord (the Illinois rule): a
    dozen evaluations, where halving alone takes two hundred.
    """
    low = high = start
    while (above := function(high) - target) < 0:
        high *= 2
    while (below := function(low) - target) > 0:
        low /= 2
    side = step = 0
    while high - low > high * mpf(10) ** (8 - DIGITS):
        step += 1
        middle = (low + high) / 2 if step % 3 == 0 else high - above * (high - low) / (above - below)
        if not low < middle < high:
            middle = (low + high) / 2
        value = function(middle) - target
        if value < 0:
            low, below = middle, value
            above, side = above / 2 if side == -1 else above, -1
        else:
            high, above = middle, value
            below, side = below / 2 if side == 1 else below, 1
    return high


def least_bandwidth_unclamped(problem: Problem, n: int, upload: mpf) -> mpf:
    """Least bandwidth that uploads within `upload` seconds, bounds aside; inf where none does."""
    with mp.workdps(DIGITS):
        if upload <= 0:
            return mpf("inf")
        if mpmath.isinf(upload):
            return mpf(0)
        target = _mpf(problem.payload_bits[n]) / upload
        start = mpf(1)
        if problem.cn0_hz is not None:
            start = _mpf(problem.cn0_hz[n])
            if target >= start / mpmath.log(2):  # what the rate tends to on an infinite band
                return mpf("inf")
        return _root_of_increasing(lambda b: rate(problem, n, b), target, start)


def least_bandwidth(problem: Problem, n: int, deadline: float | mpf) -> mpf:
    """beta_n(T) with all its clamps: inf where client n cannot finish by T."""
    with mp.workdps(DIGITS):
        upload = min(mpf(deadline) - _mpf(problem.compute_s[n]), _mpf(problem.max_upload_s[n]))
        b = max(least_bandwidth_unclamped(problem, n, upload), _mpf(problem.min_bandwidth_hz[n]))
        return b if upload > 0 and b <= _most(problem, n) else mpf("inf")


def least_bandwidth_slope(problem: Problem, n: int, deadline: float | mpf) -> mpf:
    """d beta_n / dT; 0 where a bound or the longest upload binds, NaN where beta is infinite."""
    with mp.workdps(DIGITS):
        upload = mpf(deadline) - _mpf(problem.compute_s[n])
        b = least_bandwidth(problem, n, deadline)
        if mpmath.isinf(b):
            return mpf("nan")
        if upload >= _mpf(problem.max_upload_s[n]) or b <= _mpf(problem.min_bandwidth_hz[n]):
            return mpf(0)
        return -_mpf(problem.payload_bits[n]) / upload**2 / rate_slope(problem, n, b)


def _most(problem: Problem, n: int) -> mpf:
    return min(_mpf(problem.max_bandwidth_hz[n]), _mpf(problem.bandwidth_hz))


def priced_bandwidth(problem: Problem, n: int, price: float | mpf) -> mpf:
    """The bandwidth that minimises w t(b) + lambda b within the bounds; NaN where the bounds exclude all."""
    with mp.workdps(DIGITS):
        least, most = least_bandwidth(problem, n, mpf("inf")), _most(problem, n)
        if mpmath.isinf(least):
            return mpf("nan")
        price = mpf(price)
        if price <= 0:
            return most
        scale = _mpf(problem.weights[n]) * _mpf(problem.payload_bits[n])

        def saving(b: mpf) -> mpf:  # what one more Hz saves, s/Hz; decreasing in b
            return scale * rate_slope(problem, n, b) / rate(problem, n, b) ** 2

        if saving(most) >= price:
            return most
        if least > 0 and saving(least) <= price:
            return least
        return _root_of_increasing(lambda b: -saving(b), -price, most)


def priced_cost(problem: Problem, n: int, price: float | mpf) -> mpf:
    """phi_n(lambda) = w c + min_b [w t(b) + lambda b]; inf where the bounds exclude all."""
    with mp.workdps(DIGITS):
        b = priced_bandwidth(problem, n, price)
        if mpmath.isnan(b):
            return mpf("inf")
        time = _mpf(problem.compute_s[n]) + _mpf(problem.payload_bits[n]) / rate(problem, n, b)
        return _mpf(problem.weights[n]) * time + mpf(price) * b


def cost(problem: Problem, n: int, theta: float | mpf) -> mpf:
    """phi_n(theta) of the problem's objective."""
    if problem.objective is Objective.MAKESPAN:
        return least_bandwidth(problem, n, theta)
    return priced_cost(problem, n, theta)


def dual_value(problem: Problem, multipliers, theta: float | mpf, *, tightened: bool = True) -> mpf:
    """D(mu, theta): below the least sum of phi_n(theta) over all admissible covering selections.

    Tightened, clients that a task cannot do without count as mandatory, and each task asks of the clients that are
    free to be left out what those leave open, rounded up to whole steps where relevance comes in steps, and a
    relevance beyond that counts as just that: a 0/1 selection covers one way if and only if it covers the other, and
    the bound only rises. For total latency D is before ``- lambda B``. Inf where a mandatory client can never take
    part.
    """
    if tightened:
        problem = problem.replace(mandatory=problem.mandatory | forced(problem))
    with mp.workdps(DIGITS):
        mu = [_mpf(m) for m in multipliers]
        open_, relevance = [], []
        for k in range(problem.n_tasks):
            target, row = _mpf(problem.coverage_target[k]), [_mpf(r) for r in problem.relevance[k]]
            if tightened:
                target = _whole_steps(problem, k)
                row = [mpf(0) if m else min(r, target) for r, m in zip(row, problem.mandatory, strict=True)]
            open_.append(target)
            relevance.append(row)
        total = sum((m * q for m, q in zip(mu, open_, strict=True)), mpf(0))
        for n in range(problem.n_clients):
            if not problem.available[n]:
                continue
            reward = sum((m * row[n] for m, row in zip(mu, relevance, strict=True)), mpf(0))
            reduced = cost(problem, n, theta) - reward
            total += reduced if problem.mandatory[n] else min(mpf(0), reduced)
        return total


def forced(problem: Problem) -> np.ndarray:
    """Clients without whom some task misses its target, though everybody else who can take part is selected."""
    able = [n for n in range(problem.n_clients) if admissible(problem, n)]
    marks = np.zeros(problem.n_clients, dtype=bool)
    for row, target in zip(problem.relevance, problem.coverage_target, strict=True):
        offers = {n: Fraction(float(row[n])) for n in able}
        for n in able:
            others = sum(offers.values(), Fraction(0)) - offers[n]
            marks[n] |= bool(target > 0.0) and others < Fraction(float(target)) <= others + offers[n]
    return marks


def _whole_steps(problem: Problem, k: int) -> mpf:
    """What the mandatory clients leave open of task k, rounded up to a multiple of the free clients' common step."""
    target = Fraction(float(problem.coverage_target[k]))
    step = Fraction(0)
    for n in range(problem.n_clients):
        r = Fraction(float(problem.relevance[k, n]))
        if problem.mandatory[n]:
            target -= r
        elif problem.available[n] and admissible(problem, n):
            both = r.denominator * step.denominator
            step = Fraction(math.gcd(int(r * both), int(step * both)), both)
    if target > 0 and step > 0 and problem.relevance[k].max() <= 1e6 * float(step):
        target = math.ceil(target / step) * step
    return max(mpf(target.numerator) / mpf(target.denominator), mpf(0))


def admissible(problem: Problem, n: int) -> bool:
    """Whether client n, alone on the whole band, could ever take part."""
    return bool(problem.available[n]) and bool(mpmath.isfinite(least_bandwidth(problem, n, mpf("inf"))))


# =========================================================================================================
# Double precision, all clients at once
# =========================================================================================================


_SETTLED = 1e-12  # a Newton step this small, relatively, leaves an error of its square


def least_bandwidths(problem: Problem, deadline: float) -> np.ndarray:
    """beta_n(T) of every client (whether available or not)."""
    upload = np.minimum(deadline - problem.compute_s, problem.max_upload_s)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if problem.cn0_hz is None:
            b = problem.payload_bits / (problem.spectral_efficiency * upload)
        else:
            # log1p(x)/x = G with L = log1p(x): f(L) = log(expm1(L)/L) = -log G. f is increasing and convex
            # and f(L) >= L/2, so Newton from L = 2 (-log G) comes down monotonically, slope in [1/2, 1].
            room = problem.cn0_hz * upload
            bits = problem.payload_bits * math.log(2.0)
            y = np.where(room > 2.0 * bits, np.log(room / bits), -np.log1p(-(room - bits) / room))
            y = np.where(bits < room, y, 0.0)
            length = 2.0 * y
            for _ in range(12):
                step = (_log_expm1_ratio(length) - y) / _log_expm1_ratio_slope(length)
                length -= step
                if not np.any(np.abs(step) > _SETTLED * length):
                    break
            b = np.where(bits < room, bits / upload / length, INF)
            b = np.where(np.isinf(upload), 0.0, b)
        b = np.where(upload > 0.0, b, INF)
        b = np.maximum(b, problem.min_bandwidth_hz)
    return np.where(b <= np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz), b, INF)


def _log_expm1_ratio(length: np.ndarray) -> np.ndarray:
    """log(expm1(L)/L), by its series where the logarithm would cancel, and without overflow."""
    square = length * length
    series = length / 2 + square * (1 / 24 - square * (1 / 2880 - square / 181440))
    plain = length + np.log(-np.expm1(-length) / length)
    return np.where(length < 0.02, series, plain)


def _log_expm1_ratio_slope(length: np.ndarray) -> np.ndarray:
    plain = -1.0 / np.expm1(-length) - 1.0 / length
    return np.where(length < 0.02, 0.5 + length * (1 / 12 - length * length / 720), plain)


def priced_bandwidths(problem: Problem, price: float, least: np.ndarray | None = None) -> np.ndarray:
    """The minimiser of w t(b) + lambda b of every client, clamped; NaN where its bounds exclude all.

    `least` is ``least_bandwidths(problem, INF)``, for who asks at many prices.
    """
    least = least_bandwidths(problem, INF) if least is None else least
    most = np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if price <= 0.0:
            b = most
        elif problem.cn0_hz is None:
            b = np.sqrt(problem.weights * problem.payload_bits / (problem.spectral_efficiency * price))
        else:
            target = np.log(price) + 2.0 * np.log(problem.cn0_hz)
            target = target - np.log(problem.weights) - np.log(problem.payload_bits) - math.log(math.log(2.0))
            # log h(z), z = log x, has a slope in (1, 2]: Newton from the asymptote of small x converges.
            z = np.minimum(0.5 * (target + math.log(2.0)), 340.0)
            for _ in range(40):
                value, slope = _log_marginal(z)
                step = (value - target) / slope
                z -= step
                if not np.any(np.abs(step) > _SETTLED * np.maximum(np.abs(z), 1.0)):
                    break
            b = problem.cn0_hz / np.exp(z)
        b = np.clip(b, least, most)
    return np.where(least < INF, b, np.nan)


_BRACKET_SERIES = [(-1) ** k * (k - 1) / k for k in reversed(range(2, 10))]  # log1p(x) - x/(1+x), over x^2


def _log_marginal(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of h(x) = x^2 [log1p(x) - x/(1+x)] / log1p(x)^2 at x = exp(z), and its slope in z."""
    x = np.exp(z)
    nats, share = np.log1p(x), 1.0 / (1.0 + 1.0 / x)
    series = x * x * np.polyval(_BRACKET_SERIES, x)
    bracket = np.where(x < 1e-2, series, nats - share)
    value = 2.0 * z + np.log(bracket) - 2.0 * np.log(nats)
    return value, 2.0 + share**2 / bracket - 2.0 * share / nats


def times(problem: Problem, bandwidth: np.ndarray) -> np.ndarray:
    """c_n + t_n(b_n)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if problem.cn0_hz is None:
            rates = problem.spectral_efficiency * bandwidth
        else:
            rates = bandwidth * np.log1p(problem.cn0_hz / bandwidth) / math.log(2.0)
        return problem.compute_s + np.where(bandwidth > 0.0, problem.payload_bits / rates, INF)


def priced_costs(problem: Problem, price: float) -> np.ndarray:
    """phi_n(lambda) of every client; inf where its bounds exclude all."""
    b = priced_bandwidths(problem, price)
    return np.where(np.isnan(b), INF, problem.weights * times(problem, b) + price * b)


def makespan_of(problem: Problem, selected: np.ndarray) -> float:
    """Least makespan of a selection, by bisection on the deadline; inf where caps and bounds forbid it."""
    chosen = np.asarray(selected, dtype=bool)
    if not chosen.any():
        return 0.0

    def fits(deadline: float) -> bool:
        need = least_bandwidths(problem, deadline)[chosen]
        return bool(np.isfinite(need).all()) and math.fsum(need.tolist()) <= problem.bandwidth_hz

    if not fits(INF):
        return INF
    most = np.minimum(problem.max_bandwidth_hz, problem.bandwidth_hz)
    low = high = float(times(problem, most)[chosen].max())  # each alone on all it may use
    step = high
    for _ in range(1100):
        if fits(high):
            break
        low, high, step = high, high + step, 2.0 * step
    else:
        return INF  # the band is full in the limit only
    while high - low > 1e-15 * high:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class Priced:
    """The total latency of a selection, its bandwidths and the price that yields them."""

    value: float
    bandwidth: np.ndarray
    price: float


def total_of(problem: Problem, selected: np.ndarray) -> Priced:
    """Least weighted total latency of a selection, by a bracketed root of the price."""
    chosen = np.asarray(selected, dtype=bool)
    none = np.zeros(problem.n_clients)
    if not chosen.any():
        return Priced(0.0, none, 0.0)
    least = least_bandwidths(problem, INF)
    if not np.isfinite(least[chosen]).all() or math.fsum(least[chosen].tolist()) > problem.bandwidth_hz:
        return Priced(INF, none, INF)

    def used(price: float) -> np.ndarray:
        return np.where(chosen, priced_bandwidths(problem, price, least), 0.0)

    def excess(log_price: float) -> float:
        return math.fsum(used(math.exp(log_price)).tolist()) / problem.bandwidth_hz - 1.0

    def value(bandwidth: np.ndarray) -> float:
        return math.fsum((problem.weights * times(problem, bandwidth))[chosen].tolist())

    b = used(0.0)
    if math.fsum(b.tolist()) <= problem.bandwidth_hz:
        return Priced(value(b), b, 0.0)
    low = high = math.log(float(np.max((problem.weights * times(problem, b))[chosen])) / problem.bandwidth_hz)
    for _ in range(500):
        if excess(high) <= 0.0:
            break
        high += 3.0
    else:
        return Priced(value(np.where(chosen, np.maximum(least, 0.0), 0.0)), b, INF)
    while excess(low) < 0.0 and low > -700.0:
        low -= 3.0
    root = low if excess(low) <= 0.0 else brentq(excess, low, high, xtol=1e-14, rtol=1e-14)
    b = used(math.exp(root))
    # The root is good to about 1e-14, its square in the value: b fills the band to rounding.
    return Priced(value(b), b, math.exp(root))


def objective_of(problem: Problem, selected: np.ndarray) -> float:
    """The problem's objective for a selection at its best bandwidths; inf where there are none."""
    if problem.objective is Objective.MAKESPAN:
        return makespan_of(problem, selected)
    return total_of(problem, selected).value


def costs(problem: Problem, theta: float) -> np.ndarray:
    """phi_n(theta) of the problem's objective."""
    if problem.objective is Objective.MAKESPAN:
        return least_bandwidths(problem, theta)
    return priced_costs(problem, theta)


# =========================================================================================================
# Brute force
# =========================================================================================================


@dataclass(frozen=True)
class Optimum:
    """What trying every selection finds: inf and nobody where the problem is infeasible."""

    value: float
    selected: np.ndarray

    @property
    def feasible(self) -> bool:
        """Whether any selection is possible at all."""
        return self.value < INF


def covers(problem: Problem, selected: np.ndarray) -> bool:
    """R a >= coverage_target, in exact rational arithmetic."""
    received = exact_coverage(problem, selected)
    return all(r >= Fraction(float(t)) for r, t in zip(received, problem.coverage_target, strict=True))


def exact_coverage(problem: Problem, selected: np.ndarray) -> list[Fraction]:
    """R a, in exact rational arithmetic."""
    chosen = np.flatnonzero(selected)
    return [sum((Fraction(float(row[n])) for n in chosen), Fraction(0)) for row in problem.relevance]


def admissible_clients(problem: Problem) -> np.ndarray:
    """Which clients, alone on the whole band, could ever take part."""
    return np.array([admissible(problem, n) for n in range(problem.n_clients)], dtype=bool)


def minimal_selections(problem: Problem) -> np.ndarray:
    """All admissible covering selections from which nobody can be dropped, one row each.

    The others cannot be better. Dropping a client that is not mandatory and whose loss leaves every task
    covered frees its bandwidth, takes its time out of the maximum or sum (all weights are positive), and
    constrains nobody else: every selection is at least as costly as some minimal one inside it.
    """
    n = problem.n_clients
    codes = np.arange(1 << n)
    rows = (codes[:, None] >> np.arange(n)) & 1 == 1
    covering = np.ones(1 << n, dtype=bool)
    for k in range(problem.n_tasks):
        received, target = rows @ problem.relevance[k], float(problem.coverage_target[k])
        served = received >= target
        # Twelve additions err by less than 12 eps; 1e-11 is far outside, and inside it exact sums decide.
        for code in np.flatnonzero(np.abs(received - target) <= 1e-11 * target):
            served[code] = math.fsum([*problem.relevance[k][rows[code]].tolist(), -target]) >= 0.0
        covering &= served
    optional = np.flatnonzero(~problem.mandatory)
    minimal = covering & rows[:, problem.mandatory].all(axis=1) & ~rows[:, ~problem.available].any(axis=1)
    minimal &= np.isfinite(np.where(rows, least_bandwidths(problem, INF), 0.0)).all(axis=1)
    for i in optional:
        minimal &= ~(rows[:, i] & covering[codes ^ (1 << int(i))])
    return rows[minimal]


def brute_force(problem: Problem) -> Optimum:
    """The optimum over all selections, to about 1e-12 of it.

    Every minimal covering selection is looked at. One is passed over only where, at the best price or
    deadline so far, it provably cannot be better by more than 1e-12:

    * makespan: it needs more than B at a deadline 1e-12 before the best one;
    * total: sum phi_n(lambda) - lambda B, which bounds its value from below for every lambda >= 0, is no
      better than the best value.
    """
    if problem.n_clients > 12:
        raise ValueError("brute force is for twelve clients at most")
    rows = minimal_selections(problem)
    best, chosen = INF, np.zeros(problem.n_clients, dtype=bool)
    waiting = np.ones(len(rows), dtype=bool)
    order = np.zeros(len(rows))
    while waiting.any():
        i = int(np.argmin(np.where(waiting, order, INF)))
        if not waiting[i]:  # all that wait are out of the question
            break
        waiting[i] = False
        if problem.objective is Objective.MAKESPAN:
            value, theta = makespan_of(problem, rows[i]), None
        else:
            priced = total_of(problem, rows[i])
            value, theta = priced.value, priced.price
        if value < best or not chosen.any():
            if value < best:
                best, chosen = value, rows[i]
            if best == INF:
                continue
            phi = costs(problem, best * (1.0 - 1e-12) if theta is None else theta)
            spent = np.where(rows, phi, 0.0).sum(axis=1)
            if theta is None:
                order = spent
                waiting &= spent <= problem.bandwidth_hz * (1.0 + 1e-13)
            elif theta < INF:
                order = spent - theta * problem.bandwidth_hz
                waiting &= order < best * (1.0 - 1e-12)
    return Optimum(best, chosen)


# =========================================================================================================
# The relaxation and the coverage step
# =========================================================================================================


def lp_relaxation(problem: Problem, theta: float) -> float:
    """Least sum of phi_n(theta) a_n over 0 <= a <= 1, R a >= target; inf where infeasible."""
    phi = costs(problem, theta)
    usable = problem.available & np.isfinite(phi)
    if (problem.mandatory & ~usable).any():
        return INF
    if problem.n_clients == 0:
        return 0.0 if np.all(problem.coverage_target <= 0.0) else INF
    scale = float(phi[usable].max(initial=0.0)) or 1.0
    bounds = [(float(m), 1.0 if u else 0.0) for m, u in zip(problem.mandatory, usable, strict=True)]
    covering = {"A_ub": -problem.relevance, "b_ub": -problem.coverage_target} if problem.n_tasks else {}
    result = linprog(np.where(usable, phi, 0.0) / scale, bounds=bounds, method="highs", **covering)
    return float(result.fun) * scale if result.status == 0 else INF


def projection(relevance: np.ndarray, required: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The nearest z to `point` with R z >= q: least-distance programming (Lawson and Hanson, chapter 23).

    With z = v + x: minimise |x| subject to R x >= q - R v, which a nonnegative least-squares problem solves.
    """
    if np.all(relevance @ point >= required):
        return point.copy()
    short = required - relevance @ point
    scale = float(np.abs(short).max())
    table = np.vstack([relevance.T, short / scale])
    solution, _ = nnls(table, np.concatenate([np.zeros(len(point)), [1.0]]), maxiter=1000)
    residual = table @ solution
    residual[-1] -= 1.0
    if abs(residual[-1]) < 1e-13:
        raise ValueError("no point satisfies the constraints")
    return point - scale * residual[:-1] / residual[-1]
