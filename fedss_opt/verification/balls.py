"""Ball arithmetic for one client: rate, upload time, least bandwidth, priced cost, each as a proven enclosure.

A ball contains the true real number whatever rounding did. Roots are found in two steps: Lambert's W or Newton's
method gives a candidate, which is not believed; then the defining equation is evaluated on both sides of it, and its
monotonicity proves that the root lies between. Where a ball is too wide to decide, the precision is doubled.

The formulas are those of the definitions (``b log2(1 + g/b)`` and so on), not those of the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from ..exceptions import MissingDependencyError

__all__ = [
    "Ball",
    "UndecidedError",
    "arb",
    "ball_of",
    "decide",
    "final_precision",
    "flint",
    "least_bandwidth",
    "lower_float",
    "priced_bandwidth",
    "rate",
    "refine",
    "settle",
    "upload_time",
    "working_precision",
]

Ball = Any  # flint.arb, which is not imported with the package
T = TypeVar("T")

_PRECISIONS = (192, 512, 1536, 4096)
_SHARPNESS = 90  # bits of relative width that an enclosure of a root has


class UndecidedError(ArithmeticError):
    """The balls overlap what they are compared with: more precision is needed."""


def flint() -> Any:
    """Return python-flint, or say which extra brings it."""
    try:
        return import_module("flint")
    except ImportError:
        raise MissingDependencyError(
            'rigorous verification needs python-flint; install it with: pip install "fedss-opt[verify]"'
        ) from None


@cache
def _loaded() -> Any:
    """Return python-flint as it was found first: to look for it at every ball takes a fifth of a check."""
    return flint()


def arb(value: Any) -> Ball:
    """Return the ball of an exact value (a float, an int), or a ball as it is."""
    return _loaded().arb(value)


def ball_of(value: Fraction) -> Ball:
    """Return a ball around a rational number."""
    return arb(_loaded().fmpq(value.numerator, value.denominator))


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Work with this many bits, and restore what was before."""
    with _loaded().ctx.workprec(bits):
        yield


def refine(attempt: Callable[[], T]) -> T:
    """Run a computation at rising precision until it no longer raises `UndecidedError`; at the last one it may."""
    for bits in _PRECISIONS:
        try:
            with working_precision(bits):
                return attempt()
        except UndecidedError:
            if bits == _PRECISIONS[-1]:
                raise
    raise AssertionError("unreachable")


def settle(question: Callable[[], bool]) -> bool | None:
    """Answer a question at rising precision: None where even the last one leaves it open."""
    try:
        return refine(question)
    except UndecidedError:
        return None


def final_precision() -> bool:
    """Tell whether `refine` has no higher precision left to try."""
    return bool(_loaded().ctx.prec >= _PRECISIONS[-1])


def decide(smaller: Ball, larger: Ball) -> bool:
    """Tell whether ``smaller <= larger``; raise `UndecidedError` where the balls overlap."""
    if smaller <= larger:
        return True
    if smaller > larger:
        return False
    raise UndecidedError


def lower_float(ball: Ball) -> float:
    """Return a float that is not above the ball."""
    end = ball.lower()
    value = float(end)
    return value if not math.isfinite(value) or end == arb(value) else math.nextafter(value, -math.inf)


def rate(bandwidth: Ball, cn0: float | None, efficiency: float | None) -> Ball:
    """``b log2(1 + g/b)`` or ``e b``, bit/s."""
    if cn0 is None:
        return arb(efficiency) * bandwidth
    return bandwidth * (arb(cn0) / bandwidth).log1p() / _loaded().arb.const_log2()


def upload_time(payload: float, bandwidth: Ball, cn0: float | None, efficiency: float | None) -> Ball:
    """``S / r(b)``, s."""
    return arb(payload) / rate(bandwidth, cn0, efficiency)


def least_bandwidth(payload: float, tau: Ball, cn0: float | None, efficiency: float | None) -> Ball | None:
    """Enclose the least bandwidth, Hz, that uploads `payload` bits within `tau` seconds; None where none suffices.

    Given is the channel that the problem has: C/N0 in Hz, or bit/s/Hz. Raises `UndecidedError` at too little precision.
    """
    if not decide(arb(0), tau) or tau <= 0:
        return None
    if not tau > 0:
        raise UndecidedError
    if cn0 is None:
        return arb(payload) / (arb(efficiency) * tau)
    load = arb(payload) * _loaded().arb.const_log2()
    if decide(arb(cn0) * tau, load):
        return None  # even on an infinite band the rate stays below g / ln 2
    gauge = load / (arb(cn0) * tau)
    length = -(-gauge * (-gauge).exp()).lambertw(-1) - gauge  # L / expm1(L) = G; what Lambert's W says is proven below
    low, high = _widen(load / (tau * length))
    # The rate increases with the bandwidth: too little on one side, enough on the other.
    if not rate(low, cn0, None) * tau < payload or not rate(high, cn0, None) * tau > payload:
        raise UndecidedError
    return low.union(high)


def _widen(candidate: Ball) -> tuple[Ball, Ball]:
    middle = candidate.mid()
    width = arb(2) ** (-_SHARPNESS)
    return (middle * (1 - width)).mid(), (middle * (1 + width)).mid()


def priced_bandwidth(payload: float, weight: float, price: float, cn0: float | None, efficiency: float | None) -> Ball:
    """Enclose the bandwidth that minimises ``w S / r(b) + lambda b``, limits aside, for a price > 0, Hz.

    Raises `UndecidedError` at too little precision.
    """
    if cn0 is None:
        return (arb(weight) * arb(payload) / (arb(efficiency) * arb(price))).sqrt()
    kappa = arb(price) * arb(cn0) ** 2 / (arb(weight) * arb(payload) * _loaded().arb.const_log2())
    log_x = _sharpen_log_x(kappa)
    low, high = _widen(log_x.exp())
    # x^2 (log1p(x) - x/(1+x)) / log1p(x)^2 increases with x.
    if not _marginal(low) < kappa or not _marginal(high) > kappa:
        raise UndecidedError
    return arb(cn0) / low.union(high)


def _marginal(x: Ball) -> Ball:
    length = x.log1p()
    return (x / length) ** 2 * (length - x / (1 + x))


def _sharpen_log_x(kappa: Ball) -> Ball:
    """Approximate ln x with ``marginal(x) = kappa`` to the working precision. Nothing is proven here."""
    target = kappa.log().mid()
    z = ((target + arb(2).log()) / 2).mid()  # marginal(x) is x^2 / 2 for small x, and grows nearly as x^2 throughout
    for _ in range(20):
        x = z.exp()
        length, share = x.log1p(), x / (1 + x)
        gap = length - share
        elasticity = 2 + share**2 / gap - 2 * share / length
        step = ((2 * (z - length.log()) + gap.log() - target) / elasticity).mid()
        z = (z - step).mid()
        if abs(step) < arb(2) ** (-_SHARPNESS - 20):
            break
    return z
