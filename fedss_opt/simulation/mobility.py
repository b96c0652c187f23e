"""Where moving devices are at a given time, and the shadowing that they meet there: both in closed form.

Nothing is integrated from round to round. A position is a function of the time and a shadowing a function of the
position, so a run that is resumed at any round finds the same channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ..array_types import FloatArray
from ..exceptions import OptionError
from ..scenarios.arguments import number
from ..scenarios.channel import Channels, Layout, LogDistance, PathLoss, Shape, large_scale_gain
from ..scenarios.draws import generator

__all__ = ["GaussianField", "MovingDevices", "Paths", "draw_paths"]


WAVES = 256
"""Cosines in a `GaussianField`: its excess kurtosis is -1.5 / 256 = -0.006."""

_SLOWEST, _FASTEST = 0.5, 1.5
_BLOCK = 4096  # positions at a time: the cosines of a block take 8 MiB


@dataclass(frozen=True, eq=False)
class Paths:
    """Straight lines, reflected at the border of the cell.

    Parameters
    ----------
    layout : Layout
        A square or a disc, whose border reflects; one that says distances only is refused with `OptionError`.
    start_m, velocity_m_s : ndarray, (D, 2)
        Positions at time 0 relative to the base station, m, within the border, and velocities, m/s.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.scenarios.channel import Layout, Shape
    >>> square = Layout(shape=Shape.SQUARE, size_m=100.0, nearest_m=1.0)
    >>> walk = Paths(square, np.array([[40.0, 0.0]]), np.array([[2.0, 0.5]]))
    >>> walk.position_m(time_s=10.0)
    array([[40.,  5.]])
    """

    layout: Layout
    start_m: FloatArray
    velocity_m_s: FloatArray

    def __post_init__(self) -> None:
        if self.layout.shape is Shape.INTERVAL:
            raise OptionError("paths need a cell with an area: a layout of distances only says not where a border is")

    def position_m(self, time_s: float) -> FloatArray:
        """Positions relative to the base station after a time >= 0 in s, m, (D, 2)."""
        number("time_s", time_s, low=0.0, high=math.inf, open_high=True)
        if self.layout.shape is Shape.SQUARE:
            return _fold(self.start_m + time_s * self.velocity_m_s, self.layout.size_m)
        return _billiard(self.start_m, self.velocity_m_s, time_s, self.layout.size_m)


def draw_paths(layout: Layout, devices: int, speed_m_s: float, seed: int) -> Paths:
    """Draw the paths of a cell: the scenario's positions, every direction alike, speeds of 0.5 to 1.5 times the mean.

    Uniform positions with directions drawn alike stay so under straight motion with reflection: the devices are
    spread like the scenario's at all times.
    """
    speed = speed_m_s * (_SLOWEST + (_FASTEST - _SLOWEST) * generator(seed, "speed").random(devices))
    direction = 2.0 * np.pi * generator(seed, "direction").random(devices)
    velocity = np.stack([speed * np.cos(direction), speed * np.sin(direction)], axis=1)
    return Paths(layout, layout.positions_m(devices, seed), velocity)


def _fold(x: FloatArray, side: float) -> FloatArray:
    """Reflect unbounded coordinates into [-side/2, side/2]: a triangle wave of period two sides."""
    along = np.mod(x + 0.5 * side, 2.0 * side)
    return np.minimum(along, 2.0 * side - along) - 0.5 * side


def _billiard(start: FloatArray, velocity: FloatArray, time_s: float, radius: float) -> FloatArray:
    """Reflect straight lines at a circle.

    In the complex plane, a path that first meets the circle at q with the direction u leaves it in the direction
    ``-conj(w) q/R``, where ``w = u conj(q)/R = e^(i theta)``. All its chords have the length ``2 R cos(theta)``, and
    each is the one before turned by ``pi - 2 theta``: the n-th is known without the others.
    """
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    p = start[:, 0] + 1j * start[:, 1]
    # A device at rest gets a direction too; its path has no length.
    u = np.where(speed > 0.0, velocity[:, 0] + 1j * velocity[:, 1], 1.0) / np.where(speed > 0.0, speed, 1.0)
    forward = (p * u.conj()).real
    to_border = np.sqrt(np.maximum(forward**2 + radius**2 - np.abs(p) ** 2, 0.0)) - forward
    q = p + to_border * u
    w = u * q.conj() / radius
    # A path along the circle has no chords: a least length keeps their number finite.
    chord = np.maximum(2.0 * radius * w.real, 1e-9 * radius)
    beyond = speed * time_s - to_border
    turns = np.maximum(np.floor(beyond / chord), 0.0)
    on_chord = q - (beyond - turns * chord) * w.conj() * q / radius
    turned = on_chord * np.exp(1j * turns * (np.pi - 2.0 * np.angle(w)))
    z = np.where(beyond < 0.0, p + speed * time_s * u, turned)
    return np.stack([z.real, z.imag], axis=1)


class GaussianField:
    """A standard normal random field over the plane with correlation ``exp(-distance / decorrelation)``, in m.

    Gudmundson's correlation of shadowing (Electronics Letters 27(23), 1991), at all positions at once, as a sum of
    M = 256 cosines of random wave vectors and phases::

        X(p) = sqrt(2 / M) sum_m cos(k_m . p + phi_m),   k_m = z_m / (|y_m| decorrelation)

    with z_m standard normal in two dimensions and y_m in one. Such a k has the two-dimensional Cauchy law, whose
    characteristic function is the correlation, so over the seeds mean, variance and correlation are exact for every M.
    What is approximate: a value's law, which is normal up to an excess kurtosis of -1.5/M, and the correlation within
    the field of one seed, which differs from the exponential by about 1/sqrt(M). Fields of different purposes are
    independent.

    Examples
    --------
    >>> field = GaussianField(50.0, seed=0, purpose="shadowing")
    >>> near, far = field.at([[0.0, 0.0], [0.1, 0.0], [400.0, 0.0]])[1:] - field.at([[0.0, 0.0]])
    >>> bool(abs(near) < abs(far))
    True
    """

    def __init__(self, decorrelation_m: float, *, seed: int, purpose: str) -> None:
        number("decorrelation_m", decorrelation_m, low=0.0, high=math.inf, open_low=True, open_high=True)
        rng = generator(seed, f"field of {purpose}")
        z, y = rng.standard_normal((2, WAVES)), rng.standard_normal(WAVES)
        self._wave = z / (np.abs(y) * decorrelation_m)
        self._phase = 2.0 * np.pi * rng.random(WAVES)

    def at(self, position_m: npt.ArrayLike) -> FloatArray:
        """Values at positions in m, (D, 2) to (D,)."""
        position = np.asarray(position_m, dtype=np.float64)
        value = np.empty(len(position))
        for first in range(0, len(position), _BLOCK):
            x, y = position[first : first + _BLOCK].T[:, :, np.newaxis]
            # Products and not a matrix product: what a device meets must not depend on how many others ask.
            angle = x * self._wave[0] + y * self._wave[1] + self._phase
            value[first : first + _BLOCK] = np.cos(angle).sum(axis=1)
        return value * math.sqrt(2.0 / WAVES)


class MovingDevices:
    """The channels of devices on the move, without fading.

    One shadowing field serves all devices, scaled by the standard deviation of each link: who passes the same place
    meets the same shadow. A link is in sight where ``Phi(Y(p)) < P(in sight | distance)``, with a second field Y, so
    that sight, too, changes over the decorrelation distance (m) and not from moment to moment.
    """

    def __init__(
        self, layout: Layout, path_loss: PathLoss, devices: int, speed_m_s: float, *, decorrelation_m: float, seed: int
    ) -> None:
        self._layout, self._path_loss = layout, path_loss
        self.paths = draw_paths(layout, devices, speed_m_s, seed)
        self._shadowing = GaussianField(decorrelation_m, seed=seed, purpose="shadowing")
        self._sight = None
        if not isinstance(path_loss, LogDistance):  # that law has every link in sight
            self._sight = GaussianField(decorrelation_m, seed=seed, purpose="line of sight")

    def channels(self, time_s: float) -> Channels:
        """Return the channels after a time >= 0 in s; all fading is 1."""
        position = self.paths.position_m(time_s)
        distance = np.maximum(np.hypot(position[:, 0], position[:, 1]), self._layout.nearest_m)
        in_sight, large_scale = large_scale_gain(
            self._path_loss,
            distance,
            sight=np.zeros(len(distance)) if self._sight is None else ndtr(self._sight.at(position)),
            shadowing=self._shadowing.at(position),
        )
        return Channels(
            distance_m=distance, line_of_sight=in_sight, large_scale=large_scale, fading=np.ones(len(distance))
        )
