"""Kinds of arrays, by what they hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["IndexArray", "Parameters", "SampleArray"]

IndexArray = npt.NDArray[np.intp]
Parameters = npt.NDArray[np.float32]
SampleArray = npt.NDArray[np.float32]
