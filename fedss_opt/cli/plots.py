"""The demo's picture: who got what, and the bounds closing in."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..documents.files import write_atomically
from ..problem import Problem
from ..quantities import format_quantity, scale_for
from ..solution import Solution
from ..solvers import Progress
from .render import channel_db, format_gap

__all__ = ["draw_answer"]

_SELECTED, _LEFT_OUT, _BEST, _BOUND = "#1f77b4", "#9a9a9a", "#d1495b", "#2a7f62"


def draw_answer(problem: Problem, solution: Solution, records: Sequence[Progress], path: Path) -> None:
    """Draw an answer beside the history of its bounds.

    Parameters
    ----------
    problem : Problem
        The round.
    solution : Solution
        Its answer.
    records : sequence of Progress
        What the solve reported on its way.
    path : Path
        ``*.png``, ``*.svg`` or ``*.pdf``; written completely or not at all.
    """
    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)  # no display and no global state
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    _draw_clients(left, problem, solution)
    _draw_bounds(right, solution, records)
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_atomically(path, stream.getvalue())


def _draw_clients(axes: Any, problem: Problem, solution: Solution) -> None:
    channel, unit = channel_db(problem)
    chosen = solution.selected
    band = scale_for(solution.bandwidth_hz[chosen], "Hz")
    size = 12.0 + 90.0 * problem.payload_bits / problem.payload_bits.max()
    # Clients left out have no bandwidth: a strip below zero, in four lanes, keeps them apart.
    lane = 0.035 * (solution.bandwidth_hz.max() / band.factor or 1.0)
    depth = np.empty(problem.clients)
    depth[np.argsort(channel)] = -lane * (1.5 + np.arange(problem.clients) % 4)
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.scatter(
        channel[~chosen],
        depth[~chosen],
        s=size[~chosen],
        facecolors="none",
        edgecolors=_LEFT_OUT,
        label=f"left out ({np.count_nonzero(~chosen)})",
    )
    axes.scatter(
        channel[chosen],
        solution.bandwidth_hz[chosen] / band.factor,
        s=size[chosen],
        color=_SELECTED,
        alpha=0.75,
        label=f"selected ({np.count_nonzero(chosen)})",
    )
    axes.set_yticks([tick for tick in axes.get_yticks() if tick >= 0.0])
    axes.set_ylim(bottom=-6.5 * lane)
    axes.set_xlabel(f"channel ({unit}; better to the right)")
    axes.set_ylabel(f"bandwidth ({band.unit})")
    shared = format_quantity(problem.bandwidth_hz, "Hz")
    axes.set_title(f"Who got how much of {shared} (marker area grows with the payload)", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", frameon=False)


def _draw_bounds(axes: Any, solution: Solution, records: Sequence[Progress]) -> None:
    time, clock = scale_for([solution.objective_s], "s"), scale_for([solution.solve_time_s], "s")
    steps = [record.elapsed_s / clock.factor for record in records]
    best = [record.objective_s / time.factor for record in records]
    bound = [record.lower_bound_s / time.factor for record in records]
    steps.append(max([solution.solve_time_s / clock.factor, *steps]))
    best.append(solution.objective_s / time.factor)
    bound.append(solution.lower_bound_s / time.factor)
    best = [value if math.isfinite(value) else math.nan for value in best]
    # Before there is a proof the bound is 0, which would only stretch the axis.
    bound = [value if math.isfinite(value) and value > 0.0 else math.nan for value in bound]
    for figures, color, label in ((best, _BEST, "best answer"), (bound, _BOUND, "proven lower bound")):
        axes.plot(steps, figures, color=color, drawstyle="steps-post", marker=".", label=label)
    axes.fill_between(steps, bound, best, step="post", color=_LEFT_OUT, alpha=0.2, linewidth=0)
    axes.set_xlabel(f"time since the start of the solve ({clock.unit})")
    axes.set_ylabel(f"latency ({time.unit})")
    axes.set_title(f"The bounds closing in: certified gap {format_gap(solution.gap)}", fontsize=10)
    axes.margins(y=0.15)
    axes.grid(alpha=0.3)
    axes.legend(loc="center right", frameon=False)
