"""Figures of the race: performance profiles, time against size, and what the joint answers cost in time and quality."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from fedss_opt.figures import new_figure, picture, tidy
from fedss_opt.looks import BLACK, BLUE, GREEN, INK, METHODS, ORANGE, RED, SKY, lighter

from .cases import ACCURACIES, Plan, Race
from .entrants import ENTRANTS
from .profile import performance_ratios, profile_steps
from .race import Result
from .tables import times_of

__all__ = ["race_figures"]

_OURS = (BLUE, SKY)
_OTHERS = (RED, ORANGE, GREEN, BLACK)
_MARKERS = "osD^vPX<>hp*d"
_FLOOR = 1e-7  # distances below are drawn there


def race_figures(results: Mapping[Race, list[Result]], plan: Plan) -> dict[str, bytes]:
    """Draw all figures.

    Returns
    -------
    dict of str to bytes
        PNG by file name.
    """
    figures = {}
    with mpl.rc_context({"font.size": 9}):
        for race, mine in results.items():
            stem = str(race).replace(" ", "-")
            figures[f"profile-{stem}.png"] = _png(_profile(race, mine))
            figures[f"sizes-{stem}.png"] = _png(_sizes(race, mine, plan))
        if Race.JOINT in results:
            figures["quality-joint.png"] = _png(_quality(results[Race.JOINT]))
    return figures


def _png(figure: Figure) -> bytes:
    return picture(figure, dpi=130.0, tight=True)


def _style(race: Race, name: str) -> dict[str, Any]:
    """Colour, width and marker of an entrant: the package's methods stand out, policies stand back."""
    peers = [e for (r, _), e in ENTRANTS.items() if r is race]
    entrant = ENTRANTS[race, name]
    alike = [e.name for e in peers if (e.ours, e.policy) == (entrant.ours, entrant.policy)]
    colors = _OURS if entrant.ours else _OTHERS
    return {
        "color": lighter(METHODS[name], 0.3) if entrant.policy else colors[alike.index(name) % len(colors)],
        "linewidth": 2.4 if entrant.ours else 1.0 if entrant.policy else 1.6,
        "linestyle": "--" if entrant.policy else "-",
        "marker": _MARKERS[[e.name for e in peers].index(name) % len(_MARKERS)],
        "zorder": 4 if entrant.ours else 2 if entrant.policy else 3,
    }


def _legend(figure: Figure, axes: Any, columns: int) -> None:
    """Put one legend below all panels, at the same distance in inches whatever the figure's height."""
    handles, labels = axes.get_legend_handles_labels()
    height = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.55 / height, top=1.0 - 0.6 / height)
    figure.legend(
        handles, labels, loc="upper center", ncols=columns, bbox_to_anchor=(0.53, 0.1 / height), frameon=False
    )


def _within(accuracy: float) -> str:
    return f"within $10^{{{round(math.log10(accuracy))}}}$ of the best known"


def _contenders(results: list[Result], accuracy: float) -> tuple[list[str], str]:
    """Return who was within an accuracy at least once, and a line that names the others."""
    times = times_of(results, accuracy)
    seen = [name for name, row in times.items() if any(t is not None for t in row)]
    others = [name for name in times if name not in seen]
    return seen, f"never within {100 * accuracy:g} %: {', '.join(others)}" if others else ""


def _title(figure: Figure, title: str, note: str) -> None:
    height = figure.get_size_inches()[1]
    figure.suptitle(title, fontsize=11, y=1.0 - 0.12 / height, va="top")
    if note:
        figure.text(0.53, -0.55 / height, note, ha="center", va="top", fontsize=8, color=INK)


def _profile(race: Race, results: list[Result]) -> Figure:
    """Share of the instances solved within tau times the fastest, one panel per accuracy."""
    figure = new_figure(9.0, 6.0, constrained=False)
    panels = figure.subplots(2, 2, sharex=True, sharey=True, gridspec_kw={"hspace": 0.2, "wspace": 0.06})
    seen, note = _contenders(results, max(ACCURACIES))
    right = 10.0
    for axes, accuracy in zip(panels.flat, ACCURACIES, strict=True):
        ratios = performance_ratios(times_of(results, accuracy))
        for name in seen:
            tau, share = profile_steps(ratios[name])
            right = max(right, 2.0 * float(tau[-1])) if tau.size else right
            axes.step(
                np.concatenate([[0.5], tau, [1e15]]),
                100.0 * np.concatenate([[0.0], share, share[-1:] if share.size else [0.0]]),
                where="post",
                label=name,
                **_style(race, name) | {"marker": ""},
            )
        axes.set_xscale("log")
        axes.set_ylim(-3.0, 104.0)
        axes.set_title(_within(accuracy), fontsize=9, loc="left")
        tidy(axes, grid="y")
    panels[0, 0].set_xlim(0.8, right)
    for axes in panels[1]:
        axes.set_xlabel("time / time of the fastest on the instance")
    for axes in panels[:, 0]:
        axes.set_ylabel("% of the instances")
    _legend(figure, panels[0, 0], min(len(seen), 7))
    _title(figure, f"{str(race).capitalize()}: how often within how many times the fastest (all sizes)", note)
    return figure


def _sizes(race: Race, results: list[Result], plan: Plan) -> Figure:
    """Median time to two accuracies against N."""
    figure = new_figure(9.0, 3.9, constrained=False)
    panels = figure.subplots(1, 2, sharex=True, sharey=True, gridspec_kw={"wspace": 0.06})
    sizes = sorted({result.case.clients for result in results})
    seen, note = _contenders(results, max(ACCURACIES))
    for axes, accuracy in zip(panels, (1e-2, 1e-4), strict=True):
        for name in seen:
            middles = []
            for size in sizes:
                times = times_of([r for r in results if r.entrant == name and r.case.clients == size], accuracy)[name]
                middle = median(math.inf if t is None else t for t in times)
                middles.append(middle if middle < math.inf else math.nan)  # a gap in the line
            axes.plot(sizes, middles, label=name, markersize=4.5, **_style(race, name))
        axes.axhline(plan.time_limit_s, color=INK, linewidth=0.8, linestyle=":")
        axes.text(sizes[0], plan.time_limit_s * 1.15, "time limit", fontsize=8, va="bottom")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(None, 3.0 * plan.time_limit_s)
        axes.set_xlabel("clients, N")
        axes.set_title(_within(accuracy), fontsize=9, loc="left")
        tidy(axes)
    panels[0].set_ylabel("median time (s)")
    _legend(figure, panels[0], min(len(seen), 7))
    title = f"{str(race).capitalize()}: median time (no point where half of the instances or more failed)"
    _title(figure, title, note)
    return figure


def _quality(results: list[Result]) -> Figure:
    """One point per entrant and panel: median time against median distance from the best known answer."""
    sizes = [n for n in sorted({result.case.clients for result in results}) if n not in (10, 50)]
    sizes = sizes or sorted({result.case.clients for result in results})
    rows, columns = math.ceil(len(sizes) / 2), min(2, len(sizes))
    figure = new_figure(9.0, 2.6 * rows + 1.2, constrained=False)
    panels = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw={"hspace": 0.22, "wspace": 0.06}
    )
    for axes in list(panels.flat)[len(sizes) :]:
        axes.set_axis_off()
    for axes, size in zip(panels.flat, sizes, strict=False):
        for name in dict.fromkeys(result.entrant for result in results):
            mine = [r for r in results if r.entrant == name and r.case.clients == size and r.status == "answered"]
            x = [median(r.seconds for r in mine)] if mine else []
            y = [max(_FLOOR, median(r.distance for r in mine))] if mine else []
            style = _style(Race.JOINT, name) | {"linestyle": ""}
            axes.plot(x, y, label=name, markersize=9 if ENTRANTS[Race.JOINT, name].ours else 6, **style)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(f"N = {size:,}", fontsize=9, loc="left")
        tidy(axes)
    panels[0, 0].set_ylim(0.3 * _FLOOR, 3.0 * max([r.distance for r in results if r.distance > 0.0], default=1.0))
    for axes in panels[:, 0]:
        axes.set_ylabel("distance from best known")
    for axes in panels[-1]:
        axes.set_xlabel("time of a solve (s)")
    _legend(figure, panels[0, 0], 6)
    note = "medians; bottom row: 1e-7 or less; who is missing failed or was not run"
    _title(figure, "Joint: further down is better, further left is faster", note)
    return figure
