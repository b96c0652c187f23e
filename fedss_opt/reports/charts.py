"""From Altair charts to what a page embeds: the page's own colours, its width, and nothing to load."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array_types import BoolArray, IntArray

__all__ = ["altair", "color", "left_note", "spec_of", "thinned"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def altair() -> Any:
    """Return Altair, which belongs to an extra and takes a second to load."""
    import altair as module  # noqa: PLC0415

    return module


def color(name: str) -> str:
    """Return a colour of the page's style, which follows light, dark and print by itself.

    Parameters
    ----------
    name : str
        ``ink``, ``muted``, ``grid``, ``selected``, ``left-out``, ``answer``, ``bound``, ``paper``, ``accent``, and
        ``task-0`` to ``task-6``, as ``assets/page.css`` has them (its light ones are those of `fedss_opt.looks`).

    Examples
    --------
    >>> color("selected")
    'var(--selected)'
    """
    return f"var(--{name})"


def spec_of(chart: Any, *, height: int | None = None) -> dict[str, Any]:
    """Return an Altair chart as the Vega-Lite that a page embeds.

    Parameters
    ----------
    chart : altair.TopLevelMixin
        The chart. Its data are its own values or a named dataset (``alt.NamedData("clients")``), which the page fills
        from the table that `page_parts.Chart.datasets` gives. Then a parameter ``picked`` (-1 for none) is set to the
        ``key`` of the row that the reader selects, and a click on a mark whose datum has a ``key`` selects that row.
    height : int, optional
        Pixels; the width is that of the page.
    """
    chart = chart.properties(width="container")
    if height is not None:
        chart = chart.properties(height=height)
    # Not held against Vega-Lite's schema, which takes longer than all the rest of a page: the tests do that.
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec.pop("$schema", None)  # an address, which nothing on a page may be
    spec["config"] = _config()
    return spec


def _config() -> dict[str, Any]:
    ink, muted, grid = color("ink"), color("muted"), color("grid")
    return {
        "background": "transparent",
        "font": _FONT,
        # A chart has one ARIA label, and the table has every figure: thousands of marks that speak would be noise.
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "domainColor": muted,
            "tickColor": muted,
            "gridColor": grid,
            "labelColor": ink,
            "titleColor": ink,
            "titleFontWeight": "normal",
            "labelFontSize": 12,
            "titleFontSize": 13,
            "labelOverlap": True,
        },
        "legend": {
            "orient": "top",
            "labelColor": ink,
            "titleColor": ink,
            "labelFontSize": 13,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
            "symbolSize": 120,
            "labelLimit": 260,
            # A phone has no room for all entries, or two legends, side by side.
            "columns": {"expr": "width < 440 ? 2 : 6"},
            "layout": {"top": {"direction": "vertical", "anchor": "start"}},
        },
        "text": {"color": ink, "fontSize": 12},
        "rule": {"color": muted},
        "line": {"strokeWidth": 2.5},
        "point": {"filled": True},
    }


def left_note(drawn: int, all_: int, what: str) -> str:
    """Say how many of too many are drawn; nothing where all are.

    Examples
    --------
    >>> left_note(1200, 9999, "clients"), left_note(5, 5, "clients")
    ('1,200 of 9,999 clients are drawn.', '')
    """
    return f"{drawn:,} of {all_:,} {what} are drawn." if drawn < all_ else ""


def thinned(order: IntArray, limit: int, keep: BoolArray | None = None) -> IntArray:
    """Choose what is drawn of too many: those to keep first, then evenly along an order.

    Parameters
    ----------
    order : ndarray of int
        Positions, in the order along which they are thinned.
    limit : int
        How many at most.
    keep : ndarray of bool, optional
        By position: those that should stay, as long as they are not more than half of the limit.

    Returns
    -------
    ndarray of int
        Positions, in that order.

    Examples
    --------
    >>> thinned(np.arange(10), 4).tolist()
    [0, 3, 6, 9]
    """
    if len(order) <= limit:
        return order
    kept = np.zeros(len(order), dtype=np.bool_)
    if keep is not None:
        places = np.flatnonzero(keep[order])
        kept[_evenly(places, limit // 2)] = True
    rest = np.flatnonzero(~kept)
    kept[_evenly(rest, limit - int(np.count_nonzero(kept)))] = True
    return order[kept]


def _evenly(places: IntArray, limit: int) -> IntArray:
    if len(places) <= limit:
        return places
    steps = np.linspace(0, len(places) - 1, limit)
    return places[np.rint(steps).astype(np.int64)]
