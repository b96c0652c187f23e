"""What requiring more of every task buys and costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fedss_opt.looks import GREY, METHODS
from fedss_opt.studies.summary import interval

from .clock import TARGET
from .drawing import new_figure, png, tidy
from .report import Picture, Report
from .running import Runs
from .statistics import geometric
from .tables import accuracy, percent, seconds, share, table

__all__ = ["required"]

OURS = "fedss"
_MARKERS = {"admm": "o", "random": "^", "random_equal": "v", "greedy": "s", "best_channel": "D"}


def required(runs: Runs) -> Report:
    """Tell what the covering constraint does."""
    return Report(
        {"required": _table(runs)},
        {
            "required": Picture(
                _draw(runs), "Accuracy, worst tenth, latency and time to target against the required fraction"
            )
        },
    )


def _fractions(runs: Runs) -> list[str]:
    return sorted(runs.study.cases, key=float)


def _policies(runs: Runs) -> tuple[str, ...]:
    return runs.case(_fractions(runs)[0]).run.policies


def _latency(runs: Runs, case: str, policy: str) -> list[float]:
    """Return every seed's mean length of a round, downlink included, s."""
    return [record.simulated_s / (record.round + 1) for record in runs.last(case, OURS, policy)]


def _selected(runs: Runs, case: str, policy: str) -> float:
    found = runs.of[case, OURS, policy].values()
    return float(np.mean([record.selected for run in found for record in run.records]))


def _table(runs: Runs) -> str:
    rows = []
    for case in _fractions(runs):
        for policy in _policies(runs):
            rows.append(
                [
                    f"{case}, `{policy}`",
                    accuracy(runs.accuracy(case, OURS, policy)),
                    percent(float(np.mean(runs.worst_decile(case, OURS, policy)))),
                    f"{_selected(runs, case, policy):.1f}",
                    f"{1e3 * geometric(_latency(runs, case, policy)).mean:.3g}",
                    seconds(runs.seconds_to(TARGET, case, OURS, policy)),
                ]
            )
    head = [
        "required, policy",
        "accuracy, %",
        "worst tenth, %",
        "selected",
        "a round, ms",
        f"seconds to {share(TARGET)}",
    ]
    return table(head, rows)


def _draw(runs: Runs) -> bytes:
    figure = new_figure(12.0, 7.0)
    panels: Any = figure.subplots(2, 2)
    draw: list[tuple[str, Callable[[str, str], list[float]], float, bool]] = [
        ("mean accuracy at the end, %", lambda case, policy: runs.accuracy(case, OURS, policy), 100.0, False),
        ("accuracy of the worst tenth, %", lambda case, policy: runs.worst_decile(case, OURS, policy), 100.0, False),
        ("mean length of a round, ms", lambda case, policy: _latency(runs, case, policy), 1e3, True),
        (
            f"seconds to {share(TARGET)} (where every seed reaches it)",
            lambda case, policy: runs.seconds_to(TARGET, case, OURS, policy),
            1.0,
            True,
        ),
    ]
    for axes, (title, values, unit, log) in zip(panels.flat, draw, strict=True):
        _draw_lines(axes, runs, values, unit, log)
        axes.set_title(title, fontsize=9.5, loc="left")
        axes.set_xlabel("required: fraction of what the clients offer each task", fontsize=8)
    figure.suptitle("FedSS on swap2: what the covering constraint buys and costs (95 % intervals)", fontsize=11)
    # All policies meet where everybody is required: names at the lines' ends would stand on each other.
    handles, names = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return png(figure)


def _draw_lines(axes: Any, runs: Runs, values: Callable[[str, str], list[float]], unit: float, log: bool) -> None:
    fractions = _fractions(runs)
    x = np.array([float(case) for case in fractions])
    for policy in _policies(runs):
        color, marker = METHODS.get(policy, GREY), _MARKERS.get(policy, "x")
        ours = policy == "admm"
        mean, low, high = np.array([_middle(values(case, policy), log) for case in fractions]).T * unit
        axes.errorbar(
            x, mean, yerr=None if np.isnan(low).all() else np.nan_to_num([mean - low, high - mean]), color=color,
            marker=marker, markersize=5, capsize=2, linewidth=2.2 if ours else 1.4, elinewidth=0.8,
            zorder=5 if ours else 3, label=policy,
        )  # fmt: skip
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_xlim(0.05, 1.05)
    axes.set_xticks(x)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda q, _: f"{q:g}"))
    tidy(axes)


def _middle(values: list[float], log: bool) -> tuple[float, float, float]:
    """Return mean and interval, geometric on a logarithmic axis; nothing where a seed has no value."""
    if not all(map(math.isfinite, values)):
        return math.nan, math.nan, math.nan
    if log:
        found = geometric(values)
        return found.mean, found.low, found.high
    mean, half = interval(values)
    return mean, mean - half, mean + half
