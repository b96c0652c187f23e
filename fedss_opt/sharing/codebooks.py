"""Codebooks: levels, thresholds, and what quantising with them loses and saves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray, IntArray
from ..exceptions import OptionError
from .array_checks import finite

__all__ = [
    "LARGEST",
    "Codebook",
    "QuantiserReport",
    "midway",
    "sample_weights",
    "weighted_mean",
    "weighted_variance",
]


@dataclass(frozen=True)
class QuantiserReport:
    """What quantising some samples costs and saves.

    Attributes
    ----------
    levels : int
        Number of levels, L.
    distortion : float
        Mean square error.
    relative_distortion : float
        The same as a fraction of the samples' variance; 0 where both are 0, ``inf`` where only the variance is.
    bits : int
        Bits of an index at fixed length.
    entropy_bits : float
        Bits of an index at best, on average: the entropy of the indices.
    """

    levels: int
    distortion: float
    relative_distortion: float
    bits: int
    entropy_bits: float


@dataclass(frozen=True, eq=False)
class Codebook:
    """Levels, and the thresholds between them.

    Parameters
    ----------
    levels : ndarray, (L,)
        Values that quantised samples take, increasing, at least one.
    thresholds : ndarray, (L-1,), optional
        Where one level gives way to the next, from the one to below the other. Midway by default, which makes each
        sample go to the level nearest to it. A sample on a threshold goes to the lower level.

    Raises
    ------
    OptionError
        For levels that do not increase, or thresholds that are not between them.

    Examples
    --------
    >>> from fedss_opt.sharing.codebooks import Codebook
    >>> codebook = Codebook([0.0, 0.5, 1.0])
    >>> codebook.quantise([0.1, 0.3, 0.75, 0.9])
    array([0. , 0.5, 0.5, 1. ])
    >>> codebook.bits
    2
    """

    levels: FloatArray
    thresholds: FloatArray = None  # type: ignore[assignment]  # midway, see __post_init__

    def __post_init__(self) -> None:
        levels = np.array(finite("levels", self.levels), dtype=np.float64)
        if levels.ndim != 1 or levels.size == 0 or not (levels[1:] > levels[:-1]).all():
            raise OptionError(f"levels = {levels.tolist()}: must be one or more increasing numbers")
        if self.thresholds is None:
            thresholds = midway(levels[:-1], levels[1:])
        else:
            thresholds = np.array(finite("thresholds", self.thresholds), dtype=np.float64)
            if thresholds.shape != (levels.size - 1,):
                raise OptionError(f"thresholds: shape {thresholds.shape}; must be ({levels.size - 1},), between levels")
            if not ((levels[:-1] <= thresholds) & (thresholds < levels[1:])).all():
                raise OptionError(f"thresholds = {thresholds.tolist()}: each must be from one level to below the next")
        for name, array in (("levels", levels), ("thresholds", thresholds)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def bits(self) -> int:
        """Bits of an index at fixed length, ``ceil(log2 L)``."""
        return (self.levels.size - 1).bit_length()

    def index(self, samples: npt.ArrayLike) -> IntArray:
        """Return the index of each sample's level, of the samples' shape."""
        return np.searchsorted(self.thresholds, finite("samples", samples), side="left")

    def quantise(self, samples: npt.ArrayLike) -> FloatArray:
        """Replace each sample by its level."""
        return self.levels[self.index(samples)]

    def distortion(self, samples: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
        """Return the mean square error on the samples, weighted where weights are given; 0 without samples."""
        x = np.asarray(finite("samples", samples), dtype=np.float64)
        return weighted_mean((x - self.quantise(x)) ** 2, sample_weights(x, weights))

    def entropy_bits(self, samples: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
        """Entropy of the samples' indices, bit; 0 without samples."""
        indices = self.index(samples).ravel()
        mass = np.bincount(indices, weights=sample_weights(np.asarray(samples), weights), minlength=self.levels.size)
        share = mass[mass > 0.0] / max(mass.sum(), np.finfo(np.float64).tiny)
        return float(max(0.0, -(share * np.log2(share)).sum()))

    def report(self, samples: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> QuantiserReport:
        """Describe what quantising the samples with this codebook costs, see `QuantiserReport`."""
        x = np.asarray(finite("samples", samples), dtype=np.float64)
        error, variance = self.distortion(x, weights=weights), weighted_variance(x, sample_weights(x, weights))
        relative = error / variance if variance > 0.0 else (0.0 if error == 0.0 else math.inf)
        return QuantiserReport(self.levels.size, error, relative, self.bits, self.entropy_bits(x, weights=weights))


def midway(low: FloatArray, high: FloatArray) -> FloatArray:
    """Halve the way between neighbours, without reaching the upper one where no number lies between them."""
    middle: FloatArray = np.minimum(low + 0.5 * (high - low), np.nextafter(high, -math.inf))
    return middle


# -- weighted moments
# -------------------------------------------------------------------------------------

LARGEST = 1e100  # squares of samples, and sums of them, stay within double precision


def sample_weights(x: FloatArray, weights: npt.ArrayLike | None) -> FloatArray:
    """Accept weights like the samples, flattened; ones where none are given."""
    if weights is None:
        return np.ones(x.size)
    mass = np.asarray(finite("weights", weights, most=LARGEST), dtype=np.float64)
    if mass.shape != x.shape or (mass < 0.0).any():
        raise OptionError(f"weights: shape {mass.shape}, least {mass.min(initial=0.0):g}; must be {x.shape}, all >= 0")
    return mass.ravel()


def weighted_mean(values: FloatArray, mass: FloatArray) -> float:
    """Return the mean of values with weights; 0 where there is no weight."""
    total = mass.sum()
    return float((values.ravel() * mass).sum() / total) if total > 0.0 else 0.0


def weighted_variance(x: FloatArray, mass: FloatArray) -> float:
    """Variance of values with weights, about their mean."""
    return weighted_mean((x - weighted_mean(x, mass)) ** 2, mass)
