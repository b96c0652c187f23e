"""The report's figures (extra ``plot``)."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ..exceptions import MissingDependencyError
from .trial import Trial

__all__ = ["draw_figures"]

_COLORS = ("#1f77b4", "#d1495b", "#2a7f62", "#9a9a9a")


def draw_figures(trial: Trial) -> dict[str, bytes]:
    """Draw the figures of a trial.

    Parameters
    ----------
    trial : Trial
        What was measured.

    Returns
    -------
    dict of str to bytes
        File name to PNG.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    """
    try:
        figures = import_module("matplotlib.figure")
        backend = import_module("matplotlib.backends.backend_agg")
    except ImportError:
        raise MissingDependencyError(
            'the report needs matplotlib; install it with: pip install "fedss-opt[plot]"'
        ) from None
    drawings: dict[str, Callable[[Trial, Any], bool]] = {
        "errors.png": _errors,
        "gaps.png": _gaps,
        "agreement.png": _agreement,
        "cores.png": _cores,
    }
    files = {}
    for name, draw in drawings.items():
        figure = figures.Figure(figsize=(7.2, 4.2), layout="constrained")
        backend.FigureCanvasAgg(figure)  # no display and no global state
        if not draw(trial, figure):
            continue
        for axes in figure.axes:
            axes.grid(alpha=0.3)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=120, metadata={"Software": None})
        files[name] = stream.getvalue()
    return files


def _errors(trial: Trial, figure: Any) -> bool:
    """Draw the largest and the median error of each half decade: tens of thousands of points hide one another."""
    points = [(p.place, p.error, p.slope_error) for s in trial.sweeps if s.form.startswith("least") for p in s.points]
    points = [p for p in points if p[0] < 0.5 and p[1] > 0.0]
    if not points:
        return False
    place, error, slope = np.array(points).T
    axes = figure.subplots()
    edges = np.logspace(-18, 0, 37)
    slot = np.digitize(np.maximum(place, edges[0]), edges)
    for name, values, color in (("bandwidth", error, _COLORS[0]), ("derivative", slope, _COLORS[1])):
        seen = np.isfinite(values)
        slots = np.unique(slot[seen])
        middle = np.sqrt(edges[slots - 1] * edges[slots])
        grouped = [values[seen & (slot == one)] for one in slots]
        axes.plot(middle, [group.max() for group in grouped], "o-", color=color, markersize=4, label=f"{name}: largest")
        axes.plot(middle, [np.median(group) for group in grouped], "--", color=color, label=f"{name}: median")
    axes.plot([1e-15, 1.0], [6.0, 6.0], color="black", linewidth=1.2, label="claimed of the bandwidth: at most 6")
    axes.axvspan(1e-18, 1e-15, color=_COLORS[3], alpha=0.25, linewidth=0, label="no accuracy is claimed")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1e-18, 1.0)
    axes.set_xlabel("1 - G (left: the channel barely carries the payload; left end: 1e-18 or less)")
    axes.set_ylabel("error, units of 2^-52")
    axes.set_title("Least bandwidth, Shannon: error against ball arithmetic, by half decades", fontsize=10)
    axes.legend(loc="upper right", fontsize=8)
    return True


def _gaps(trial: Trial, figure: Any) -> bool:
    court = trial.court
    if court is None or not court.gaps:
        return False
    edges = np.logspace(-13, 1, 29)
    panels = figure.subplots(len(court.gaps), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, color, (name, gaps) in zip(panels, _COLORS, court.gaps.items(), strict=False):
        shown = np.clip(gaps, 1e-13, 9.99)
        axes.hist(shown, bins=edges, weights=np.full(len(gaps), 100.0 / len(gaps)), color=color, alpha=0.8)
        axes.axvline(1e-4, color="black", linewidth=0.8, linestyle="--")
        optimal = 100.0 * float(np.mean(np.array(gaps) <= 1e-4))
        text = f"{name}: {len(gaps)} answers, {optimal:.0f} % within 1e-4"
        axes.text(0.4, 0.9, text, transform=axes.transAxes, ha="center", va="top", fontsize=9)
        axes.set_ylabel("%")
    panels[-1].set_xscale("log")
    panels[-1].set_xlabel("certified gap (left end: 1e-13 or less; dashed: called optimal up to here)")
    panels[0].set_title("Certified gaps: small instances, where integrality leaves the most", fontsize=10)
    return True


def _agreement(trial: Trial, figure: Any) -> bool:
    court = trial.court
    if court is None or not court.disagreements:
        return False
    axes = figure.subplots()
    right = 1e-15
    for rank, (color, (name, ratios)) in enumerate(zip(_COLORS, court.disagreements.items(), strict=False)):
        ordered = np.sort(np.maximum(np.abs(ratios), 1e-16))
        right = max(right, 3.0 * float(ordered[-1]))
        share = 100.0 * np.arange(1, len(ordered) + 1) / len(ordered)
        width = 6.0 if rank == 0 else 1.8  # the methods often agree: the first one shows behind the others
        label = f"{name} ({len(ordered)} answers)"
        lines = np.append(ordered, 1e6), np.append(share, 100.0)
        axes.step(*lines, where="post", color=color, linewidth=width, alpha=0.45 if rank == 0 else 1.0, label=label)
    axes.set_xscale("log")
    axes.set_xlim(0.7e-16, right)
    axes.set_ylim(0.0, 103.0)
    axes.set_xlabel("distance of the answer from the best referee's, relative (left end: 1e-16 or less)")
    axes.set_ylabel("% of the answers that are within")
    axes.set_title("Agreement with brute force and HiGHS", fontsize=10)
    axes.legend(fontsize=8, loc="center right")
    return True


def _cores(trial: Trial, figure: Any) -> bool:
    if trial.court is None or not trial.court.cores:
        return False
    clients, core = np.array(trial.court.cores).T
    axes = figure.subplots()
    jitter = ((np.arange(len(core)) * 0.618034) % 1.0 - 0.5) * 0.6
    axes.scatter(clients + jitter, core, s=12, color=_COLORS[0], alpha=0.6, linewidths=0)
    axes.plot([0, clients.max()], [0, clients.max()], color="black", linewidth=0.8, linestyle="--", label="all clients")
    axes.set_xlabel("clients")
    axes.set_ylabel("core: clients that screening leaves undecided")
    axes.set_title("Core sizes after the ADMM (makespan)", fontsize=10)
    axes.legend(fontsize=8)
    return True
