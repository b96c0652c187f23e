"""What a preset says of the radios: transmit power, noise, the longest upload and the width of a resource block."""

from __future__ import annotations

import numpy as np

from ..array_types import FloatArray
from ..exceptions import OptionError
from .draws import generator, uniform
from .presets import PRESETS, dbm_to_w

__all__ = ["block_width_hz", "draw_noise_w_per_hz", "draw_power_w", "longest_upload_s"]


def draw_power_w(preset: str, transmit_power_dbm: float | None, clients: int, seed: int) -> FloatArray:
    """Transmit power of every client, W, (N,): the given one, in dBm, or the preset's."""
    if transmit_power_dbm is None:
        return uniform(PRESETS[preset].transmit_power_w, clients, seed, "transmit power")
    return np.full(clients, dbm_to_w(float(transmit_power_dbm)))


def draw_noise_w_per_hz(preset: str, clients: int, seed: int) -> FloatArray:
    """Density of noise and interference that every client meets, W/Hz, (N,): one of the preset's levels."""
    levels = np.array(PRESETS[preset].noise_w_per_hz)
    return levels[np.floor(len(levels) * generator(seed, "interference").random(clients)).astype(np.intp)]


def longest_upload_s(preset: str, power_w: FloatArray) -> FloatArray:
    """Longest upload of every client, s, (N,): the preset's limit, and its energy over the power."""
    cell = PRESETS[preset]
    return np.minimum(cell.max_upload_s, cell.energy_j / power_w)


def block_width_hz(preset: str) -> float:
    """Width of the preset's resource blocks, Hz; `OptionError` where it says none."""
    width = PRESETS[preset].resource_block_hz
    if width is None:
        known = ", ".join(repr(name) for name, other in PRESETS.items() if other.resource_block_hz is not None)
        raise OptionError(f"resource_blocks = True: {preset!r} says no width of a block; {known} do")
    return width
