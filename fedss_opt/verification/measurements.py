"""What the sweeps over the closed forms measure: whose forms, one point, one region.

Errors are in units of 2^-52 of the true value: half an ulp to one ulp. By default the package's kernels are measured,
which `package_forms` alone loads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

__all__ = ["CheckedForms", "Measurement", "Sweep", "package_forms"]

Bivariate = Callable[[float, float, float, float], tuple[float, float]]
Time = Callable[[float, float, float], float]


@dataclass(frozen=True, kw_only=True)
class CheckedForms:
    """The functions that are measured."""

    least_shannon: Bivariate  # (payload, channel, start, deadline) -> (bandwidth, slope in the deadline)
    least_flat: Bivariate
    price_shannon: Bivariate  # (payload, channel, weight, price) -> (bandwidth, slope in the price)
    price_flat: Bivariate
    time_shannon: Time  # (payload, channel, bandwidth) -> seconds
    time_flat: Time


def package_forms() -> CheckedForms:
    """Return the package's own closed forms."""
    shannon, flat = (model.closed_forms() for model in import_module("fedss_opt.client_models").MODELS[:2])
    return CheckedForms(
        least_shannon=shannon.least_bandwidth,
        least_flat=flat.least_bandwidth,
        price_shannon=shannon.best_bandwidth,
        price_flat=flat.best_bandwidth,
        time_shannon=shannon.upload_time,
        time_flat=flat.upload_time,
    )


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
