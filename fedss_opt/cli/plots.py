"""The demo's picture: who got what, and the bounds closing in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..figures import headline, name, new_figure, save_figure, tidy
from ..looks import ANSWER, BOUND, INK, LEFT_OUT, SELECTED
from ..problem import Problem
from ..quantities import format_quantity, scale_for
from ..solution import Solution
from ..solvers import Progress
from .render import channel_db, format_gap

__all__ = ["draw_answer"]


def draw_answer(problem: Problem, solution: Solution, records: Sequence[Progress], path: Path) -> None:
    """Draw an answer beside the history of its bounds."""
    figure = new_figure(11.0, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    _draw_clients(left, problem, solution)
    _draw_bounds(right, solution, records)
    save_figure(figure, path)


def _draw_clients(axes: Any, problem: Problem, solution: Solution) -> None:
    channel, unit = channel_db(problem)
    chosen = solution.selected
    selected, left_out = np.count_nonzero(chosen), np.count_nonzero(~chosen)
    band = scale_for(solution.bandwidth_hz[chosen], "Hz")
    size = 12.0 + 90.0 * problem.payload_bits / problem.payload_bits.max()
    # Clients left out have no bandwidth: a strip below zero, in four lanes, keeps them apart.
    lane = 0.035 * (solution.bandwidth_hz.max() / band.factor or 1.0)
    depth = np.empty(problem.n_clients)
    depth[np.argsort(channel)] = -lane * (1.5 + np.arange(problem.n_clients) % 4)
    axes.axhline(0.0, color=INK, linewidth=0.8)
    axes.scatter(channel[~chosen], depth[~chosen], s=size[~chosen], facecolors="none", edgecolors=LEFT_OUT)
    axes.scatter(
        channel[chosen],
        solution.bandwidth_hz[chosen] / band.factor,
        s=size[chosen],
        color=SELECTED,
        alpha=0.8,
        edgecolors="white",
        linewidths=0.6,
    )
    axes.set_yticks([tick for tick in axes.get_yticks() if tick >= 0.0])
    axes.set_ylim(bottom=-8.2 * lane)
    edge = axes.get_xlim()[0]
    name(axes, f"{left_out} left out", (edge, -7.0 * lane), LEFT_OUT)
    name(axes, f"{selected} selected", (edge, 1.2 * lane), SELECTED)
    axes.set_xlabel(f"channel ({unit}), better to the right")
    axes.set_ylabel(f"bandwidth ({band.unit})")
    headline(axes, f"Who got how much of {format_quantity(problem.bandwidth_hz, 'Hz')} (marker area: payload)")
    tidy(axes)


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
    axes.fill_between(steps, bound, best, step="post", color=LEFT_OUT, alpha=0.15, linewidth=0)
    middle = 0.5 * (min(steps) + max(steps))
    for figures, color, text, above in ((best, ANSWER, "best answer", 1.0), (bound, BOUND, "proven lower bound", -1.0)):
        axes.plot(steps, figures, color=color, drawstyle="steps-post", marker=".", linewidth=2.0)
        if math.isfinite(figures[-1]):
            name(axes, text, (middle, figures[-1]), color, shift=(0.0, 10.0 * above), align="center")
    axes.set_xlabel(f"time since the start of the solve ({clock.unit})")
    axes.set_ylabel(f"latency ({time.unit})")
    headline(axes, f"The bounds closing in: certified gap {format_gap(solution.gap)}")
    axes.margins(y=0.15)
    tidy(axes)
