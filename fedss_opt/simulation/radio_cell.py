"""The cell over rounds: who is how far, what arrives of whose power, and how long the downlink takes.

The links of a round are a function of settings, seed, round and time; nothing is carried from round to round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ..array_types import FloatArray
from ..exceptions import OptionError
from ..problem import Problem
from ..scenarios import PRESETS
from ..scenarios.arguments import count, number
from ..scenarios.channel import Channels, Shape, draw_channels
from ..scenarios.draws import generator
from ..scenarios.presets import Preset, dbm_to_w
from ..scenarios.radios import block_width_hz, draw_noise_w_per_hz, draw_power_w, longest_upload_s
from ..solvers.selection_answer import optimal_bandwidth
from ..validation import vector
from ..wording import one_of
from .checks import checked_places
from .mobility import MovingDevices
from .section import Section

__all__ = ["CellSettings", "Fading", "RadioCell", "RadioLinks"]


class Fading(StrEnum):
    """Small-scale fading from round to round."""

    RAYLEIGH = "rayleigh"
    """The power gain is multiplied by an exponential draw of mean 1, anew in every round."""
    NONE = "none"
    """It averages out over the band."""


class CellSettings(Section):
    """What the cell is like.

    Examples
    --------
    >>> CellSettings(preset="umi", speed_m_s=1.5).fading is None
    True
    """

    preset: str = "yang2021"
    """Name of the cell, see `fedss_opt.scenarios.names`."""
    bandwidth_hz: float | None = Field(default=None, gt=0.0)
    """Uplink bandwidth, Hz; the preset's by default."""
    transmit_power_dbm: float | None = Field(default=None, ge=-100.0, le=100.0)
    """Transmit power of every device, dBm; the preset's by default."""
    fading: Fading | None = None
    """Block fading, constant within a round and drawn anew for the next; the preset's by default."""
    speed_m_s: float = Field(default=0.0, ge=0.0)
    """Mean speed of the devices, m/s >= 0."""
    decorrelation_m: float = Field(default=50.0, gt=0.0)
    """Distance at which the shadowing of a moving device has a correlation of 1/e, m (3GPP TR 38.901: 50 m for the
    urban macro cell without line of sight; unverified).
    """
    downlink_bandwidth_hz: float | None = Field(default=None, gt=0.0)
    """Bandwidth of the downlink, Hz; the uplink's by default."""
    base_station_power_dbm: float = Field(default=43.0, ge=-100.0, le=100.0)
    """Transmit power of the base station, dBm. The default, 43 dBm or 20 W, is what 3GPP studies assume for a macro
    cell of 5 MHz (46 dBm or more for 10 and 20 MHz; TR 36.814; unverified): rather little for the wider presets.
    """
    resource_blocks: bool = False
    """Hand out the uplink in whole resource blocks of the preset's width."""

    @field_validator("preset")
    @classmethod
    def _know_the_preset(cls, value: str) -> str:
        if value not in PRESETS:
            raise ValueError(one_of(value, PRESETS))
        return value


@dataclass(frozen=True, eq=False)
class RadioLinks:
    """The links of one round, of D devices or of clients.

    Attributes
    ----------
    distance_m, power_w : ndarray, (D,)
        Horizontal distance from the base station, NaN where the preset has no geometry; transmit power of the uplink,
        W.
    gain, noise : ndarray, (D,)
        Power gain, the same in both directions, and density of noise and interference, W/Hz. Where the rate is linear,
        the gain of the fading alone, and the power that stands for noise, W.
    linear : bool
        Whether the rate is linear in the bandwidth, ``b log2(1 + P h / noise)``.
    max_upload_s : ndarray, (D,)
        Longest upload that the preset allows, s.
    """

    distance_m: FloatArray
    power_w: FloatArray
    gain: FloatArray
    noise: FloatArray
    linear: bool
    max_upload_s: FloatArray

    @property
    def uplink(self) -> dict[str, Any]:
        """The channel as `Problem` takes it: ``cn0_hz`` or ``spectral_efficiency``."""
        return self.channel(self.power_w)

    def channel(self, power_w: FloatArray | float) -> dict[str, Any]:
        """Return the channel as `Problem` takes it, at transmit powers in W, (D,) or scalar."""
        quality = power_w * self.gain / self.noise
        return {"spectral_efficiency": np.log2(1.0 + quality)} if self.linear else {"cn0_hz": quality}

    def of(self, chosen: npt.ArrayLike) -> RadioLinks:
        """Return the links at the given places, one after another, each with its full power."""
        at = checked_places("devices", chosen, self.gain.size)
        return replace(
            self,
            distance_m=self.distance_m[at],
            power_w=self.power_w[at],
            gain=self.gain[at],
            noise=self.noise[at],
            max_upload_s=self.max_upload_s[at],
        )

    def of_clients(self, device_of: npt.ArrayLike) -> RadioLinks:
        """Return the links of clients that share devices, (N,), from the device of each.

        Clients of one device have its channel, and share its power equally, whoever of them is selected. They share
        the energy behind the preset's limits of an upload likewise, so those stay.
        """
        device = checked_places("devices", device_of, self.gain.size)
        links = self.of(device)
        return replace(links, power_w=links.power_w / np.bincount(device, minlength=1)[device])


class RadioCell:
    """A cell whose channels change from round to round, for some devices and a seed, both >= 0.

    At rest, distances and large-scale gains are those of `fedss_opt.scenarios.make` with the same preset and seed; a
    larger cell contains the smaller one. Moving devices start where those stand and follow straight lines that the
    cell's border reflects; they meet one spatially correlated shadowing, and one such field for who is in sight.

    Raises
    ------
    OptionError
        When the preset cannot do what is asked: motion where it has no area, blocks where it says no width.

    Examples
    --------
    >>> import numpy as np
    >>> import fedss_opt as fo
    >>> cell = RadioCell(CellSettings(preset="yang2021"), devices=3, seed=0)
    >>> links = cell.links(round=0, time_s=0.0)
    >>> bool(np.all(links.uplink["cn0_hz"] == fo.scenarios.make("yang2021", n_clients=3).cn0_hz))
    True
    >>> cell.downlink_s([1e6, 1e6], [0, 2], links) < cell.downlink_s([1e6, 1e6, 1e6], [0, 1, 2], links)
    True
    """

    def __init__(self, settings: CellSettings, devices: int, seed: int) -> None:
        self.settings = settings
        self.devices = count("devices", devices)
        self._seed = count("seed", seed)
        preset = self._preset
        self.bandwidth_hz = preset.bandwidth_hz if settings.bandwidth_hz is None else settings.bandwidth_hz
        self.downlink_bandwidth_hz = settings.downlink_bandwidth_hz or self.bandwidth_hz
        self.resource_block_hz = block_width_hz(settings.preset) if settings.resource_blocks else None
        if settings.fading is None:
            self._fades = preset.rayleigh
        else:
            self._fades = settings.fading is Fading.RAYLEIGH
        self._power_w = draw_power_w(settings.preset, settings.transmit_power_dbm, self.devices, seed)
        if preset.snr_per_w is None:
            self._noise = draw_noise_w_per_hz(settings.preset, self.devices, seed)
        else:
            self._noise = np.full(self.devices, 1.0 / preset.snr_per_w)
        self._still = self._standing()
        self._moving = self._on_the_move() if settings.speed_m_s > 0.0 else None

    @property
    def _preset(self) -> Preset:
        return PRESETS[self.settings.preset]

    def links(self, round: int, time_s: float) -> RadioLinks:  # noqa: A002
        """Return the links of all devices in a round, which draws the fading, at a time in s, which places them."""
        purpose = f"fading, round {count('round', round)}"
        number("time_s", time_s, low=0.0, high=math.inf, open_high=True)
        channels = self._still if self._moving is None else self._moving.channels(float(time_s))
        if self._fades:
            channels = replace(channels, fading=generator(self._seed, purpose).standard_exponential(self.devices))
        return RadioLinks(
            distance_m=channels.distance_m,
            power_w=self._power_w,
            gain=channels.gain,
            noise=self._noise,
            linear=self._preset.snr_per_w is not None,
            max_upload_s=longest_upload_s(self.settings.preset, self._power_w),
        )

    def downlink_s(self, bits: npt.ArrayLike, devices: npt.ArrayLike, links: RadioLinks) -> float:
        """Return the least time in which the base station sends each chosen client its model, s.

        Unicast: n streams at once, each with the n-th part of the base station's power, over bandwidths that make all
        end together: the least T with ``sum_i b_i(T) <= B``, b_i the least bandwidth that carries its bits in T. Each
        stream has the gain and the noise of the uplink (reciprocity; the device's receiver is taken to be as good).

        Parameters
        ----------
        bits : array_like, (n,)
            Bits for each, >= 0; who gets none takes no part.
        devices : array_like of int, (n,)
            Places in `links`: devices, repeated where several of their clients are chosen, or clients.
        links : RadioLinks
            The links of the round.
        """
        place = checked_places("devices", devices, links.gain.size)
        payload = vector("bits", bits, place.size, unit="bit")
        place, payload = place[payload > 0.0], payload[payload > 0.0]
        if payload.size == 0:
            return 0.0
        stream_w = dbm_to_w(self.settings.base_station_power_dbm) / payload.size
        streams = Problem(
            payload_bits=payload, bandwidth_hz=self.downlink_bandwidth_hz, **links.of(place).channel(stream_w)
        )
        everyone = np.ones(payload.size, dtype=np.bool_)
        bandwidth = optimal_bandwidth(streams, everyone)
        assert bandwidth is not None  # no caps, no least bandwidths: there is always an allocation
        return streams.latency_s(everyone, bandwidth)

    def _standing(self) -> Channels:
        """Draw the scenario's links without fading, or none where the preset knows no distances."""
        layout, path_loss, n = self._preset.layout, self._preset.path_loss, self.devices
        if layout is None or path_loss is None:
            return Channels(
                distance_m=np.full(n, math.nan),
                line_of_sight=np.ones(n, dtype=np.bool_),
                large_scale=np.ones(n),
                fading=np.ones(n),
            )
        return draw_channels(layout=layout, path_loss=path_loss, rayleigh=False, clients=n, seed=self._seed)

    def _on_the_move(self) -> MovingDevices:
        layout, path_loss, speed = self._preset.layout, self._preset.path_loss, self.settings.speed_m_s
        if layout is None or path_loss is None or layout.shape is Shape.INTERVAL:
            layouts = {name: preset.layout for name, preset in PRESETS.items()}
            roomy = [repr(name) for name, other in layouts.items() if other and other.shape is not Shape.INTERVAL]
            raise OptionError(
                f"speed_m_s = {speed:g}: {self.settings.preset!r} has no area to move in; must be 0 there, or the "
                f"preset one of {', '.join(roomy)}"
            )
        return MovingDevices(
            layout, path_loss, self.devices, speed, decorrelation_m=self.settings.decorrelation_m, seed=self._seed
        )
