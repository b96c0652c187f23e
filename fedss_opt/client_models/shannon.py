"""The Shannon rate ``b log2(1 + g / b)``: fixed transmit power, spread over the band."""

from __future__ import annotations

import math

import numpy as np

from ..array_types import FloatArray
from .model import ClientModel, ClosedForms

__all__ = ["MODEL"]


_LN2 = math.log(2.0)
_NEWTON_STEPS = 12  # quadratic convergence from a start within a factor of two
# Of log1p(x) - x / (1 + x) = x^2 sum_{j>=0} (-x)^j (j + 1) / (j + 2), the highest power first: the next term is 0.03^12
# of the first.
_SERIES = [(k - 1) / k for k in range(13, 1, -1)]


def _rate_bps(cn0_hz: FloatArray, bandwidth_hz: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = cn0_hz / bandwidth_hz
        nats = np.log1p(x)
        if not np.isfinite(nats).all():  # g / b beyond double precision, or no bandwidth at all
            nats = np.where(x < math.inf, nats, np.log(cn0_hz) - np.log(bandwidth_hz))
        return np.where(bandwidth_hz > 0.0, bandwidth_hz * nats / _LN2, 0.0)


def _rate_slope(cn0_hz: FloatArray, bandwidth_hz: FloatArray) -> FloatArray:
    x = cn0_hz / bandwidth_hz
    slope: FloatArray = np.where(x < 0.03, x * x * np.polyval(_SERIES, -x), np.log1p(x) - x / (1.0 + x)) / _LN2
    return slope


def _bandwidth_for_rate(cn0_hz: FloatArray, rate_bps: FloatArray) -> FloatArray:
    """Invert the rate by Newton's method; 0 where no bandwidth gives it."""
    fraction = rate_bps * _LN2 / cn0_hz  # of the rate on unlimited bandwidth
    inverse = np.log(1.0 / fraction)
    # L = log1p(g / b) solves log(expm1(L) / L) = -log(fraction); the left side is within [L/2, L].
    length = np.where(inverse < 1.0, 2.0 * inverse, inverse + np.log(1.0 + inverse))
    for _ in range(_NEWTON_STEPS):
        value = length + np.log(-np.expm1(-length) / length)
        length = np.maximum(length - (value - inverse) / (1.0 / -np.expm1(-length) - 1.0 / length), 0.5 * length)
    bandwidth = rate_bps * _LN2 / length
    return np.where(np.isfinite(bandwidth) & (fraction < 1.0) & (fraction > 0.0), bandwidth, 0.0)


def _closed_forms() -> ClosedForms:
    from ..kernels import closed_forms  # noqa: PLC0415 - loads Numba

    return ClosedForms(
        least_bandwidth=closed_forms.least_bandwidth,
        best_bandwidth=closed_forms.best_bandwidth,
        upload_time=closed_forms.upload_time,
        marginal_time=closed_forms.marginal_time,
        is_accurate=closed_forms.is_accurate,
    )


MODEL = ClientModel(
    name="shannon",
    link="cn0_hz",
    rate_bps=_rate_bps,
    rate_slope=_rate_slope,
    bandwidth_for_rate=_bandwidth_for_rate,
    closed_forms=_closed_forms,
    is_vectorised=True,
)
