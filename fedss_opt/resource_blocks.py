"""Whole resource blocks in numbers: how many fit on a band, and limits rounded to them; for one round or for many.

What counts as whole is decided here, and everywhere else taken from here: by `Problem`, what hands blocks out, and the
checkers. The kernels are given limits in whole blocks.
"""

from __future__ import annotations

import numpy as np

from .array_types import BoolArray, FloatArray

__all__ = ["BLOCK_ROUNDING", "MOST_BLOCKS", "WHOLE_BLOCKS", "blocks_within", "limits_in_blocks", "too_many_blocks"]


# A number of resource blocks counts as whole within this fraction of it: decimal fractions are rounded.
BLOCK_ROUNDING = 4e-15
# Sums of whole blocks are compared with the carrier's: far above their rounding, and a tenth of a block at most.
WHOLE_BLOCKS = 1.0 + 1e-12
MOST_BLOCKS = 10**11


def too_many_blocks(hertz: float | FloatArray, block_hz: float | FloatArray) -> BoolArray:
    """Tell whether a bandwidth holds more blocks than can be counted without error; false for NaN."""
    beyond: BoolArray = np.greater(hertz, MOST_BLOCKS * np.asarray(block_hz))
    return beyond


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
