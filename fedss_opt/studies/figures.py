"""An experiment in five figures, and all of them on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..exceptions import OptionError
from ..figures import new_figure, save_figure
from .curves import Scene, draw_bits, draw_seconds, draw_tasks, legend
from .grid import Outcome
from .pictures import draw_relevance, draw_selection

__all__ = ["FIGURES", "draw_experiment"]

FIGURES: dict[str, tuple[Callable[[Any, Scene], None], tuple[float, float]]] = {
    "accuracy-seconds": (draw_seconds, (7.5, 5.2)),
    "accuracy-bits": (draw_bits, (7.5, 5.2)),
    "task-accuracy": (draw_tasks, (7.5, 5.2)),
    "relevance": (draw_relevance, (11.0, 3.8)),
    "selection": (draw_selection, (11.0, 6.0)),
}
"""File name -> function, and size in inches."""

# The figures of algorithms need the legend that tells them apart; the tasks are shown under one policy.
_LEGENDS = {"accuracy-seconds": True, "accuracy-bits": True, "task-accuracy": False}


def draw_experiment(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Draw the figures of an experiment, each alone and all as ``overview.png``.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What became of the runs; those that failed are left out.
    folder : Path
        Where the PNG files go; made if it is not there.

    Returns
    -------
    list of Path
        The files, each written completely or not at all.

    Raises
    ------
    OptionError
        When every run failed.
    """
    done = [outcome for outcome in sorted(outcomes, key=lambda o: o.job.place) if outcome.result is not None]
    if not done:
        raise OptionError("nothing to draw: no run was finished")
    scene = Scene.of(done)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (draw, size) in FIGURES.items():
        figure = new_figure(*size)
        draw(figure, scene)
        if name in _LEGENDS:
            legend(figure, scene, policies=_LEGENDS[name])
        written.append(save_figure(figure, folder / f"{name}.png"))
    written.append(save_figure(_overview(scene), folder / "overview.png"))
    return written


def _overview(scene: Scene) -> Any:
    figure = new_figure(18.0, 11.0)
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.0, 0.85))
    above, below = rows
    for part, draw in zip(above.subfigures(1, 3), (draw_seconds, draw_bits, draw_tasks), strict=True):
        draw(part, scene)
    for part, draw in zip(below.subfigures(1, 2), (draw_relevance, draw_selection), strict=True):
        draw(part, scene)
    legend(above, scene)
    return figure
