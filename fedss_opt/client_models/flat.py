"""The flat rate ``e b``: fixed power spectral density, or a fixed modulation and coding scheme."""

from __future__ import annotations

import math

from ..array_types import FloatArray
from .model import ClientModel, ClosedForms

__all__ = ["MODEL", "best_bandwidth", "is_accurate", "least_bandwidth", "marginal_time", "upload_time"]


def _rate_bps(efficiency: FloatArray, bandwidth_hz: FloatArray) -> FloatArray:
    return efficiency * bandwidth_hz


def _rate_slope(efficiency: FloatArray, bandwidth_hz: FloatArray) -> FloatArray:
    return efficiency + 0.0 * bandwidth_hz


def _bandwidth_for_rate(efficiency: FloatArray, rate_bps: FloatArray) -> FloatArray:
    return rate_bps / efficiency


def least_bandwidth(payload: float, efficiency: float, start: float, deadline: float) -> tuple[float, float]:
    """Least bandwidth ``S / (e (T - c))``, and its derivative in the deadline (Hz, Hz/s)."""
    tau = deadline - start
    if not tau > 0.0:
        return math.inf, 0.0
    if tau == math.inf:
        return 0.0, 0.0
    bandwidth = payload / (efficiency * tau)
    return bandwidth, -bandwidth / tau


def best_bandwidth(payload: float, efficiency: float, weight: float, price: float) -> tuple[float, float]:
    """Bandwidth ``sqrt(w S / (e lambda))`` minimising ``w t(b) + lambda b``, and its derivative in the price."""
    bandwidth = math.sqrt(weight * payload / (efficiency * price))
    return bandwidth, -0.5 * bandwidth / price


def upload_time(payload: float, efficiency: float, bandwidth: float) -> float:
    """Seconds to upload `payload` bits on `bandwidth` Hz: ``S / (e b)``."""
    if bandwidth <= 0.0:
        return math.inf
    return payload / (efficiency * bandwidth)


def marginal_time(payload: float, efficiency: float, bandwidth: float) -> float:
    """Seconds per Hz that more bandwidth would save: ``S / (e b^2)``."""
    rate = efficiency * bandwidth
    return payload / rate * (efficiency / rate)


def is_accurate(payload: float, efficiency: float, weight: float, price: float) -> bool:
    """Return True: a square root is accurate at every price."""
    return True


MODEL = ClientModel(
    name="flat",
    link="spectral_efficiency",
    rate_bps=_rate_bps,
    rate_slope=_rate_slope,
    bandwidth_for_rate=_bandwidth_for_rate,
    closed_forms=lambda: ClosedForms(least_bandwidth, best_bandwidth, upload_time, marginal_time, is_accurate),
)
