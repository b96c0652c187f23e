"""Accuracy against uplink bits: everybody, and FedSS' own ablations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from fedss_opt.looks import GREY, SELECTED
from fedss_opt.studies.line_styles import curve_styles

from .drawing import FADED, Dot, draw_dots, freeze, new_figure, place_labels, png, tidy
from .report import Claim, Picture, Report
from .running import Runs
from .statistics import Paired, paired, ratio, verdict
from .tables import accuracy, mbit, percent, points, table, wins

__all__ = ["ORACLES", "frontier"]

POLICY = "all"
OURS, ALONE, ORACLE = "fedss", "fedss-alone", "oracle_clustered"
ORACLES = ("oracle_clustered", "fedu")
"""Algorithms that are told the true tasks."""

_POINTS, _SHARE, _SEEDS = 0.02, 0.1, 7 / 8
_ZOOM, _REACH = 3.0, 3.0  # points below FedSS that the second map shows, and points that the ablations show

# What moves along the axes of the frontier; the other variants cost the same bits as FedSS itself.
_ON_THE_MAP = ("fedss-dense-32bit", "fedss-dense", "fedss-32bit", "fedss-8bit", "fedss-2bit", "fedss-tenth")


def frontier(runs: Runs) -> Report:
    """Tell what accuracy costs in bits."""
    tables, claims = {}, []
    for case in runs.study.cases:
        ours = [name for name in runs.algorithms(case) if runs.base(case, name) == OURS]
        others = [name for name in runs.algorithms(case) if name not in ours]
        tables[f"frontier-{case}"] = _table(runs, case, [OURS, *others])
        tables[f"ablations-{case}"] = _table(runs, case, ours)
        claims += _claims(runs, case, others)
    return Report(
        tables,
        {
            "frontier": Picture(
                _draw_frontier(runs), "Accuracy against uplink bits, for all algorithms and FedSS' variants"
            ),
            "ablations": Picture(_draw_ablations(runs), "Differences of FedSS' variants to FedSS, with intervals"),
        },
        claims,
    )


def _difference(runs: Runs, case: str, other: str) -> Paired:
    return paired(runs.accuracy(case, OURS, POLICY), runs.accuracy(case, other, POLICY))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _bits(runs: Runs, case: str, name: str) -> list[float]:
    return [float(record.uplink_bits) for record in runs.last(case, name, POLICY)]


def _table(runs: Runs, case: str, names: Sequence[str]) -> str:
    rows = []
    for name in sorted(names, key=lambda n: -_mean(runs.accuracy(case, n, POLICY))):
        last, difference = runs.last(case, name, POLICY), _difference(runs, case, name)
        title = runs.study.title(name)
        title += " (oracle)" if runs.base(case, name) in ORACLES and "oracle" not in title else ""
        rows.append(
            [
                f"**{title}**" if name == OURS else title,
                accuracy(runs.accuracy(case, name, POLICY)),
                percent(_mean(runs.worst_decile(case, name, POLICY))),
                mbit(_bits(runs, case, name)),
                mbit([float(record.downlink_bits) for record in last]),
                "" if name == OURS else points(difference),
                "" if name == OURS else wins(difference),
            ]
        )
    head = [
        "algorithm",
        "accuracy, %",
        "worst tenth, %",
        "uplink, Mbit",
        "downlink, Mbit",
        "FedSS ahead by",
        "in seeds",
    ]
    return table(head, rows)


# -- claims
# ---------------------------------------------------------------------------------------------------------


def _claims(runs: Runs, case: str, others: Sequence[str]) -> list[Claim]:
    oracle = _difference(runs, case, ORACLE)
    bits = ratio(_bits(runs, case, OURS), _bits(runs, case, ORACLE))
    alone = _difference(runs, case, ALONE)
    enough = math.ceil(_SEEDS * alone.seeds)
    honest = [name for name in others if runs.base(case, name) not in ORACLES]
    return [
        Claim(
            f"{case}: FedSS is at least as accurate as oracle-clustered FedAvg",
            f"{points(oracle)} points, ahead in {wins(oracle)}",
            verdict(oracle.mean, oracle.half, least=0.0),
        ),
        Claim(
            f"{case}: with at most 1/10 of its uplink bits",
            f"1/{1.0 / bits.mean:.3g}",
            verdict(-bits.mean, 0.0, least=-_SHARE),
        ),
        _lead(runs, case, f"{case}: FedSS beats every non-oracle baseline by at least 2 points", honest),
        _lead(
            runs,
            case,
            f"{case}: the same without clustered FedAvg, which divides clients as FedSS does",
            [name for name in honest if runs.base(case, name) != "clustered"],
        ),
        Claim(
            f"{case}: without sharing between tasks FedSS loses in at least 7 of 8 seeds",
            f"loses in {wins(alone)}, by {points(alone)} points",
            "held" if alone.wins >= enough else "missed",
        ),
    ]


def _lead(runs: Runs, case: str, what: str, names: Sequence[str]) -> Claim:
    nearest = min(names, key=lambda name: _difference(runs, case, name).mean)
    difference = _difference(runs, case, nearest)
    return Claim(
        what,
        f"{points(difference)} points on the best of them, {runs.study.title(nearest)}",
        verdict(difference.mean, difference.half, least=_POINTS),
    )


# -- figures
# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """What stands on the map."""

    name: str
    base: str
    mbit: float
    accuracy: float


def _shown(runs: Runs, case: str) -> list[_Point]:
    """List what stands on the map; local training sends no bits, and is a line."""
    found = []
    for name in runs.algorithms(case):
        base, bits = runs.base(case, name), _mean(_bits(runs, case, name))
        if bits > 0.0 and (base != OURS or name == OURS or name in _ON_THE_MAP):
            found.append(_Point(name, base, bits / 1e6, 100.0 * _mean(runs.accuracy(case, name, POLICY))))
    return found


def _draw_frontier(runs: Runs) -> bytes:
    """Draw a map per family, and below it the same map of its upper end."""
    cases = list(runs.study.cases)
    figure = new_figure(12.0, 10.0)
    panels: Any = figure.subplots(2, len(cases), squeeze=False, height_ratios=(1.0, 1.15))
    labels = []
    for above, below, case in zip(*panels, cases, strict=True):
        shown = _shown(runs, case)
        least = next(point.accuracy for point in shown if point.name == OURS) - _ZOOM
        near = [point for point in shown if point.accuracy >= least]
        far = [point for point in shown if point.accuracy < least]
        _draw_map(above, runs, case, shown, zoomed=False)
        _draw_map(below, runs, case, shown, zoomed=True)
        top = max(point.accuracy for point in shown)
        below.set_ylim(least, top + 0.12 * (top - least))
        above.axhspan(least, top + 1.0, color=SELECTED, alpha=0.06, linewidth=0)
        above.set_title(case, fontsize=10, loc="left")
        below.set_title(f"{case}: the shaded part", fontsize=10, loc="left")
        labels += [(above, far), (below, near)]
    for row in panels:
        row[0].set_ylabel("mean accuracy, %")
    figure.suptitle("What accuracy costs in bits: up is better, left is cheaper", fontsize=11)
    freeze(figure)
    for axes, named in labels:
        place_labels(
            axes,
            [(point.mbit, point.accuracy) for point in named],
            [_label(runs, point) for point in named],
            [_color(point) for point in named],
            size=7.5,
        )
    return png(figure)


def _label(runs: Runs, point: _Point) -> str:
    title = runs.study.title(point.name)
    return f"FedSS, {title}" if point.base == OURS and point.name != OURS else title


def _color(point: _Point) -> Any:
    return curve_styles([(point.base, point.base)])[point.base].color


def _draw_map(axes: Any, runs: Runs, case: str, shown: Sequence[_Point], *, zoomed: bool) -> None:
    looks = curve_styles((point.name, point.base) for point in shown)
    for point in shown:
        axes.plot(
            point.mbit,
            point.accuracy,
            marker=looks[point.name].marker,
            color=_color(point),
            markersize=11 if point.name == OURS else 6.5,
            markeredgecolor="white",
            markeredgewidth=0.8,
            linestyle="",
            zorder=5 if point.base == OURS else 4,
        )
    least, most = min(p.mbit for p in shown), max(p.mbit for p in shown)
    edge, best = [], -math.inf
    for point in sorted(shown, key=lambda p: (p.mbit, -p.accuracy)):
        if point.accuracy > best:
            best = point.accuracy
            edge.append((point.mbit, best))
    x, y = np.array([*edge, (2.0 * most, best)]).T
    axes.step(x, y, where="post", color=FADED, linewidth=5.0, zorder=1, solid_capstyle="round")
    if "local" in runs.algorithms(case) and not zoomed:
        local = 100.0 * _mean(runs.accuracy(case, "local", POLICY))
        axes.axhline(local, color=GREY, linestyle=":", linewidth=1.0)
        axes.annotate(
            "local training: no bits", (0.01, local), xycoords=("axes fraction", "data"), xytext=(0, 3),
            textcoords="offset points", fontsize=7.5, color=GREY,
        )  # fmt: skip
    axes.set_xscale("log")
    # Room to the right for the names of those that send whole models.
    axes.set_xlim(least / 1.5, most * (most / least) ** 0.35)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda bits, _: f"{bits:g}"))
    axes.set_xlabel("uplink of a run, Mbit (logarithmic)", fontsize=9)
    tidy(axes)


def _draw_ablations(runs: Runs) -> bytes:
    """Draw what each variant loses or gains against FedSS, one panel per family."""
    cases = list(runs.study.cases)
    names = [n for n in runs.algorithms(cases[0]) if runs.base(cases[0], n) == OURS and n != OURS]
    names.sort(key=lambda name: -_difference(runs, cases[0], name).mean)
    figure = new_figure(10.5, 1.3 + 0.34 * len(names))
    panels: Any = figure.subplots(1, len(cases), sharey=True, squeeze=False)[0]
    for axes, case in zip(panels, cases, strict=True):
        dots = []
        for name in names:
            found = _difference(runs, case, name)
            half = 0.0 if math.isnan(found.half) else 100.0 * found.half
            dots.append(Dot(runs.study.title(name), -100.0 * found.mean, half))
        draw_dots(axes, dots, _REACH)
        axes.set_title(f"{case}: FedSS {accuracy(runs.accuracy(case, OURS, POLICY))} %", fontsize=10, loc="left")
        axes.set_xlabel("points above FedSS")
    figure.suptitle(
        "FedSS with one thing changed: green loses, red beats FedSS, black is undecided (95 % intervals)", fontsize=11
    )
    return png(figure)
