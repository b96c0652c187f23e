"""Matrices as pictures: what tasks share, and who was selected when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from ..figures import tidy
from ..looks import LEFT_OUT, RED, SELECTED, lighter
from ..simulation.records import Participation
from .curves import Scene
from .looks import GREY, INK

__all__ = ["draw_relevance", "draw_selection"]

FloatArray = npt.NDArray[np.float64]

_STATES: Mapping[Participation, tuple[str, str]] = {
    Participation.ABSENT: ("#ffffff", "absent"),
    Participation.LEFT_OUT: (lighter(LEFT_OUT, 0.7), "there, not selected"),
    Participation.ARRIVED: (SELECTED, "selected"),
    Participation.LOST: (RED, "selected, failed or late"),
}
_MOST_ALGORITHMS, _MOST_POLICIES = 3, 3
_MOST_ANNOTATED = 8


def draw_relevance(canvas: Any, scene: Scene) -> None:
    """Draw the relevance of task to task before and after quantisation, of the first run that has one."""
    run = next((o.result for o in scene.outcomes if o.result is not None and "relevance" in o.result.exhibits), None)
    if run is None:
        axes = canvas.subplots()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "No algorithm here\nmeasures relevance.", ha="center", va="center", color=GREY)
        return
    before = np.asarray(run.exhibits["relevance"], dtype=np.float64)
    after = np.asarray(run.exhibits["sharing"], dtype=np.float64)
    left, middle, right = canvas.subplots(1, 3, width_ratios=(1.0, 1.0, 1.15))
    canvas.suptitle(
        f"Relevance of task to task, at the end ({run.algorithm}, {run.policy}, seed {run.seed})",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    _matrix(left, _over_groups(before), "measured, mean over neurons")
    image = _matrix(middle, _over_groups(after), "quantised, mean over neurons")
    middle.set_ylabel("")
    if len(before) > _MOST_ANNOTATED:
        canvas.colorbar(image, ax=(left, middle), location="bottom", shrink=0.6, aspect=40, label="relevance")
    _neurons(right, before, after)


def _over_groups(values: FloatArray) -> FloatArray:
    return values.mean(axis=2) if values.ndim == 3 else values


def _matrix(axes: Any, values: FloatArray, title: str) -> Any:
    image = axes.imshow(values, cmap="Blues", vmin=0.0, vmax=1.0)
    tasks = np.arange(len(values))
    if len(values) <= _MOST_ANNOTATED:
        for row in tasks:
            for column in tasks:
                ink = "white" if values[row, column] > 0.5 else INK
                axes.text(column, row, f"{values[row, column]:.2f}", ha="center", va="center", color=ink, fontsize=9)
    ticks = tasks if len(tasks) <= 12 else tasks[:: len(tasks) // 6]
    axes.set_xticks(ticks, [str(task + 1) for task in ticks])
    axes.set_yticks(ticks, [str(task + 1) for task in ticks])
    axes.set_xlabel("from task")
    axes.set_ylabel("to task")
    axes.set_title(title, fontsize=10)
    return image


def _neurons(axes: Any, before: FloatArray, after: FloatArray) -> None:
    """Every neuron of every pair of tasks, from the least relevant to the most, and the level it was given."""
    rows, columns = np.triu_indices(len(before), 1)
    measured, level = before[rows, columns].ravel(), after[rows, columns].ravel()
    order = np.lexsort((level, measured))
    share = np.linspace(0.0, 100.0, max(order.size, 1))
    axes.plot(share[: order.size], measured[order], color=GREY, linewidth=2.5, label="measured")
    axes.plot(share[: order.size], level[order], color=SELECTED, linewidth=1.5, label="quantised")
    axes.set_xlabel("neurons of all pairs, sorted (%)")
    axes.set_ylabel("relevance")
    axes.set_ylim(-0.03, 1.03)
    count = np.unique(level).size
    axes.set_title(f"neuron by neuron: {count} level{'s' if count != 1 else ''}", fontsize=10)
    tidy(axes)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def draw_selection(canvas: Any, scene: Scene) -> None:
    """Draw who was selected when, for the first seed of the first algorithms and policies."""
    first: dict[tuple[str, str], npt.NDArray[np.int8]] = {}
    for outcome in scene.outcomes:
        if outcome.result is not None:
            first.setdefault((outcome.result.algorithm, outcome.result.policy), outcome.result.participation)
    algorithms = list(dict.fromkeys(name for name, _ in first))[:_MOST_ALGORITHMS]
    policies = list(dict.fromkeys(policy for _, policy in first))[:_MOST_POLICIES]
    table = canvas.subplots(len(policies), len(algorithms), sharex=True, sharey=True, squeeze=False)
    seed = scene.outcomes[0].job.seed
    canvas.suptitle(f"Who was selected when (seed {seed})", fontsize=11, x=0.01, ha="left")
    states = list(_STATES)
    colors = ListedColormap([_STATES[state][0] for state in states])
    norm = BoundaryNorm(np.arange(len(states) + 1) - 0.5, len(states))
    seen: set[int] = set()
    for row, policy in enumerate(policies):
        for column, algorithm in enumerate(algorithms):
            axes = table[row, column]
            if (algorithm, policy) not in first:
                axes.set_axis_off()
                continue
            states_here = first[algorithm, policy]
            seen.update(np.unique(states_here).tolist())
            rounds, clients = states_here.shape
            axes.imshow(
                states_here.T,
                cmap=colors,
                norm=norm,
                aspect="auto",
                interpolation="nearest",
                extent=(0.5, rounds + 0.5, clients + 0.5, 0.5),
            )
            axes.set_title(f"{algorithm}, {policy}", fontsize=10)
            if row == len(policies) - 1:
                axes.set_xlabel("round")
            if column == 0:
                axes.set_ylabel("client")
    patches = [
        Patch(facecolor=color, edgecolor=GREY, label=label)
        for state, (color, label) in _STATES.items()
        if int(state) in seen
    ]
    canvas.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
