"""Round numbers along an axis, from one end of the data to the other."""

from __future__ import annotations

import math

from ..array_types import FloatArray

__all__ = ["around_zero", "even", "logarithmic"]

# Least distance of two ticks, of the axis.
_APART = 0.07


def logarithmic(low: float, high: float) -> list[float]:
    """Return the ticks of a logarithmic axis: the fewer a decade, the more decades it has.

    Examples
    --------
    >>> logarithmic(0.6, 4.0), logarithmic(0.3, 7.0), logarithmic(0.5, 2000.0)
    ([0.7, 1.0, 2.0, 3.0], [0.5, 1.0, 2.0, 5.0], [1.0, 10.0, 100.0, 1000.0])
    """
    decades = math.log10(high / low)
    steps = (1, 2, 3, 5, 7) if decades < 1.0 else (1, 2, 5) if decades < 2.0 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for power in powers for step in steps if low <= (tick := float(f"{step}e{power}")) <= high]


def even(low: float, high: float) -> list[float]:
    """Return a few even ticks, two at least; the first is not above `low`, the last not below `high`.

    Examples
    --------
    >>> even(-1.006, 0.0)
    [-1.2, -1.0, -0.8, -0.6, -0.4, -0.2, 0.0]
    """
    least = (high - low) / 6.0 or 1.0
    power = math.floor(math.log10(least))
    step, power = next(((s, power) for s in (1, 2, 5) if s * 10.0**power >= least), (1, power + 1))
    first, last = math.floor(low / (step * 10.0**power)), math.ceil(high / (step * 10.0**power))
    return [float(f"{step * i}e{power}") for i in range(first, max(last, first + 1) + 1)]


def around_zero(values: FloatArray, constant: float) -> list[float]:
    """Return ticks of a symmetric logarithmic axis, on both sides to the last value, with room for their labels.

    Parameters
    ----------
    values : ndarray
        What is drawn.
    constant : float
        Up to about there the axis is linear.

    Examples
    --------
    >>> import numpy as np
    >>> around_zero(np.array([-0.957, 0.2, 25.0]), 0.5)
    [-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
    """
    ends = [_end(-float(values.min(initial=0.0))) * -1.0, _end(float(values.max(initial=0.0)))]

    def place(tick: float) -> float:
        return math.copysign(math.log1p(abs(tick) / constant), tick)

    apart = _APART * (place(ends[1]) - place(ends[0]))
    sizes = [
        float(f"{step}e{power}")
        for step in (1, 5, 2)
        for power in range(math.floor(math.log10(constant)) - 1, math.ceil(math.log10(max(map(abs, ends)) or 1.0)) + 1)
    ]
    ticks = sorted({0.0, *ends})
    for tick in (sign * size for size in sizes for sign in (1.0, -1.0)):
        inside = ends[0] < tick < ends[1]
        if inside and all(abs(place(tick) - place(other)) >= apart for other in ticks):
            ticks.append(tick)
    return sorted(tick + 0.0 for tick in ticks)


def _end(largest: float) -> float:
    """Return the first of 1, 2 and 5 times a power of ten that is not below."""
    if largest <= 0.0:
        return 0.0
    power = math.floor(math.log10(largest))
    ticks = [float(f"{step}e{power}") for step in (1, 2, 5)]
    return next((tick for tick in ticks if tick >= largest), float(f"1e{power + 1}"))
