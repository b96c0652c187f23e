"""The bound of section 5 recomputed in exact and ball arithmetic, from the problem's data and (price, multipliers).

Open requirements are exact rational numbers. Costs are the enclosures of `balls`. The tightened form is the
one that `fedss_opt.Certificate` documents: clients that a task cannot do without count as mandatory, each task asks of
the free clients what those leave open, and no client counts for more than ``q_k`` less what they contribute.

In whole resource blocks costs are multiples of the block, and the carrier is what its whole blocks amount to. Where an
enclosure leaves open whether a number of blocks suffices, the smaller number counts: a bound below the true one.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError
from ..problem import Objective, Problem
from .balls import (
    Ball,
    UndecidedError,
    arb,
    ball_of,
    final_precision,
    least_bandwidth,
    lower_float,
    priced_bandwidth,
    rate,
    refine,
    settle,
    upload_time,
)

__all__ = ["BallClient", "BallDual", "Limits", "carrier_hz", "channel_of", "exact_sum", "knows_rate", "whole_steps"]

Limits = tuple[FloatArray, FloatArray]


def carrier_hz(problem: Problem) -> Fraction:
    """Return what the selected clients can share, Hz: B, or what its whole blocks amount to."""
    if problem.resource_blocks is None:
        return Fraction(float(problem.bandwidth_hz))
    return problem.resource_blocks * Fraction(float(problem.resource_block_hz or 0.0))


def exact_sum(values: Any) -> Fraction:
    """Return the exact sum of floats, whose denominators are powers of two."""
    ratios = [float(v).as_integer_ratio() for v in values]
    whole = max((below for _, below in ratios), default=1)
    return Fraction(sum(above * (whole // below) for above, below in ratios), whole)


def knows_rate(problem: Problem) -> bool:
    """Tell whether the balls have the rate of a problem's client model: they know the Shannon and the flat one."""
    return problem.cn0_hz is not None or problem.spectral_efficiency is not None


def channel_of(problem: Problem, n: int) -> tuple[float | None, float | None]:
    """Return a client's C/N0, Hz, and its spectral efficiency, bit/s/Hz: the one that the problem has, and None.

    Raises
    ------
    OptionError
        For a client model whose rate the balls do not know: a ball around nothing contradicts no claim.
    """
    if not knows_rate(problem):
        raise OptionError(
            f"the client model {problem.rate_model!r} has no ball arithmetic; check its answers with fedss_opt.check"
        )
    cn0, efficiency = problem.cn0_hz, problem.spectral_efficiency
    return None if cn0 is None else float(cn0[n]), None if efficiency is None else float(efficiency[n])


class BallClient:
    """One client's numbers, and its costs as enclosures.

    Its bandwidth is limited, Hz, by what its radio and its longest upload ask for and by what its radio and the carrier
    allow; in whole blocks by those of `Problem`, counted. `limits` are the problem's `bandwidth_limits_hz`.
    """

    def __init__(self, problem: Problem, n: int, limits: Limits | None = None) -> None:
        self.channel = channel_of(problem, n)
        self.payload = float(problem.payload_bits[n])
        self.compute = float(problem.compute_s[n])
        self.weight = float(problem.weights[n])
        self.most = min(float(problem.max_bandwidth_hz[n]), float(problem.bandwidth_hz))
        self._radio = float(problem.min_bandwidth_hz[n])
        self._longest = float(problem.max_upload_s[n])
        self.block = problem.resource_block_hz
        if self.block is not None:
            # Limits within `BLOCK_ROUNDING` of a whole number of blocks are that number: the problem says which.
            low, high = (float(limit[n]) for limit in limits or problem.bandwidth_limits_hz)
            self.first, self.last = (round(Fraction(limit) / Fraction(self.block)) for limit in (low, high))

    def least(self) -> Ball | None:
        """Least bandwidth at any deadline, Hz; None where the limits exclude every bandwidth."""
        capped: Ball | None = arb(0)
        if self._longest < math.inf:
            capped = least_bandwidth(self.payload, arb(self._longest), *self.channel)
        return None if capped is None else self._fit(capped)

    def is_able(self) -> bool:
        """Tell whether it can keep its own limits within the carrier; True when in doubt."""
        return settle(lambda: self.least() is not None) is not False

    def _fit(self, bandwidth: Ball) -> Ball | None:
        """Raise a bandwidth to what the radio can be given; None where that is more than it may have."""
        if self.block is None:
            bandwidth, most = bandwidth.max(arb(self._radio)), arb(self.most)
            # Just as much as it may have, as far as can be told: then that is what it needs.
            return None if bandwidth > most else bandwidth.min(most)
        count = max(_ceiling(bandwidth / arb(self.block)), self.first)
        return arb(self.block) * count if count <= self.last else None

    def deadline_cost(self, deadline: float) -> Ball | None:
        """Enclose beta(T), Hz; None for infinity."""
        floor = self.least()
        if floor is None:
            return None
        if deadline == math.inf:
            return floor
        needed = least_bandwidth(self.payload, arb(deadline) - arb(self.compute), *self.channel)
        fitted = None if needed is None else self._fit(needed)
        return None if fitted is None else floor.max(fitted)

    def needs_more_than(self, bandwidth: Ball, deadline: float) -> bool:
        """Tell cheaply whether the rate on `bandwidth` certainly misses the deadline; False when in doubt."""
        tau = arb(deadline) - arb(self.compute)
        return bool(bandwidth > 0) and bool(rate(bandwidth, *self.channel) * tau < self.payload)

    def price_cost(self, price: float) -> Ball | None:
        """Enclose phi(lambda), s; None for infinity."""
        floor = self.least()
        if floor is None:
            return None
        ceiling = arb(self.most) if self.block is None else arb(self.block) * self.last
        if price == 0.0:
            best = ceiling
        else:
            best = priced_bandwidth(self.payload, self.weight, price, *self.channel)
            best = best.max(floor).min(ceiling)
        if self.block is None:
            return self._cost_of(best, price)
        # The cost is convex: the best whole number of blocks is next to the best bandwidth.
        block = arb(self.block)
        below, above = ((best / block).lower().floor(), (best / block).upper().ceil())
        first = int((floor / block + 0.5).mid().floor().unique_fmpz())
        low, high = (min(max(int(end.unique_fmpz()), first), self.last) for end in (below, above))
        if high - low > 2:
            raise UndecidedError
        options = [self._cost_of(block * count, price) for count in range(low, high + 1)]
        return reduce(lambda one, other: one.min(other), options)

    def _cost_of(self, bandwidth: Ball, price: float) -> Ball:
        time = arb(self.compute) + upload_time(self.payload, bandwidth, *self.channel)
        return arb(self.weight) * time + arb(price) * bandwidth


def _ceiling(ratio: Ball) -> int:
    """Round an enclosure up to a whole number; the least that it allows where no precision decides."""
    least, most = (int(end.ceil().unique_fmpz()) for end in (ratio.lower(), ratio.upper()))
    if least < most and not final_precision():
        raise UndecidedError
    return least


def whole_steps(missing: Fraction, relevances: Any) -> Fraction:
    """Round what is open up to a multiple of the relevances' greatest common divisor: no sum of them is in between."""
    step = Fraction(0)
    for relevance in {float(r) for r in relevances}:
        r = Fraction(relevance)
        both = r.denominator * step.denominator
        step = Fraction(math.gcd(int(r * both), int(step * both)), both)
    return math.ceil(missing / step) * step if step else missing


class BallDual:
    """``D(mu, theta)`` of a problem: what every covering selection costs at least.

    Multipliers (K,) are nonnegative and finite: Hz (makespan) or s (total) per unit of relevance. `inside` (N,) marks
    the mandatory clients, and those whom some task cannot do without.
    """

    def __init__(self, problem: Problem, multipliers: FloatArray) -> None:
        self._problem = problem
        limits = problem.bandwidth_limits_hz
        self._clients = [BallClient(problem, n, limits) for n in range(problem.n_clients)]
        able = [n for n, client in enumerate(self._clients) if self._is_able(n, client)]
        self.inside = mandatory = problem.mandatory | self._forced(able)
        self._open: list[tuple[int, Fraction, float]] = []  # task, what is open, multiplier
        self._cut: list[Fraction] = []
        free = [n for n in able if not mandatory[n]]
        for k in range(problem.n_tasks):
            served = exact_sum(problem.relevance[k, mandatory])
            missing = Fraction(float(problem.coverage_target[k])) - served
            if missing > 0 and problem.coverage_target[k] > 0.0:
                whole = whole_steps(missing, problem.relevance[k, free])
                self._open.append((k, whole, float(multipliers[k])))
                self._cut.append(max(Fraction(float(problem.required[k])) - served, whole))

    def _is_able(self, n: int, client: BallClient) -> bool:
        """Whether client n can be in an answer: available, and within its limits, as `Problem` allows or exactly."""
        problem = self._problem
        return bool(problem.available[n]) and (bool(problem.selectable[n]) or client.is_able())

    def _forced(self, able: list[int]) -> BoolArray:
        """Mark the clients without whom some task misses its target, whoever else is selected."""
        forced = np.zeros(self._problem.n_clients, dtype=np.bool_)
        for k, target in enumerate(self._problem.coverage_target):
            offers = self._problem.relevance[k, able]
            surplus = exact_sum(offers) - Fraction(float(target))
            if target > 0.0 and surplus >= 0:
                forced[[n for n, r in zip(able, offers, strict=True) if Fraction(float(r)) > surplus]] = True
        return forced

    def value(self, theta: float, *, least: bool = False) -> Ball | None:
        """Enclose D at a deadline, s (makespan), or price, s/Hz (total); None for infinity.

        With `least` it is made of the least bandwidths at any deadline, Hz, whatever the objective.
        """
        return refine(lambda: self._value(theta, least))

    def _value(self, theta: float, least: bool) -> Ball | None:
        problem = self._problem
        makespan = least or problem.objective is Objective.MAKESPAN
        deadline = math.inf if least else theta
        total = arb(0)
        for _, missing, mu in self._open:
            total += arb(mu) * ball_of(missing)
        cuts = [ball_of(cut) for cut in self._cut]
        limits = [float(cut) for cut in self._cut]
        for n, client in enumerate(self._clients):
            if self.inside[n]:
                cost = client.deadline_cost(deadline) if makespan else client.price_cost(theta)
                if cost is None:
                    return None
                total += cost
                continue
            if not problem.available[n]:
                continue
            reward = arb(0)
            for (k, _, mu), cut, limit in zip(self._open, cuts, limits, strict=True):
                relevance = float(problem.relevance[k, n])
                if mu > 0.0 and relevance > 0.0:
                    plain = relevance < limit * (1.0 - 1e-12)
                    reward += arb(mu) * (arb(relevance) if plain else arb(relevance).min(cut))
            if not reward > 0:
                continue
            if makespan and deadline < math.inf and client.needs_more_than(reward, deadline):
                continue
            cost = client.deadline_cost(deadline) if makespan else client.price_cost(theta)
            if cost is not None:
                total -= (reward - cost).max(arb(0))
        return total

    def excludes(self, deadline: float, *, least: bool = False) -> bool:
        """Tell whether ``D(mu, T) > B`` is proven: no answer finishes by T (or exists at all, with `least`)."""
        try:
            value = self.value(deadline, least=least)
        except UndecidedError:
            return False
        return value is None or bool(value > ball_of(carrier_hz(self._problem)))

    def price_bound(self, price: float) -> float:
        """Return a float that ``D(mu, lambda) - lambda B`` is certainly not below, s; inf where it is infinite."""

        def attempt() -> float:
            value = self._value(price, False)
            if value is None:
                return math.inf
            return lower_float(value - arb(price) * ball_of(carrier_hz(self._problem)))

        return max(0.0, refine(attempt))
