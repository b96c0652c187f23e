"""Accuracy against what it costs, and task by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from ..figures import headline, tidy
from .grid import Outcome
from .looks import GREY, INK, Look, looks_of, policy_lines
from .results import results_frame, results_of
from .summary import interval

__all__ = ["Curve", "Scene", "draw_bits", "draw_seconds", "draw_tasks", "legend"]

FloatArray = npt.NDArray[np.float64]

# Beyond this ratio of two runs' lengths a linear axis would press one of them against the edge.
_WIDE = 4.0

# More bands than these cover each other; the interval is then told at the end of each line only.
_MOST_BANDS = 4


@dataclass(frozen=True, eq=False)
class Curve:
    """An algorithm under a policy, evaluated round by round, as means over the seeds.

    Attributes
    ----------
    algorithm, policy : str
        What ran.
    simulated_s, uplink_bits, accuracy : ndarray, (rounds,)
        Means over the seeds.
    half_width : ndarray, (rounds,)
        Half the 95 % interval of the accuracy; NaN for a single seed.
    tasks, tasks_half : ndarray, (T,)
        The same of each task's accuracy, at the end.
    """

    algorithm: str
    policy: str
    simulated_s: FloatArray
    uplink_bits: FloatArray
    accuracy: FloatArray
    half_width: FloatArray
    tasks: FloatArray
    tasks_half: FloatArray


@dataclass(frozen=True, eq=False)
class Scene:
    """What all figures of an experiment show.

    Attributes
    ----------
    outcomes : sequence of Outcome
        The runs, in the order of the grid; none of them failed.
    curves : tuple of Curve
        Algorithm by algorithm, policy by policy.
    looks : dict of str to Look
        How each algorithm looks.
    lines : dict of str to line style
        How each policy looks.
    """

    outcomes: Sequence[Outcome]
    curves: tuple[Curve, ...]
    looks: dict[str, Look]
    lines: dict[str, Any]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Scene:
        """Take the figures' data from runs that did not fail."""
        frame = results_frame(results_of(outcomes)).drop_nulls("accuracy_mean")
        curves = tuple(_curve(part) for part in frame.partition_by("algorithm", "policy", maintain_order=True))
        return cls(
            outcomes=outcomes,
            curves=curves,
            looks=looks_of((outcome.job.variant.name, outcome.job.variant.base) for outcome in outcomes),
            lines=policy_lines([curve.policy for curve in curves]),
        )


def _curve(part: pl.DataFrame) -> Curve:
    rounds = part.partition_by("round", maintain_order=True)
    accuracy = [interval(seeds["accuracy_mean"].to_list()) for seeds in rounds]
    tasks = [column for column in part.columns if column.startswith("accuracy_task_")]
    by_task = [interval(rounds[-1][column].to_list()) for column in tasks]
    first = part.row(0, named=True)
    return Curve(
        algorithm=first["algorithm"],
        policy=first["policy"],
        simulated_s=np.array([seeds["simulated_s"].mean() for seeds in rounds], dtype=np.float64),
        uplink_bits=np.array([seeds["uplink_bits"].mean() for seeds in rounds], dtype=np.float64),
        accuracy=np.array([mean for mean, _ in accuracy]),
        half_width=np.array([half for _, half in accuracy]),
        tasks=np.array([mean for mean, _ in by_task]),
        tasks_half=np.array([half for _, half in by_task]),
    )


def draw_seconds(canvas: Any, scene: Scene) -> None:
    """Draw accuracy against simulated seconds."""
    axes = canvas.subplots()
    for curve in scene.curves:
        _line(axes, scene, curve, curve.simulated_s)
    _within_means(axes, scene.curves)
    lengths = [curve.simulated_s[-1] for curve in scene.curves]
    if max(lengths) > _WIDE * min(lengths):
        axes.set_xscale("log")
    _finish(axes, "Accuracy against time", "simulated time (s)")


def draw_bits(canvas: Any, scene: Scene) -> None:
    """Draw accuracy against uplink bits, and the best accuracy that any run has for so many bits."""
    axes = canvas.subplots()
    spent = [curve for curve in scene.curves if curve.uplink_bits[-1] > 0.0]
    if spent:
        axes.set_xscale("log")
        bits = np.concatenate([curve.uplink_bits for curve in spent])
        reached = np.concatenate([curve.accuracy for curve in spent])
        order = np.argsort(bits, kind="stable")
        axes.step(
            bits[order] / 1e6,
            np.maximum.accumulate(reached[order]),
            where="post",
            color=GREY,
            alpha=0.35,
            linewidth=7.0,
            zorder=1,
        )
    for curve in scene.curves:
        if curve.uplink_bits[-1] > 0.0:
            _line(axes, scene, curve, curve.uplink_bits / 1e6)
        else:
            # What uploads nothing has no place on a logarithmic axis; it is a level to compare with.
            axes.axhline(curve.accuracy[-1], color=scene.looks[curve.algorithm].color, linewidth=1.2, linestyle=":")
    _within_means(axes, scene.curves)
    _finish(axes, "Accuracy against uplink (grey: the best for so many bits)", "uplink, all clients (Mbit)")


def draw_tasks(canvas: Any, scene: Scene) -> None:
    """Draw the final accuracy of every task under the first policy."""
    axes = canvas.subplots()
    first = scene.curves[0].policy
    shown = [curve for curve in scene.curves if curve.policy == first]
    places = np.arange(max(curve.tasks.size for curve in shown))
    step = 0.7 / len(shown)
    for place, curve in enumerate(shown):
        look = scene.looks[curve.algorithm]
        axes.errorbar(
            places[: curve.tasks.size] + step * (place - 0.5 * (len(shown) - 1)),
            curve.tasks,
            yerr=np.nan_to_num(curve.tasks_half),
            color=look.color,
            marker=look.marker,
            markersize=7.0,
            linestyle="none",
            capsize=3.0,
        )
    lowest = min(float((curve.tasks - np.nan_to_num(curve.tasks_half)).min()) for curve in shown)
    highest = max(float((curve.tasks + np.nan_to_num(curve.tasks_half)).max()) for curve in shown)
    _within(axes, max(lowest, 0.0), min(highest, 1.0))
    for edge in places[:-1] + 0.5:
        axes.axvline(edge, color=GREY, linewidth=0.6, alpha=0.5)
    axes.set_xticks(places, [str(task + 1) for task in places])
    axes.tick_params(axis="x", length=0)
    _finish(axes, f"Accuracy of each task at the end (policy {first})", "true task")
    axes.grid(visible=False, axis="x")


def legend(canvas: Any, scene: Scene, *, policies: bool = True) -> None:
    """Put colours of algorithms and line styles of policies below everything else, where nothing can overlap."""
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, label=name)
        for name, look in sorted(scene.looks.items(), key=_order(scene))
    ]
    if policies and len(scene.lines) > 1:
        handles += [
            Line2D([], [], color=INK, linestyle=line, label=f"policy {policy}") for policy, line in scene.lines.items()
        ]
    canvas.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False)


def _order(scene: Scene) -> Any:
    names = list(dict.fromkeys(curve.algorithm for curve in scene.curves))
    return lambda item: names.index(item[0])


def _line(axes: Any, scene: Scene, curve: Curve, cost: FloatArray) -> None:
    look = scene.looks[curve.algorithm]
    known = cost > 0.0
    axes.plot(
        cost[known],
        curve.accuracy[known],
        color=look.color,
        linestyle=scene.lines[curve.policy],
        linewidth=1.8,
        marker=look.marker,
        markersize=6.0,
        markevery=[int(np.count_nonzero(known)) - 1],
        zorder=3,
    )
    if not np.isfinite(curve.half_width).any():
        return
    if len(scene.curves) <= _MOST_BANDS:
        low, high = curve.accuracy - curve.half_width, curve.accuracy + curve.half_width
        axes.fill_between(cost[known], low[known], high[known], color=look.color, alpha=0.15, linewidth=0, zorder=2)
    else:
        axes.errorbar(
            cost[-1], curve.accuracy[-1], yerr=curve.half_width[-1], color=look.color, capsize=3.0, linewidth=1.2
        )


def _within_means(axes: Any, curves: Sequence[Curve]) -> None:
    _within(axes, min(curve.accuracy.min() for curve in curves), max(curve.accuracy.max() for curve in curves))


def _within(axes: Any, low: float, high: float) -> None:
    """Show the means and some room; the interval of two seeds can be wider than all accuracies there are."""
    room = 0.05 * (high - low) + 0.005
    axes.set_ylim(max(low - room, -0.01), min(high + room, 1.01))


def _finish(axes: Any, title: str, below: str) -> None:
    if axes.get_xscale() == "log":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    headline(axes, title)
    axes.set_xlabel(below)
    axes.set_ylabel("test accuracy, mean over clients")
    tidy(axes)
