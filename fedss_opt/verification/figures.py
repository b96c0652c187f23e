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
        axes = figure.subplots()
        if not draw(trial, axes):
            continue
        axes.grid(alpha=0.3)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
        files[name] = stream.getvalue()
    return files


def _errors(trial: Trial, axes: Any) -> bool:
    points = [(p.place, p.error, p.slope_error) for s in trial.sweeps if s.form.startswith("least") for p in s.points]
    points = [p for p in points if p[0] > 1e-17 and p[1] > 0.0]
    if not points:
        return False
    place, error, slope = np.array(points).T
    near = place < 0.5
    axes.scatter(place[near], error[near], s=4, color=_COLORS[0], label="bandwidth", linewidths=0)
    seen = near & np.isfinite(slope)
    axes.scatter(place[seen], slope[seen], s=6, color=_COLORS[1], label="derivative", linewidths=0)
    axes.axhline(6.0, color="black", linewidth=0.8, linestyle="--", label="claimed for the bandwidth, from 1e-15 on")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-3, max(20.0, float(np.nanmax(error[near], initial=1.0)) * 2.0))
    axes.set_xlabel("1 - G (left: the channel barely carries the payload)")
    axes.set_ylabel("error, units of 2^-52")
    axes.set_title("Least bandwidth, Shannon: error against ball arithmetic", fontsize=10)
    axes.legend(loc="upper right", fontsize=8)
    return True


def _gaps(trial: Trial, axes: Any) -> bool:
    court = trial.court
    if court is None or not court.gaps:
        return False
    edges = np.logspace(-13, 1, 43)
    for color, (name, gaps) in zip(_COLORS, court.gaps.items(), strict=False):
        axes.hist(np.clip(gaps, 1e-13, 10.0), bins=edges, histtype="step", color=color, label=f"{name} ({len(gaps)})")
    axes.set_xscale("log")
    axes.set_xlabel("certified gap (1e-13: that or less)")
    axes.set_ylabel("instances")
    axes.set_title("Certified gaps: small instances, where integrality leaves the most", fontsize=10)
    axes.legend(fontsize=8)
    return True


def _agreement(trial: Trial, axes: Any) -> bool:
    court = trial.court
    if court is None or not court.disagreements:
        return False
    for color, (name, ratios) in zip(_COLORS, court.disagreements.items(), strict=False):
        ordered = np.sort(np.maximum(np.abs(ratios), 1e-16))
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.step(ordered, share, where="post", color=color, label=f"{name} ({len(ordered)})")
    axes.set_xscale("log")
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel("distance of the answer from the best referee's, relative")
    axes.set_ylabel("share of instances within")
    axes.set_title("Agreement with brute force and HiGHS", fontsize=10)
    axes.legend(fontsize=8, loc="lower right")
    return True


def _cores(trial: Trial, axes: Any) -> bool:
    if trial.court is None or not trial.court.cores:
        return False
    clients, core = np.array(trial.court.cores).T
    jitter = ((np.arange(len(core)) * 0.618034) % 1.0 - 0.5) * 0.6
    axes.scatter(clients + jitter, core, s=12, color=_COLORS[0], alpha=0.6, linewidths=0)
    axes.plot([0, clients.max()], [0, clients.max()], color="black", linewidth=0.8, linestyle="--", label="all clients")
    axes.set_xlabel("clients")
    axes.set_ylabel("core: clients that screening leaves undecided")
    axes.set_title("Core sizes after the ADMM (makespan)", fontsize=10)
    axes.legend(fontsize=8)
    return True
