"""The closed forms against ball arithmetic, over the whole domain and into its corners.

Errors are in units of 2^-52 of the true value: half an ulp to one ulp. By default the package's kernels are measured,
which `package_forms` alone loads.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any

from .balls import (
    Ball,
    arb,
    flint,
    least_bandwidth,
    priced_bandwidth,
    rate,
    refine,
    upload_time,
    working_precision,
)
from .claim_record import ClaimRecord

__all__ = ["REGIONS", "Forms", "Measurement", "Sweep", "package_forms", "sweep_all"]

Forms = Mapping[str, Any]
"""The functions that are measured: a client model's name -> its `fedss_opt.client_models.ClosedForms`."""

_ULP = 2.0**-52

# 1 - G from, to; or G from, to, where 1 - G has no digits left to tell. The last column: the claim for the slope.
REGIONS: tuple[tuple[str, str, float, float, float], ...] = (
    ("1-G below 1e-15: only feasible or not", "d", 1e-17, 1e-15, math.inf),
    ("1-G in 1e-15..1e-12", "d", 1e-15, 1e-12, 64.0),
    ("1-G in 1e-12..1e-8", "d", 1e-12, 1e-8, 64.0),
    ("1-G in 1e-8..1e-4", "d", 1e-8, 1e-4, 64.0),
    ("1-G in 1e-4..0.05", "d", 1e-4, 0.05, 64.0),
    ("1-G in 0.05..0.59", "d", 0.05, 0.59, 64.0),
    ("1-G in 0.59..0.61 (change of method)", "d", 0.59, 0.61, 64.0),
    ("G in 1e-3..0.39", "G", 1e-3, 0.39, 64.0),
    ("G in 1e-10..1e-3", "G", 1e-10, 1e-3, 64.0),
    ("G in 1e-100..1e-10", "G", 1e-100, 1e-10, 64.0),
    ("G in 1e-290..1e-100", "G", 1e-290, 1e-100, 64.0),
)
_LEAST_LIMIT = 6.0  # what rounding up by 6 units relies on


def package_forms() -> Forms:
    """Return the package's own closed forms."""
    return {model.name: model.closed_forms() for model in import_module("fedss_opt.client_models").MODELS}


@dataclass(frozen=True)
class Measurement:
    """One point of a sweep; errors are NaN where the sweep does not measure them."""

    place: float  # 1 - G, or kappa, or the ratio g/b
    error: float
    slope_error: float = math.nan
    kept: bool = True  # whether 6 units more bandwidth keep the deadline in exact arithmetic (least bandwidths only)


@dataclass(frozen=True)
class Sweep:
    """A region of a closed form's domain and what was measured there.

    Claimed is that no error of a value, of a slope, is above `limit`, `slope_limit`; where it is infinite, nothing is.
    """

    form: str
    region: str
    limit: float
    slope_limit: float
    points: tuple[Measurement, ...]
    wrong: int = 0  # points at which the form says feasible and the truth is not, or the other way round

    @property
    def worst(self) -> float:
        """Greatest error."""
        return max((p.error for p in self.points), default=0.0)

    @property
    def mean(self) -> float:
        """Mean error."""
        return math.fsum(p.error for p in self.points) / max(len(self.points), 1)

    @property
    def worst_slope(self) -> float:
        """Greatest error of a slope; NaN where none was measured."""
        return max((p.slope_error for p in self.points if not math.isnan(p.slope_error)), default=math.nan)

    @property
    def holds(self) -> bool:
        """Whether every claim about this region holds."""
        slopes = math.isnan(self.worst_slope) or self.worst_slope <= self.slope_limit
        kept = self.limit == math.inf or all(p.kept for p in self.points)
        return self.worst <= self.limit and slopes and self.wrong == 0 and kept

    def claim(self) -> ClaimRecord:
        """Return the claim that the region's errors are within their limits."""
        claim = ClaimRecord(f"{self.form}: {self.region}", tried=len(self.points))
        claim.figure = f"max {self.worst:.2f}, mean {self.mean:.2f} eps"
        if not math.isnan(self.worst_slope):
            claim.figure += f"; slope max {self.worst_slope:.1f} eps"
        if not self.holds:
            late = sum(not p.kept for p in self.points)
            limits = f"limit {self.limit} eps, slope {self.slope_limit} eps"
            claim.violated = [f"{limits}; {self.wrong} times wrong whether it is feasible, {late} late"]
        return claim


def _decades(draw: random.Random, low: float, high: float) -> float:
    return low * math.exp(draw.random() * math.log(high / low))


def _miss(value: float, true: Ball) -> float:
    if not math.isfinite(value):
        return math.inf
    return abs(float((arb(value) - true) / true)) / _ULP


def _least_points(draw: random.Random, kind: str, low: float, high: float, count: int) -> Iterator[tuple[float, ...]]:
    """Yield payload, channel, start and deadline whose G lies in a region; every other one starts late."""
    for i in range(count):
        share = _decades(draw, low, high)
        gauge = 1.0 - share if kind == "d" else share
        if gauge < 1e-50:  # within the numbers that a Problem accepts
            payload, deadline = _decades(draw, 1e-28, 1e-20), _decades(draw, 1e5, 1e10)
        else:
            payload, deadline = _decades(draw, 1e3, 1e9), _decades(draw, 1e-3, 1e3)
        start = deadline * draw.random() if i % 2 and kind == "d" else 0.0
        reach = payload * math.log(2.0) / (deadline - start)
        yield payload, reach / gauge, start, deadline


def _true_least(payload: float, cn0: float, start: float, deadline: float) -> Ball | None:
    return refine(lambda: least_bandwidth(payload, arb(deadline) - arb(start), cn0, None))


def _true_slope(payload: float, cn0: float, start: float, deadline: float) -> Ball:
    """Take a central difference of the enclosed root at 600 bits: the formula of the derivative is not used."""
    with working_precision(600):
        tau = arb(deadline) - arb(start)
        step = (tau - arb(payload) * flint().arb.const_log2() / arb(cn0)) * arb(2) ** -30
        after: Ball = least_bandwidth(payload, (tau + step).mid(), cn0, None)
        before: Ball = least_bandwidth(payload, (tau - step).mid(), cn0, None)
        return (after - before) / (2 * step)


def _gauge_room(payload: float, cn0: float, start: float, deadline: float) -> float:
    with working_precision(600):
        return float(1 - arb(payload) * flint().arb.const_log2() / (arb(cn0) * (arb(deadline) - arb(start))))


def _sweep_least(forms: Forms, region: tuple[str, str, float, float, float], count: int, seed: int) -> Sweep:
    name, kind, low, high, slope_limit = region
    draw = random.Random(f"least/{name}/{seed}")
    points, wrong = [], 0
    for i, (payload, cn0, start, deadline) in enumerate(_least_points(draw, kind, low, high, count)):
        value, slope = forms["shannon"].least_bandwidth(payload, cn0, start, deadline)
        true = _true_least(payload, cn0, start, deadline)
        if true is None or not math.isfinite(value):
            wrong += true is not None or value != math.inf
            continue
        # The difference quotient of step 2^-30 is itself off by about 2^-60 of the slope.
        slope_error = _miss(slope, _true_slope(payload, cn0, start, deadline)) if i % 4 == 0 else math.nan
        up = value * (1.0 + 6.0 * _ULP)
        with working_precision(600):
            kept = bool(rate(arb(up), cn0, None) * (arb(deadline) - arb(start)) >= payload)
        room = _gauge_room(payload, cn0, start, deadline)
        points.append(Measurement(room, _miss(value, true), slope_error, kept))
    limit = _LEAST_LIMIT if slope_limit < math.inf else math.inf
    return Sweep("least bandwidth, Shannon", name, limit, slope_limit, tuple(points), wrong)


def _sweep_edge(forms: Forms, count: int, seed: int) -> Sweep:
    """Straddle G = 1 by a few ulp of the deadline: only the answer, feasible or not, is compared."""
    draw = random.Random(f"edge/{seed}")
    wrong = 0
    points = []
    for _ in range(count):
        payload, cn0 = _decades(draw, 1e3, 1e9), _decades(draw, 1e4, 1e12)
        deadline = payload * math.log(2.0) / cn0
        for step in (-3, -2, -1, 0, 1, 2, 3):
            moved = deadline * (1.0 + step * _ULP)
            value, _ = forms["shannon"].least_bandwidth(payload, cn0, 0.0, moved)
            true = _true_least(payload, cn0, 0.0, moved)
            wrong += (true is None) != (value == math.inf)
            points.append(Measurement(_gauge_room(payload, cn0, 0.0, moved), 0.0))
    region = "G = 1 to within 3 ulp: feasible or not"
    return Sweep("least bandwidth, Shannon", region, 0.0, 0.0, tuple(points), wrong)


def _sweep_price(forms: Forms, low: float, high: float, count: int, seed: int) -> Sweep:
    draw = random.Random(f"price/{low}/{seed}")
    points = []
    for i in range(count):
        kappa = _decades(draw, low, high)
        payload, weight, cn0 = _decades(draw, 1e3, 1e9), _decades(draw, 1e-3, 1e3), _decades(draw, 1e-3, 1e12)
        price = kappa / cn0 * (weight * payload * math.log(2.0)) / cn0
        value, slope = forms["shannon"].best_bandwidth(payload, cn0, weight, price)
        true = refine(partial(priced_bandwidth, payload, weight, price, cn0, None))
        slope_error = _miss(slope, _price_slope(payload, weight, price, cn0)) if i % 4 == 0 else math.nan
        points.append(Measurement(kappa, _miss(value, true), slope_error))
    # The slope steers Newton's method and nothing else.
    return Sweep("bandwidth for a price, Shannon", f"kappa in {low:g}..{high:g}", 8.0, 1024.0, tuple(points))


def _price_slope(payload: float, weight: float, price: float, cn0: float) -> Ball:
    """Take central differences over ever smaller steps in the price, and extrapolate by Richardson's rule."""
    step = 2.0**-12 * price
    with working_precision(400):

        def quotient(h: float) -> Ball:
            above = priced_bandwidth(payload, weight, price + h, cn0, None)
            below = priced_bandwidth(payload, weight, price - h, cn0, None)
            return (above - below) / (arb(price + h) - arb(price - h))

        rows = [quotient(step / 2**k) for k in range(5)]
        for order in range(1, 5):
            factor = arb(4) ** order
            rows = [(factor * fine - coarse) / (factor - 1) for coarse, fine in pairwise(rows)]
        return rows[0]


def _sweep_time(forms: Forms, low: float, high: float, count: int, seed: int) -> Sweep:
    draw = random.Random(f"time/{low}/{seed}")
    points = []
    for _ in range(count):
        ratio, payload, bandwidth = _decades(draw, low, high), _decades(draw, 1e3, 1e9), _decades(draw, 1e2, 1e9)
        cn0 = ratio * bandwidth
        with working_precision(300):
            true = upload_time(payload, arb(bandwidth), cn0, None)
            points.append(Measurement(ratio, _miss(forms["shannon"].upload_time(payload, cn0, bandwidth), true)))
    return Sweep("upload time, Shannon", f"g/b in {low:g}..{high:g}", 6.0, 0.0, tuple(points))


def _sweep_flat(forms: Forms, count: int, seed: int) -> Iterator[Sweep]:
    draw, flat = random.Random(f"flat/{seed}"), forms["flat"]
    points: dict[str, list[Measurement]] = {"least bandwidth": [], "bandwidth for a price": [], "upload time": []}
    for _ in range(count):
        payload, efficiency = _decades(draw, 1e-12, 1e12), _decades(draw, 1e-6, 1e6)
        weight, value = _decades(draw, 1e-6, 1e6), _decades(draw, 1e-12, 1e12)
        with working_precision(300):
            least = arb(payload) / (arb(efficiency) * arb(value))
            best = (arb(weight) * arb(payload) / (arb(efficiency) * arb(value))).sqrt()
            b, slope = flat.least_bandwidth(payload, efficiency, 0.0, value)
            points["least bandwidth"].append(Measurement(value, _miss(b, least), _miss(slope, -least / arb(value))))
            b, slope = flat.best_bandwidth(payload, efficiency, weight, value)
            steep = -best / (2 * arb(value))
            points["bandwidth for a price"].append(Measurement(value, _miss(b, best), _miss(slope, steep)))
            points["upload time"].append(Measurement(value, _miss(flat.upload_time(payload, efficiency, value), least)))
    for form, measured in points.items():
        yield Sweep(f"{form}, flat", "24 decades", 4.0, 8.0, tuple(measured))


def sweep_all(count: int, *, forms: Forms | None = None, seed: int = 0) -> Iterator[Sweep]:
    """Measure every closed form, by default the package's, at `count` points of every region."""
    forms = package_forms() if forms is None else forms
    for region in REGIONS:
        yield _sweep_least(forms, region, count, seed)
    yield _sweep_edge(forms, max(1, count // 7), seed)
    edges = (1e-30, 1e-16, 1e-8, 1e-3, 0.5, 5.0, 1e3, 1e8, 1e30)
    for low, high in pairwise(edges):
        yield _sweep_price(forms, low, high, count, seed)
    for low, high in ((1e-20, 1e-8), (1e-8, 1e-2), (1e-2, 1e2), (1e2, 1e12)):
        yield _sweep_time(forms, low, high, count, seed)
    yield from _sweep_flat(forms, count, seed)
