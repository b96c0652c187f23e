"""What all figures have in common: size and type, PNG, dots of differences, and labels that do not cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from fedss_opt import figures
from fedss_opt.figures import new_figure
from fedss_opt.looks import GREEN, INK, RED

__all__ = [
    "FADED",
    "GREEN",
    "RED",
    "Dot",
    "column_labels",
    "draw_dots",
    "freeze",
    "new_figure",
    "place_labels",
    "png",
    "spread",
    "tidy",
]

FADED = "#dddddd"


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, the same bytes whenever it is drawn the same."""
    return figures.picture(figure, dpi=140.0)


def tidy(axes: Any, *, grid: Literal["both", "x", "y", "none"] = "both") -> None:
    """Take away what carries nothing, and set the numbers small: these pictures have many panels."""
    figures.tidy(axes, grid=grid)
    axes.tick_params(labelsize=8)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart until neighbours are a gap from each other, as little as that takes.

    Parameters
    ----------
    places : sequence of float
        Where things would like to be.
    gap : float
        Least distance.

    Examples
    --------
    >>> spread([0.0, 0.0, 5.0], 1.0)
    [-0.5, 0.5, 5.0]
    """
    order = np.argsort(places, kind="stable")
    # Blocks of things that touch: the least squares answer, by pooling neighbours that are out of order.
    blocks: list[list[float]] = []  # mean of what the members would like for the first of them, members
    for i in order:
        blocks.append([float(places[i]), 1.0])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] * gap > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [[(a * m + (b - m * gap) * n) / (m + n), m + n]]
    moved = [first + gap * k for first, members in blocks for k in range(int(members))]
    found = [0.0] * len(moved)
    for i, place in zip(order, moved, strict=True):
        found[int(i)] = place
    return found


def column_labels(
    axes: Any, x: float, y: Sequence[float], texts: Sequence[str], colors: Sequence[Any], *, shift: float, size: float
) -> None:
    """Write labels in a column to the right of points that stand above each other, with a line to each.

    Parameters
    ----------
    axes : Axes
        Where; its limits must be final.
    x : float
        Where the points are.
    y : sequence of float
        Heights of the points.
    texts, colors : sequence
        Labels.
    shift : float
        Distance of the column, in points of type.
    size : float
        Size of the type.
    """
    figure = axes.figure
    pixels = axes.transData.transform([[x, value] for value in y])
    points = pixels * 72.0 / figure.dpi
    apart = spread(list(points[:, 1]), size * 1.15)
    # As fractions of the figure, which are the same at any resolution.
    whole = figure.get_size_inches() * 72.0
    for (left, low), high, text, color in zip(points, apart, texts, colors, strict=True):
        axes.annotate(
            text,
            xy=(left / whole[0], low / whole[1]),
            xycoords="figure fraction",
            xytext=((left + shift) / whole[0], high / whole[1]),
            textcoords="figure fraction",
            fontsize=size,
            color=color,
            va="center",
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.5, "alpha": 0.6, "shrinkB": 4.0},
            annotation_clip=False,
        )


def freeze(figure: Figure) -> None:
    """Lay a figure out for good, so that labels can be placed by where its points have come to stand."""
    figure.canvas.draw()
    figure.set_layout_engine("none")


# -- differences
# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dot:
    """A difference with half its interval, in points; 0 where there is only one seed."""

    label: str
    mean: float
    half: float


def draw_dots(axes: Any, dots: Sequence[Dot], reach: float) -> None:
    """Draw differences to a line at zero, a row each; what lies beyond the reach is an arrow with its number."""
    axes.axvspan(0.0, reach, color=RED, alpha=0.06, linewidth=0)
    axes.axvline(0.0, color=INK, linewidth=0.9)
    for row, dot in enumerate(dots):
        color = RED if dot.mean - dot.half > 0.0 else GREEN if dot.mean + dot.half < 0.0 else INK
        beyond = abs(dot.mean) > reach
        at = float(np.clip(dot.mean, -0.96 * reach, 0.96 * reach))
        if beyond:
            axes.plot(at, row, marker="<" if dot.mean < 0.0 else ">", color=color, markersize=6)
        else:
            axes.errorbar(at, row, xerr=dot.half, fmt="o", color=color, markersize=5.5, capsize=2.5)
        axes.annotate(
            f"{round(dot.mean, 1) + 0.0:+.1f}", (at, row),
            xytext=(np.sign(-at) * 16 if beyond else 0, 0 if beyond else 7.5),
            textcoords="offset points", fontsize=7, ha="center", va="center", color=color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.75},
        )  # fmt: skip
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(dots) - 0.4, -0.7)
    axes.set_yticks(range(len(dots)), [dot.label for dot in dots])
    tidy(axes, grid="x")


# -- labels
# ---------------------------------------------------------------------------------------------------------


def place_labels(
    axes: Any, points: Sequence[tuple[float, float]], texts: Sequence[str], colors: Sequence[Any], *, size: float
) -> None:
    """Write a label beside every point, where it covers the least of points, labels and edges.

    Parameters
    ----------
    axes : Axes
        Where; its limits must be final, and the figure frozen.
    points : sequence of (x, y)
        What is labelled.
    texts, colors : sequence
        Labels.
    size : float
        Size of the type.
    """
    figure = axes.figure
    scale = 72.0 / figure.dpi
    at = axes.transData.transform(points) * scale
    (left, low), (right, high) = axes.get_window_extent().get_points() * scale
    taken = [(x - 5.0, y - 5.0, x + 5.0, y + 5.0) for x, y in at]
    whole = figure.get_size_inches() * 72.0
    # Those with the most neighbours choose first: they have the least choice.
    crowd = [sum(abs(x - a) < 60.0 and abs(y - b) < 25.0 for a, b in at) for x, y in at]
    for i in sorted(range(len(at)), key=lambda k: -crowd[k]):
        x, y = at[i]
        label = axes.text(
            0.0, 0.0, texts[i], transform=figure.transFigure, fontsize=size, color=colors[i], va="center", zorder=6
        )
        extent = label.get_window_extent()
        width, height = extent.width * scale, extent.height * scale
        best = None
        for start in (x + 9.0, x - 11.0 - width, x - 0.5 * width, x + 24.0, x - 24.0 - width):
            for step in range(-15, 16):
                middle = y + 4.0 * step
                box = (start, middle - 0.5 * height, start + width, middle + 0.5 * height)
                covered = sum(_overlap(box, other) for k, other in enumerate(taken) if k != i)
                covered += _overlap(box, taken[i]) * 4.0
                beside = max(0.0, left - box[0]) + max(0.0, box[2] - right)
                out = beside + max(0.0, low - box[1]) + max(0.0, box[3] - high)
                away = abs(start + 0.5 * width - x) - 0.5 * width
                cost = covered + 30.0 * out + 1.2 * abs(4.0 * step) + max(0.0, away)
                if best is None or cost < best[0]:
                    best = (cost, start, middle, box)
        assert best is not None
        _, start, middle, box = best
        taken.append(box)
        near = float(np.clip(x, box[0], box[2])), float(np.clip(y, box[1], box[3]))
        if np.hypot(near[0] - x, near[1] - y) > 9.5:
            axes.plot(
                [near[0] / whole[0], x / whole[0]], [near[1] / whole[1], y / whole[1]],
                transform=figure.transFigure, color=colors[i], linewidth=0.5, alpha=0.7, zorder=2,
                scalex=False, scaley=False,
            )  # fmt: skip
        label.set_position((start / whole[0], middle / whole[1]))


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
