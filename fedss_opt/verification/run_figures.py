"""The report's figures (extra ``plot``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..looks import BLUE, GREY, INK, METHODS, RED
from .verification_run import VerificationRun

__all__ = ["draw_figures"]


def draw_figures(run: VerificationRun) -> dict[str, bytes]:
    """Draw the figures of a run, file name to PNG; `MissingDependencyError` is raised without matplotlib."""
    from ..figures import new_figure, picture, tidy  # noqa: PLC0415 - matplotlib belongs to an extra

    files = {}
    for draw in (_errors, _gaps, _agreement, _cores):
        figure = new_figure(7.2, 4.2)
        if draw(run, figure):
            for axes in figure.axes:
                tidy(axes)
            files[f"{draw.__name__.removeprefix('_')}.png"] = picture(figure, dpi=120.0)
    return files


def _errors(run: VerificationRun, figure: Any) -> bool:
    """Draw the largest and the median error of each half decade: tens of thousands of points hide one another."""
    points = [(p.place, p.error, p.slope_error) for s in run.sweeps if s.form.startswith("least") for p in s.points]
    points = [p for p in points if p[0] < 0.5 and p[1] > 0.0]
    if not points:
        return False
    place, error, slope = np.array(points).T
    axes = figure.subplots()
    edges = np.logspace(-18, 0, 37)
    slot = np.digitize(np.maximum(place, edges[0]), edges)
    for name, values, color in (("bandwidth", error, BLUE), ("derivative", slope, RED)):
        seen = np.isfinite(values)
        slots = np.unique(slot[seen])
        middle = np.sqrt(edges[slots - 1] * edges[slots])
        grouped = [values[seen & (slot == one)] for one in slots]
        axes.plot(middle, [group.max() for group in grouped], "o-", color=color, markersize=4, label=f"{name}: largest")
        axes.plot(middle, [np.median(group) for group in grouped], "--", color=color, label=f"{name}: median")
    axes.plot([1e-15, 1.0], [6.0, 6.0], color=INK, linewidth=1.2, label="claimed of the bandwidth: at most 6")
    axes.axvspan(1e-18, 1e-15, color=GREY, alpha=0.25, linewidth=0, label="no accuracy is claimed")
    axes.set(xscale="log", yscale="log", xlim=(1e-18, 1.0), ylabel="error, units of 2^-52")
    axes.set_xlabel("1 - G (left: the channel barely carries the payload; left end: 1e-18 or less)")
    axes.set_title("Least bandwidth, Shannon: error against ball arithmetic, by half decades", fontsize=10, loc="left")
    axes.legend(loc="upper right", fontsize=8)
    return True


def _gaps(run: VerificationRun, figure: Any) -> bool:
    check = run.cross_check
    if check is None or not check.gaps:
        return False
    edges = np.logspace(-13, 1, 29)
    panels = figure.subplots(len(check.gaps), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, gaps) in zip(panels, check.gaps.items(), strict=True):
        shown = np.clip(gaps, 1e-13, 9.99)
        weights = np.full(len(gaps), 100.0 / len(gaps))
        axes.hist(shown, bins=edges, weights=weights, color=METHODS.get(name, INK), alpha=0.8)
        axes.axvline(1e-4, color=INK, linewidth=0.8, linestyle="--")
        optimal = 100.0 * float(np.mean(np.array(gaps) <= 1e-4))
        text = f"{name}: {len(gaps)} answers, {optimal:.0f} % within 1e-4"
        axes.text(0.4, 0.9, text, transform=axes.transAxes, ha="center", va="top", fontsize=9)
        axes.set_ylabel("%")
    panels[-1].set_xscale("log")
    panels[-1].set_xlabel("certified gap (left end: 1e-13 or less; dashed: called optimal up to here)")
    panels[0].set_title("Certified gaps: small instances, where integrality leaves the most", fontsize=10, loc="left")
    return True


def _agreement(run: VerificationRun, figure: Any) -> bool:
    check = run.cross_check
    if check is None or not check.disagreements:
        return False
    axes = figure.subplots()
    right = 1e-15
    for name, ratios in check.disagreements.items():
        ordered = np.sort(np.maximum(np.abs(ratios), 1e-16))
        right = max(right, 3.0 * float(ordered[-1]))
        share = 100.0 * np.arange(1, len(ordered) + 1) / len(ordered)
        width, order = (
            (7.0, 1) if name == "exact" else (2.0, 2)
        )  # it often agrees with the others, and shows behind them
        look = {"color": METHODS.get(name, INK), "linewidth": width, "zorder": order}
        label = f"{name} ({len(ordered)} answers)"
        axes.step(np.append(ordered, 1e6), np.append(share, 100.0), where="post", label=label, **look)
    axes.set(xscale="log", xlim=(0.7e-16, right), ylim=(0.0, 103.0), ylabel="% of the answers that are within")
    axes.set_xlabel("distance of the answer from the best reference's, relative (left end: 1e-16 or less)")
    axes.set_title("Agreement with brute force and HiGHS", fontsize=10, loc="left")
    axes.legend(fontsize=8, loc="center right")
    return True


def _cores(run: VerificationRun, figure: Any) -> bool:
    if run.cross_check is None or not run.cross_check.cores:
        return False
    clients, core = np.array(run.cross_check.cores).T
    axes = figure.subplots()
    jitter = ((np.arange(len(core)) * 0.618034) % 1.0 - 0.5) * 0.6
    axes.scatter(clients + jitter, core, s=12, color=BLUE, alpha=0.6, linewidths=0)
    axes.plot([0, clients.max()], [0, clients.max()], color=INK, linewidth=0.8, linestyle="--", label="all clients")
    axes.set(xlabel="clients", ylabel="core: clients that screening leaves undecided")
    axes.set_title("Core sizes after the ADMM (makespan)", fontsize=10, loc="left")
    axes.legend(fontsize=8)
    return True
