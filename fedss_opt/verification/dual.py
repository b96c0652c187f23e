"""The bound of section 5 recomputed in exact and ball arithmetic, from the problem's data and (price, multipliers).

Open requirements are exact rational numbers. Costs are the enclosures of `balls`. The tightened form is the
one that `fedss_opt.Certificate` documents: each task asks of the free clients what the mandatory ones leave open,
and no client counts for more than ``q_k`` less what they contribute.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import Objective, Problem
from .balls import (
    Ball,
    UndecidedError,
    arb,
    ball_of,
    bits_at_most,
    decide,
    least_bandwidth,
    lower_float,
    priced_bandwidth,
    rate,
    upload_time,
)

__all__ = ["Client", "Dual", "block_hz", "exact_sum"]


def block_hz(problem: Problem) -> float | None:
    """Return the problem's resource block in Hz, or None where bandwidths are continuous."""
    block = getattr(problem, "resource_block_hz", None)
    return None if block is None or block == 0.0 else float(block)


def exact_sum(values: Any) -> Fraction:
    """Return the exact sum of floats."""
    return sum((Fraction(float(v)) for v in values), Fraction(0))


class Client:
    """One client's numbers, and its costs as enclosures.

    `least` and `most` are the limits of its bandwidth in Hz: what its radio and its longest upload ask for, and
    what its radio and the carrier allow. `admissible` tells whether the first fits under the second.
    """

    def __init__(self, problem: Problem, n: int) -> None:
        self.cn0 = None if problem.cn0_hz is None else float(problem.cn0_hz[n])
        self.efficiency = None if problem.spectral_efficiency is None else float(problem.spectral_efficiency[n])
        self.payload = float(problem.payload_bits[n])
        self.compute = float(problem.compute_s[n])
        self.weight = float(problem.weights[n])
        self.most = min(float(problem.max_bandwidth_hz[n]), float(problem.bandwidth_hz))
        self._radio = float(problem.min_bandwidth_hz[n])
        self._longest = float(problem.max_upload_s[n])
        self.block = block_hz(problem)

    def least(self) -> Ball | None:
        """Least bandwidth at any deadline, Hz; None where the limits exclude every bandwidth."""
        floor = arb(self._radio)
        if self._longest < math.inf:
            capped = least_bandwidth(self.payload, arb(self._longest), self.cn0, self.efficiency)
            if capped is None:
                return None
            floor = floor.max(capped)
        return self._fit(floor)

    def _fit(self, bandwidth: Ball) -> Ball | None:
        if self.block is not None:
            bandwidth = arb(self.block) * _ceiling(bandwidth / arb(self.block))
        return bandwidth if decide(bandwidth, arb(self.most)) else None

    def deadline_cost(self, deadline: float) -> Ball | None:
        """Enclose beta(T), Hz; None for infinity."""
        floor = self.least()
        if floor is None:
            return None
        if deadline == math.inf:
            return floor
        needed = least_bandwidth(self.payload, arb(deadline) - arb(self.compute), self.cn0, self.efficiency)
        return None if needed is None else self._fit(floor.max(needed))

    def needs_more_than(self, bandwidth: Ball, deadline: float) -> bool:
        """Tell cheaply whether the rate on `bandwidth` certainly misses the deadline; False when in doubt."""
        tau = arb(deadline) - arb(self.compute)
        return bool(bandwidth > 0) and bool(rate(bandwidth, self.cn0, self.efficiency) * tau < self.payload)

    def price_cost(self, price: float) -> Ball | None:
        """Enclose phi(lambda), s; None for infinity."""
        floor = self.least()
        if floor is None:
            return None
        ceiling = arb(self.most)
        if price == 0.0:
            best = ceiling
        else:
            best = priced_bandwidth(self.payload, self.weight, price, self.cn0, self.efficiency)
            best = best.max(floor).min(ceiling)
        if self.block is None:
            return self._cost_of(best, price)
        # The cost is convex: the best whole number of blocks is next to the best bandwidth.
        block = arb(self.block)
        below = (best / block).floor()
        last = (ceiling / block).floor()
        first = (floor / block).floor() if (floor / block).is_integer() else _ceiling(floor / block)
        options = [self._cost_of(block * (below + step).max(first).min(last), price) for step in (0, 1)]
        return options[0].min(options[1])

    def _cost_of(self, bandwidth: Ball, price: float) -> Ball:
        time = arb(self.compute) + upload_time(self.payload, bandwidth, self.cn0, self.efficiency)
        return arb(self.weight) * time + arb(price) * bandwidth


def _ceiling(ratio: Ball) -> Ball:
    whole = ratio.ceil()
    if whole.is_exact():
        return whole
    # An enclosure around a whole number: that many blocks, or one more.
    return ratio.lower().ceil().union(ratio.upper().ceil())


class Dual:
    """``D(mu, theta)`` of a problem: what every covering selection costs at least.

    Parameters
    ----------
    problem : Problem
        The round.
    multipliers : ndarray, (K,)
        Nonnegative, finite: Hz (makespan) or s (total) per unit of relevance.
    """

    def __init__(self, problem: Problem, multipliers: npt.NDArray[np.float64]) -> None:
        self._problem = problem
        self._clients = [Client(problem, n) for n in range(problem.clients)]
        mandatory = problem.mandatory
        self._open: list[tuple[int, Fraction, float]] = []  # task, what is open, multiplier
        self._cut: list[Fraction] = []
        for k in range(problem.tasks):
            served = exact_sum(problem.relevance[k, mandatory])
            missing = Fraction(float(problem.coverage_target[k])) - served
            if missing > 0 and problem.coverage_target[k] > 0.0:
                self._open.append((k, missing, float(multipliers[k])))
                self._cut.append(Fraction(float(problem.required[k])) - served)

    def value(self, theta: float, *, least: bool = False) -> Ball | None:
        """Enclose D at a deadline or price; None for infinity.

        Parameters
        ----------
        theta : float
            Deadline, s (makespan) or price, s/Hz (total).
        least : bool
            Ask for the least bandwidths at any deadline, Hz, whatever the objective.
        """
        return bits_at_most(lambda: self._value(theta, least))

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
            if problem.mandatory[n]:
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
        return value is None or bool(value > arb(self._problem.bandwidth_hz))

    def price_bound(self, price: float) -> float:
        """Return a float that ``D(mu, lambda) - lambda B`` is certainly not below, s; inf where it is infinite."""

        def attempt() -> float:
            value = self._value(price, False)
            if value is None:
                return math.inf
            return lower_float(value - arb(price) * arb(self._problem.bandwidth_hz))

        return max(0.0, bits_at_most(attempt))
