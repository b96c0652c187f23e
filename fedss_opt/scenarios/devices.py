"""How long the clients compute before they can upload."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..array_types import FloatArray
from .draws import Range, generator, uniform

__all__ = ["ComputeLaw", "Cycles", "ShiftedExponential"]


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Processor cycles: ``cycles_per_unit * units / frequency_hz``, each drawn on its own.

    Parameters
    ----------
    cycles_per_unit : float or (low, high)
        Cycles that a unit of data costs.
    units : float or (low, high)
        Units that a client works through in the round (samples times epochs, or bits).
    frequency_hz : float or (low, high)
        Cycles a second.

    Examples
    --------
    >>> from fedss_opt.scenarios.devices import Cycles
    >>> float(Cycles(cycles_per_unit=2e4, units=500, frequency_hz=2e9).draw(1, seed=0)[0])
    0.005
    """

    cycles_per_unit: Range
    units: Range
    frequency_hz: Range

    def draw(self, clients: int, seed: int) -> FloatArray:
        """Seconds of every client, (N,)."""
        cycles = uniform(self.cycles_per_unit, clients, seed, "cycles per unit")
        units = uniform(self.units, clients, seed, "units of data")
        return cycles * units / uniform(self.frequency_hz, clients, seed, "processor frequency")


@dataclass(frozen=True, kw_only=True)
class ShiftedExponential:
    """A sure part and an exponential one: ``shift_s + mean_s * Exp(1)``.

    Parameters
    ----------
    shift_s : float
        Seconds that every client needs at least.
    mean_s : float
        Mean of what comes on top, s.
    """

    shift_s: float
    mean_s: float

    def draw(self, clients: int, seed: int) -> FloatArray:
        """Seconds of every client, (N,)."""
        extra = generator(seed, "compute time").standard_exponential(clients)
        seconds: FloatArray = self.shift_s + self.mean_s * extra
        return seconds


ComputeLaw = Cycles | ShiftedExponential


def draw_compute_s(law: ComputeLaw | None, clients: int, seed: int) -> FloatArray:
    """Seconds before every client can upload, (N,); 0 without a law."""
    return np.zeros(clients) if law is None else law.draw(clients, seed)
