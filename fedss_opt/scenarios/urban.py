"""The urban path-loss models of 3GPP TR 38.901: street canyon (UMi) and macro (UMa), outdoor users.

Source: 3GPP TR 38.901, "Study on channel model for frequencies from 0.5 to 100 GHz", Table 7.4.1-1 (path
loss and shadowing) and Table 7.4.2-1 (probability of line of sight). Both ask for a horizontal distance of
10 m to 5 km and a user between 1.5 m and 22.5 m; here users stay below 13 m, where the effective
environment height is 1 m for every link (above, UMa draws it at random). There is no loss into buildings:
every user is outdoors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import ProblemError

__all__ = ["UrbanMacro", "UrbanMicro"]


SPEED_OF_LIGHT_M_S = 3.0e8  # the report rounds it so, in the note on the breakpoint distance
ENVIRONMENT_HEIGHT_M = 1.0


@dataclass(frozen=True, kw_only=True)
class _Urban:
    """What the two models share: the geometry of a link.

    Parameters
    ----------
    carrier_hz : float
        Carrier frequency, 0.5 to 100 GHz.
    base_height_m : float
        Height of the base station's antenna.
    user_height_m : float
        Height of a user's antenna, from 1.5 m to below 13 m.
    """

    carrier_hz: float
    base_height_m: float
    user_height_m: float = 1.5

    # Of the table: the loss in sight, what of the breakpoint's term is taken off beyond it, the decay of the sight, and
    # the shadowing without.
    _intercept_db: ClassVar[float]
    _slope_db: ClassVar[float]
    _beyond_db: ClassVar[float]
    _decay_m: ClassVar[float]
    _blocked_std_db: ClassVar[float]

    def __post_init__(self) -> None:
        if not 0.5e9 <= self.carrier_hz <= 100e9:
            raise ProblemError(f"carrier_hz = {self.carrier_hz:g}: must be from 0.5e9 to 100e9 Hz")
        if not 1.5 <= self.user_height_m < 13.0:
            raise ProblemError(f"user_height_m = {self.user_height_m:g}: must be from 1.5 m to below 13 m")
        if not self.base_height_m > self.user_height_m:
            raise ProblemError(
                f"base_height_m = {self.base_height_m:g}: must be above the user's {self.user_height_m:g} m"
            )

    @property
    def breakpoint_m(self) -> float:
        """Distance ``4 h'_BS h'_UT f / c`` at which the ground reflection steepens the loss, m."""
        base = self.base_height_m - ENVIRONMENT_HEIGHT_M
        user = self.user_height_m - ENVIRONMENT_HEIGHT_M
        return 4.0 * base * user * self.carrier_hz / SPEED_OF_LIGHT_M_S

    def line_of_sight_probability(self, distance_m: npt.ArrayLike) -> FloatArray:
        """``18/d + exp(-d/decay) (1 - 18/d)`` beyond 18 m, else 1 (users below 13 m: UMa's height factor is 1)."""
        distance = np.maximum(np.asarray(distance_m, dtype=np.float64), 18.0)  # at 18 m the formula is 1
        share = 18.0 / distance
        return share + np.exp(-distance / self._decay_m) * (1.0 - share)

    def path_loss_db(self, distance_m: npt.ArrayLike, line_of_sight: npt.ArrayLike) -> FloatArray:
        """Return the median loss in dB at horizontal distances in m, with or without line of sight."""
        horizontal = np.asarray(distance_m, dtype=np.float64)
        drop = self.base_height_m - self.user_height_m
        log_slant = np.log10(np.hypot(horizontal, drop))
        carrier_db = float(20.0 * np.log10(self.carrier_hz / 1e9))  # above 1 GHz
        breakpoint_db = float(np.log10(self.breakpoint_m**2 + drop**2))
        near = self._intercept_db + self._slope_db * log_slant + carrier_db
        far = self._intercept_db + 40.0 * log_slant + carrier_db - self._beyond_db * breakpoint_db
        clear = np.where(horizontal <= self.breakpoint_m, near, far)
        blocked = self._blocked_db(log_slant, carrier_db)
        return np.where(np.asarray(line_of_sight, dtype=bool), clear, np.maximum(clear, blocked))

    def shadowing_std_db(self, line_of_sight: npt.ArrayLike) -> FloatArray:
        """Return the standard deviation of the log-normal shadowing in dB: 4 in sight, more without."""
        return np.where(np.asarray(line_of_sight, dtype=bool), 4.0, self._blocked_std_db)

    def _blocked_db(self, log_slant: FloatArray, carrier_db: float) -> FloatArray:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class UrbanMicro(_Urban):
    """UMi street canyon; base station at 10 m.

    Examples
    --------
    >>> from fedss_opt.scenarios.urban import UrbanMicro
    >>> cell = UrbanMicro(carrier_hz=3.5e9)
    >>> round(cell.breakpoint_m, 6)
    210.0
    >>> loss = cell.path_loss_db([100.0, 100.0], [True, False])
    >>> [round(float(x), 2) for x in loss]
    [85.31, 104.64]
    """

    base_height_m: float = 10.0

    _intercept_db, _slope_db, _beyond_db = 32.4, 21.0, 9.5
    _decay_m, _blocked_std_db = 36.0, 7.82

    def _blocked_db(self, log_slant: FloatArray, carrier_db: float) -> FloatArray:
        log_carrier = carrier_db / 20.0
        loss: FloatArray = 35.3 * log_slant + 22.4 + 21.3 * log_carrier - 0.3 * (self.user_height_m - 1.5)
        return loss


@dataclass(frozen=True, kw_only=True)
class UrbanMacro(_Urban):
    """UMa; base station at 25 m, above the roofs.

    Examples
    --------
    >>> from fedss_opt.scenarios.urban import UrbanMacro
    >>> cell = UrbanMacro(carrier_hz=3.5e9)
    >>> loss = cell.path_loss_db([100.0, 100.0], [True, False])
    >>> [round(float(x), 2) for x in loss]
    [83.14, 103.04]
    """

    base_height_m: float = 25.0

    _intercept_db, _slope_db, _beyond_db = 28.0, 22.0, 9.0
    _decay_m, _blocked_std_db = 63.0, 6.0

    def _blocked_db(self, log_slant: FloatArray, carrier_db: float) -> FloatArray:
        loss: FloatArray = 13.54 + 39.08 * log_slant + carrier_db - 0.6 * (self.user_height_m - 1.5)
        return loss
