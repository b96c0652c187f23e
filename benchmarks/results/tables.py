"""Tables in Markdown, and how their cells are written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fedss_opt.studies.summary import interval

from .. import markdown
from .statistics import Paired, Ratio, geometric

__all__ = ["accuracy", "factor", "mbit", "percent", "points", "seconds", "share", "table", "wins"]

NOTHING = "–"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table; the columns after the first are numbers, and stand to the right.

    Examples
    --------
    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    |---|---:|
    | x | 1 |
    """
    return markdown.table(head, rows, right_from=1)


def percent(value: float) -> str:
    """Write an accuracy in per cent."""
    return f"{100.0 * value:.1f}"


def accuracy(values: Sequence[float]) -> str:
    """Write mean and interval of accuracies, in per cent.

    Examples
    --------
    >>> accuracy([0.90, 0.92, 0.94])
    '92.0 ± 5.0'
    """
    mean, half = interval(values)
    return percent(mean) + ("" if math.isnan(half) else f" ± {100.0 * half:.1f}")


def share(fraction: float) -> str:
    """Write a fraction in whole per cent.

    Examples
    --------
    >>> share(0.9)
    '90 %'
    """
    return f"{100.0 * fraction:.0f} %"


def points(difference: Paired) -> str:
    """Write a difference of accuracies, in percentage points."""
    half = "" if math.isnan(difference.half) else f" ± {100.0 * difference.half:.2f}"
    return f"{100.0 * difference.mean:+.2f}{half}"


def wins(difference: Paired) -> str:
    """Write in how many seeds the first was better."""
    return f"{difference.wins} of {difference.seeds}"


def factor(found: Ratio) -> str:
    """Write a ratio with its interval."""
    if not found.seeds:
        return NOTHING
    span = "" if math.isnan(found.low) else f" ({found.low:.3g} to {found.high:.3g})"
    return f"{found.mean:.3g}{span}"


def mbit(bits: Sequence[float]) -> str:
    """Write the mean of some bits, in Mbit."""
    return f"{sum(bits) / len(bits) / 1e6:.3g}" if sum(bits) < 1e9 * len(bits) else f"{sum(bits) / len(bits) / 1e6:.0f}"


def seconds(values: Sequence[float], *, spread: bool = True) -> str:
    """Write the geometric mean of some times, or in how many seeds they were finite.

    Times vary by factors from seed to seed, with the slowest device: an arithmetic mean would be one seed's.

    Examples
    --------
    >>> seconds([1.0, 4.0], spread=False), seconds([1.0, math.inf]), seconds([math.inf])
    ('2', '1 of 2', '–')
    """
    reached = sum(map(math.isfinite, values))
    if reached < len(values):
        return f"{reached} of {len(values)}" if reached else NOTHING
    mean = geometric(values)
    return factor(mean) if spread else f"{mean.mean:.3g}"
