"""What the frozen families are drawn from: random numbers that are the same everywhere, and an everyday cell."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Draw", "Family", "Fields", "everyday"]

Fields = dict[str, Any]


class Draw:
    """Random numbers that are the same everywhere."""

    def __init__(self, seed: str) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self._random = random.Random(int.from_bytes(digest, "big")).random

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Tell whether something of this probability happens."""
        return self._random() < probability

    def one(self, options: tuple[Any, ...]) -> Any:
        """Return one of the options."""
        return options[self.whole(0, len(options) - 1)]

    def decades(self, low: float, high: float, n: int) -> np.ndarray:
        """N numbers spread over the decades, rounded to four digits so that the last bits of a power do not matter."""
        span = math.log10(high / low)
        return np.array([float(f"{low * 10.0 ** (span * self._random()):.4g}") for _ in range(n)])

    def levels(self, count: int, n: int, empty: float) -> np.ndarray:
        """Quantised relevance: multiples of 1/count, and 0 with probability `empty`."""
        draws = [0.0 if self.chance(empty) else self.whole(1, count) / count for _ in range(n)]
        return np.array(draws)


Family = Callable[[Draw, int, int], Fields]


def everyday(draw: Draw, n: int, k: int, *, levels: int = 15, share: tuple[float, ...] = (0.3, 0.5, 0.7)) -> Fields:
    """Draw an everyday cell; its channel is turned into the rate model's own field afterwards."""
    relevance = np.array([draw.levels(levels, n, 0.2) for _ in range(k)]).reshape(k, n)
    required = np.array([float(f"{draw.one(share) * float(row.sum()):.6g}") for row in relevance])
    return {
        "payload_bits": draw.decades(3e5, 6e6, n),
        "bandwidth_hz": 4e5 * n,
        "channel": draw.decades(0.5, 200.0, n),
        "relevance": relevance,
        "required": required,
        "compute_s": draw.decades(0.01, 0.3, n) if draw.chance(0.5) else 0.0,
        "weights": draw.decades(0.2, 5.0, n) if draw.chance(0.5) else 1.0,
    }
