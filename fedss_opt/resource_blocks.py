"""Whole resource blocks in numbers: how many fit on a band, and limits rounded to them; for one round or for many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK_ROUNDING", "blocks_within", "limits_in_blocks"]

FloatArray = npt.NDArray[np.float64]

# A number of resource blocks counts as whole within this fraction of it: decimal fractions are rounded.
BLOCK_ROUNDING = 4e-15


def blocks_within(hertz: float | FloatArray, block_hz: float | FloatArray) -> FloatArray:
    """Return how many whole blocks a bandwidth holds."""
    count: FloatArray = np.floor(np.divide(hertz, block_hz) * (1.0 + BLOCK_ROUNDING))
    return count


def limits_in_blocks(
    low_hz: FloatArray, high_hz: FloatArray, block_hz: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Round limits inwards: the least bandwidth up to whole blocks, at least one, and the greatest down."""
    first = np.maximum(np.ceil(low_hz / block_hz * (1.0 - BLOCK_ROUNDING)), 1.0)
    return block_hz * first, block_hz * blocks_within(high_hz, block_hz)
