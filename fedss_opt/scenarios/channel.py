"""Where the clients stand and how much of their power arrives: layout, path loss, shadowing, fading."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError
from .draws import generator
from .urban import UrbanMacro, UrbanMicro

__all__ = ["Channels", "Layout", "LogDistance", "PathLoss", "Shape", "draw_channels", "large_scale_gain"]


class Shape(StrEnum):
    """How the clients are spread around the base station."""

    SQUARE = "square"
    """Uniformly over a square with the base station in its middle; the size is its side."""
    DISC = "disc"
    """Uniformly over a disc's area; the size is its radius."""
    INTERVAL = "interval"
    """The distance itself is uniform from the nearest to the size, so clients crowd towards the middle."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the clients stand.

    Parameters
    ----------
    shape : Shape
        How they are spread.
    size_m : float
        Side, radius or greatest distance, m.
    nearest_m : float
        Clients drawn nearer than this are moved out to it: no path-loss law holds at the antenna itself.
    """

    shape: Shape
    size_m: float
    nearest_m: float

    def distances_m(self, clients: int, seed: int) -> FloatArray:
        """Draw the horizontal distance of every client from the base station, m, (N,)."""
        first = generator(seed, "position").random(clients)
        if self.shape is Shape.INTERVAL:
            return self.nearest_m + (self.size_m - self.nearest_m) * first
        if self.shape is Shape.DISC:
            distance = self.size_m * np.sqrt(first)
        else:
            second = generator(seed, "position, second axis").random(clients)
            distance = self.size_m * np.hypot(first - 0.5, second - 0.5)
        return np.maximum(distance, self.nearest_m)

    def positions_m(self, clients: int, seed: int) -> FloatArray:
        """Draw where every client stands relative to the base station, m, (N, 2); for a square or a disc.

        The distances are those of `distances_m` to rounding, but for clients whom `nearest_m` moves out: they
        stand where they were drawn.
        """
        first = generator(seed, "position").random(clients)
        second = generator(seed, "position, second axis").random(clients)
        if self.shape is Shape.SQUARE:
            square: FloatArray = self.size_m * (np.stack([first, second], axis=1) - 0.5)
            return square
        if self.shape is Shape.DISC:
            angle = 2.0 * np.pi * second
            radius = self.size_m * np.sqrt(first)
            disc: FloatArray = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            return disc
        raise OptionError(f"shape = {str(self.shape)!r}: says distances only; positions need a square or a disc")


@dataclass(frozen=True, kw_only=True)
class LogDistance:
    """The log-distance law ``intercept + slope log10(d / unit)`` with log-normal shadowing.

    Parameters
    ----------
    intercept_db : float
        Loss at the unit distance, dB.
    slope_db : float
        Loss per decade of distance, dB (ten times the path-loss exponent).
    unit_m : float
        Unit distance, m.
    shadowing_db : float
        Standard deviation of the shadowing, dB.

    Examples
    --------
    >>> from fedss_opt.scenarios.channel import LogDistance
    >>> law = LogDistance(intercept_db=128.1, slope_db=37.6, unit_m=1000.0)
    >>> [round(float(x), 4) for x in law.path_loss_db([100.0, 1000.0], [True, True])]
    [90.5, 128.1]
    """

    intercept_db: float
    slope_db: float
    unit_m: float = 1.0
    shadowing_db: float = 0.0

    def line_of_sight_probability(self, distance_m: npt.ArrayLike) -> FloatArray:
        """Return 1 everywhere: the law does not tell links in sight from others."""
        return np.ones(np.shape(distance_m))

    def path_loss_db(self, distance_m: npt.ArrayLike, line_of_sight: npt.ArrayLike) -> FloatArray:
        """Return the median loss in dB at distances in m."""
        distance = np.asarray(distance_m, dtype=np.float64)
        loss: FloatArray = self.intercept_db + self.slope_db * np.log10(distance / self.unit_m)
        return loss

    def shadowing_std_db(self, line_of_sight: npt.ArrayLike) -> FloatArray:
        """Return the standard deviation of the shadowing in dB, the same for every link."""
        return np.full(np.shape(line_of_sight), self.shadowing_db)


PathLoss = LogDistance | UrbanMicro | UrbanMacro


@dataclass(frozen=True, kw_only=True, eq=False)
class Channels:
    """The links of one cell.

    Attributes
    ----------
    distance_m : ndarray, (N,)
        Horizontal distance from the base station.
    line_of_sight : ndarray of bool, (N,)
        Whether the link is in sight (all true where the law does not distinguish).
    large_scale : ndarray, (N,)
        Power gain from path loss and shadowing; it stays while the clients stay.
    fading : ndarray, (N,)
        Power gain from small-scale fading, mean 1; it changes from round to round.
    """

    distance_m: FloatArray
    line_of_sight: BoolArray
    large_scale: FloatArray
    fading: FloatArray

    @property
    def gain(self) -> FloatArray:
        """Power gain of every link, (N,) > 0."""
        # An exponential draw may be 0, and a channel may not: the smallest normal number stands for "no
        # signal".
        return np.maximum(self.large_scale * self.fading, np.finfo(np.float64).tiny)


def draw_channels(*, layout: Layout, path_loss: PathLoss, rayleigh: bool, clients: int, seed: int) -> Channels:
    """Draw the links of a cell.

    Shadowing is log-normal, a factor ``10^(X/10)`` with X ~ N(0, sigma^2) in dB; Rayleigh fading multiplies
    the power by an exponential draw of mean 1.

    Parameters
    ----------
    layout : Layout
        Where the clients stand.
    path_loss : PathLoss
        The law of the loss and its shadowing.
    rayleigh : bool
        Whether there is small-scale fading.
    clients : int
        Number of clients, N >= 0.
    seed : int
        Seed of the scenario.

    Returns
    -------
    Channels
        Distances and gains, (N,) each.
    """
    distance = layout.distances_m(clients, seed)
    in_sight, large_scale = large_scale_gain(
        path_loss,
        distance,
        sight=generator(seed, "line of sight").random(clients),
        shadowing=generator(seed, "shadowing").standard_normal(clients),
    )
    fading = generator(seed, "fading").standard_exponential(clients) if rayleigh else np.ones(clients)
    return Channels(distance_m=distance, line_of_sight=in_sight, large_scale=large_scale, fading=fading)


def large_scale_gain(
    path_loss: PathLoss, distance_m: FloatArray, *, sight: FloatArray, shadowing: FloatArray
) -> tuple[BoolArray, FloatArray]:
    """Return who is in sight and the power gain from path loss and shadowing, (N,) each.

    Parameters
    ----------
    path_loss : PathLoss
        The law of the loss and its shadowing.
    distance_m : ndarray, (N,)
        Horizontal distances, m.
    sight : ndarray, (N,)
        Uniform draws from [0, 1): a link is in sight where its draw is below the probability of that.
    shadowing : ndarray, (N,)
        Standard normal draws, scaled by the law's standard deviation.
    """
    in_sight = sight < path_loss.line_of_sight_probability(distance_m)
    loss = path_loss.path_loss_db(distance_m, in_sight) + path_loss.shadowing_std_db(in_sight) * shadowing
    gain: FloatArray = 10.0 ** (-loss / 10.0)
    return in_sight, gain
