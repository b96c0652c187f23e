"""Where sharing between tasks should not help, and where FedSS is told something wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from fedss_opt.looks import INK
from fedss_opt.studies.line_styles import curve_styles
from fedss_opt.studies.summary import interval

from .drawing import Dot, column_labels, draw_dots, freeze, new_figure, png, tidy
from .report import Picture, Report
from .running import Runs
from .statistics import paired
from .tables import accuracy, mbit, percent, points, table, wins

__all__ = ["controls"]

POLICY, OURS = "all", "fedss"
_TITLES: Mapping[str, str] = {
    "rotations": "rotations: tasks with little in common",
    "iid": "IID: one task, four are looked for",
    "dirichlet": "Dirichlet: one task, skewed clients",
    "shards": "shards: one task, few classes a client",
    "crowd": "many small tasks",
}
_K = "K-"
_REACH = 8.0  # points that the figure shows to either side


def controls(runs: Runs) -> Report:
    """Tell where FedSS loses."""
    cases = [case for case in runs.study.cases if not case.startswith(_K)]
    return Report(
        {f"controls-{case}": _table(runs, case) for case in cases} | {"controls-k": _table_of_k(runs)},
        {
            "controls": Picture(
                _draw(runs, cases), "What FedSS gains and loses against others in the controls, and wrong K"
            )
        },
    )


def _order(runs: Runs, case: str) -> list[str]:
    return sorted(runs.algorithms(case), key=lambda name: -float(np.mean(runs.accuracy(case, name, POLICY))))


def _index(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" if values else ""


def _table(runs: Runs, case: str) -> str:
    rows = []
    for name in _order(runs, case):
        ours = name == OURS
        difference = paired(runs.accuracy(case, OURS, POLICY), runs.accuracy(case, name, POLICY))
        rows.append(
            [
                f"**{runs.study.title(name)}**" if ours else runs.study.title(name),
                accuracy(runs.accuracy(case, name, POLICY)),
                percent(float(np.mean(runs.worst_decile(case, name, POLICY)))),
                mbit([float(record.uplink_bits) for record in runs.last(case, name, POLICY)]),
                "" if ours else points(difference),
                "" if ours else wins(difference),
                _index(runs.rand_index(case, name, POLICY)),
            ]
        )
    head = ["algorithm", "accuracy, %", "worst tenth, %", "uplink, Mbit", "FedSS ahead by", "in seeds", "Rand index"]
    return table(head, rows)


def _numbers(runs: Runs) -> dict[int, str]:
    """Return the cases of wrong K by their K."""
    return {int(case.removeprefix(_K)): case for case in runs.study.cases if case.startswith(_K)}


def _table_of_k(runs: Runs) -> str:
    rows = []
    for k, case in sorted(_numbers(runs).items()):
        for name in runs.algorithms(case):
            rows.append(
                [
                    f"{k}: {runs.study.title(name)}",
                    accuracy(runs.accuracy(case, name, POLICY)),
                    percent(float(np.mean(runs.worst_decile(case, name, POLICY)))),
                    mbit([float(record.uplink_bits) for record in runs.last(case, name, POLICY)]),
                    _index(runs.rand_index(case, name, POLICY)),
                ]
            )
    return table(["K: algorithm", "accuracy, %", "worst tenth, %", "uplink, Mbit", "Rand index"], rows)


# -- the figure
# ---------------------------------------------------------------------------------------------------------


def _draw(runs: Runs, cases: Sequence[str]) -> bytes:
    panels = [*cases, *([_K] if _numbers(runs) else [])]
    rows = math.ceil(len(panels) / 3)
    figure = new_figure(12.0, 3.0 * rows + 0.5)
    grid: Any = figure.subplots(rows, 3, squeeze=False)
    dots = {case: _dots(runs, case) for case in cases}
    for axes, case in zip(grid.flat, cases, strict=False):
        draw_dots(axes, dots[case], _REACH)
        score = accuracy(runs.accuracy(case, OURS, POLICY))
        axes.set_title(f"{_TITLES.get(case, case)}\nFedSS {score} %", fontsize=9, loc="left")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    figure.suptitle(
        "The controls, in points above FedSS: red beats it, green loses, black is undecided (95 % intervals)",
        fontsize=11,
    )
    if _numbers(runs):
        last = list(grid.flat)[len(cases)]
        ends = _draw_k(last, runs)
        freeze(figure)
        column_labels(last, ends[0], *ends[1:], shift=8.0, size=8.0)
    return png(figure)


def _dots(runs: Runs, case: str) -> list[Dot]:
    """Return by how much each of the others beats FedSS."""
    found = []
    for name in _order(runs, case):
        difference = paired(runs.accuracy(case, name, POLICY), runs.accuracy(case, OURS, POLICY))
        half = 0.0 if math.isnan(difference.half) else 100.0 * difference.half
        if name != OURS:
            found.append(Dot(runs.study.title(name), 100.0 * difference.mean, half))
    return found


def _draw_k(axes: Any, runs: Runs) -> tuple[float, list[float], list[str], list[Any]]:
    """Draw accuracy against the number of tasks that is looked for; return what is still to be labelled."""
    by_k = dict(sorted(_numbers(runs).items()))
    names = list(dict.fromkeys(name for case in by_k.values() for name in runs.algorithms(case)))
    looks = curve_styles((name, runs.base(next(iter(by_k.values())), name)) for name in names)
    ends, labels, colors = [], [], []
    means: list[float] = []
    for name in names:
        mean, half = np.array([interval(runs.accuracy(case, name, POLICY)) for case in by_k.values()]).T
        axes.errorbar(
            list(by_k), 100.0 * mean, yerr=None if np.isnan(half).all() else 100.0 * half,
            color=looks[name].color, marker=looks[name].marker, markersize=5, capsize=2, linewidth=1.6,
        )  # fmt: skip
        means += (100.0 * mean).tolist()
        ends.append(means[-1])
        labels.append(runs.study.title(name))
        colors.append(looks[name].color)
    axes.axvline(4, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xticks(list(by_k))
    axes.set_xlim(min(by_k) - 0.4, max(by_k) + 5.5)
    # By the means: the intervals of two or three seeds would press them flat.
    low, high = min(means), max(means)
    axes.set_ylim(low - 0.25 * (high - low) - 1.0, high + 0.25 * (high - low) + 1.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    axes.set_xlabel("tasks that are looked for; there are four", fontsize=8)
    axes.set_title("wrong K on swap2\nmean accuracy, %", fontsize=9, loc="left")
    tidy(axes)
    return float(max(by_k)), ends, labels, colors
