"""What a client model is: how a client's rate grows with its bandwidth, and the closed forms that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..array_types import FloatArray

__all__ = ["ClientModel", "ClosedForms"]

Rate = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class ClosedForms:
    """A client's answers to a deadline and to a price, for one client at a time: scalars in, scalars out.

    What Numba can compile, or has compiled. Each is within 4 units in the last place: bounds are rounded by that.

    Attributes
    ----------
    least_bandwidth : callable
        ``(payload_bits, link, start_s, deadline_s)`` to the least bandwidth that uploads the payload between start and
        deadline, Hz, and its derivative in the deadline; ``(inf, 0)`` where no bandwidth suffices.
    best_bandwidth : callable
        ``(payload_bits, link, weight, price)`` to the bandwidth that minimises ``weight t(b) + price b``, Hz, and its
        derivative in the price.
    upload_time : callable
        ``(payload_bits, link, bandwidth_hz)`` to the upload's seconds; ``inf`` without bandwidth.
    marginal_time : callable
        ``(payload_bits, link, bandwidth_hz)`` to the seconds per Hz that more bandwidth would save, to 1e-4 of it.
    is_accurate : callable
        ``(payload_bits, link, weight, price)`` to whether `best_bandwidth` keeps its accuracy at a price; where it does
        not, bounds claim no more than the computing time.
    """

    least_bandwidth: Callable[[float, float, float, float], tuple[float, float]]
    best_bandwidth: Callable[[float, float, float, float], tuple[float, float]]
    upload_time: Callable[[float, float, float], float]
    marginal_time: Callable[[float, float, float], float]
    is_accurate: Callable[[float, float, float, float], bool]


@dataclass(frozen=True)
class ClientModel:
    """One model: its names and its functions.

    The rate is concave in the bandwidth, increasing and 0 at 0: bounds, certificates and the exact search rest on that
    and on nothing else.

    Attributes
    ----------
    name : str
        As `Problem.rate_model` and messages give it.
    link : str
        The problem's field that says how good a client's link is; a problem with this field has this model.
    rate_bps : callable
        ``(link, bandwidth_hz)`` to rates, bit/s, arrays of one shape; 0 without bandwidth.
    rate_slope : callable
        ``(link, bandwidth_hz)`` to the rate's derivative, bit/s/Hz, for bandwidths > 0, to 1e-14 of it.
    bandwidth_for_rate : callable
        ``(link, rate_bps)`` to the bandwidth that gives a rate > 0, Hz, nearly: whoever proves by it tries the rate
        on it. Anything where no bandwidth does.
    closed_forms : callable
        ``()`` to the `ClosedForms`; loads Numba where they are compiled already.
    is_vectorised : bool
        Whether the kernels have loops of SIMD code for it (`fedss_opt.kernels.oracle`); without, one client after the
        other is asked.
    """

    name: str
    link: str
    rate_bps: Rate
    rate_slope: Rate
    bandwidth_for_rate: Rate
    closed_forms: Callable[[], ClosedForms]
    is_vectorised: bool = False
