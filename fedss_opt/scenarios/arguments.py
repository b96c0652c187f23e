"""Checks on numbers and ranges that a caller hands in: `OptionError` names the argument and what is accepted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..exceptions import OptionError
from .draws import Range

__all__ = ["count", "number", "positive", "span"]


def _is_number(value: Any) -> bool:
    """Whether a value is a real number (true and false are not)."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def count(name: str, value: int) -> int:
    """Accept an integer >= 0."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
        raise OptionError(field=name, value=value, accepted="must be an integer >= 0")
    return int(value)


def number(
    name: str, value: float, *, low: float, high: float, open_low: bool = False, open_high: bool = False
) -> float:
    """Accept a number of an interval, with or without its ends, and return it as a plain float."""
    inside = _is_number(value) and (low < value if open_low else low <= value)
    if not inside or not (value < high if open_high else value <= high):
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise OptionError(field=name, value=value, accepted=f"must be a number in {left}{low:g}, {high:g}{right}")
    return float(value)


def positive(name: str, value: float) -> float:
    """Accept a finite number > 0, and return it as a plain float."""
    return number(name, value, low=0.0, high=math.inf, open_low=True, open_high=True)


def span(name: str, value: Any, unit: str, *, zero: bool) -> Range:
    """Accept a number or a (low, high) pair of numbers, finite and > 0 (or >= 0)."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    good = len(pair) == 2 and all(_is_number(x) and math.isfinite(x) for x in pair)
    if good:
        good = (pair[0] >= 0.0 if zero else pair[0] > 0.0) and pair[0] <= pair[1]
    if not good:
        sign = ">= 0" if zero else "> 0"
        accepted = f"must be a finite number ({unit}) {sign}, or a pair (low, high), low <= high"
        raise OptionError(field=name, value=value, accepted=accepted)
    return float(pair[0]) if pair[0] == pair[1] else (float(pair[0]), float(pair[1]))
