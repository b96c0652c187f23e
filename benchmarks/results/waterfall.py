"""From today's allocation of clustered FedAvg to FedSS with the package's, one change at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import FuncFormatter, NullFormatter

from fedss_opt.looks import BLUE, GREY, INK

from .clock import TARGET
from .drawing import FADED, RED, new_figure, png, tidy
from .report import Picture, Report
from .running import Runs
from .statistics import geometric, ratio
from .tables import NOTHING, accuracy, factor, seconds, share, table

__all__ = ["STEPS", "waterfall"]

EASIER = 0.85
"""A second target, which more of the steps reach in every seed."""


@dataclass(frozen=True)
class Step:
    """One of the changes: what it is called, and which runs have it."""

    title: str
    case: str
    algorithm: str
    policy: str


STEPS = (
    Step("clustered FedAvg, 32 bit,\nrandom clients, equal bands", "allocation", "clustered", "random_equal"),
    Step("+ best bandwidths", "allocation", "clustered", "random"),
    Step("+ selection (ADMM)", "method", "clustered", "admm"),
    Step("+ 4 bits a value", "method", "clustered-4bit", "admm"),
    Step("+ density 0.3", "method", "fedss-alone", "admm"),
    Step("+ sharing: FedSS + ADMM", "method", "fedss", "admm"),
)


def waterfall(runs: Runs) -> Report:
    """Tell what each change is worth in seconds."""
    return Report(
        {"waterfall": _table(runs, TARGET), "waterfall-easier": _table(runs, EASIER)},
        {"waterfall": Picture(_draw(runs), "Seconds to two target accuracies, one change after another")},
    )


def _times(runs: Runs, step: Step, target: float) -> list[float]:
    return runs.seconds_to(target, step.case, step.algorithm, step.policy)


def _always(values: list[float]) -> bool:
    return all(map(math.isfinite, values))


def _table(runs: Runs, target: float) -> str:
    """Write the steps; a factor needs seeds that reach the target before and after."""
    times = [_times(runs, step, target) for step in STEPS]
    rows = []
    for place, step in enumerate(STEPS):
        before = times[place - 1] if place else None
        found = None if before is None else ratio(before, times[place])
        rows.append(
            [
                " ".join(step.title.split()),
                f"{sum(map(math.isfinite, times[place]))} of {len(times[place])}",
                seconds(times[place]),
                "" if found is None else factor(found),
                "" if found is None else f"{found.seeds}",
                accuracy(runs.accuracy(step.case, step.algorithm, step.policy)),
            ]
        )
    whole = ratio(times[0], times[-1])
    rows.append(["all together", "", "", f"**{factor(whole)}**" if whole.seeds else NOTHING, f"{whole.seeds}", ""])
    head = [f"to {share(target)}", "reached", "seconds", "faster by", "seeds compared", "accuracy at the end, %"]
    return table(head, rows)


def _draw(runs: Runs) -> bytes:
    figure = new_figure(12.0, 4.4)
    panels: Any = figure.subplots(1, 2, sharey=True, width_ratios=(1.0, 1.0))
    for axes, target in zip(panels, (TARGET, EASIER), strict=True):
        _draw_steps(axes, runs, target)
    panels[0].set_yticks(range(len(STEPS)), [step.title for step in STEPS], fontsize=9)
    panels[0].set_ylim(len(STEPS) - 0.4, -0.6)
    figure.suptitle("What makes it faster: simulated seconds to a mean accuracy, one change after another", fontsize=11)
    return png(figure)


def _draw_steps(axes: Any, runs: Runs, target: float) -> None:
    times = [_times(runs, step, target) for step in STEPS]
    means = [geometric(t).mean if _always(t) else math.nan for t in times]
    known = [m for m in means if math.isfinite(m)] or [1.0]
    low, high = min(known) / 1.6, max(known) * 8.0  # room for what is written beside the bars
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    for place, mean in enumerate(means):
        if math.isnan(mean):
            reached = sum(map(math.isfinite, times[place]))
            text = f"{reached} of {len(times[place])} seeds reach it" if reached else "no seed reaches it"
            axes.barh(place, high - low, left=low, height=0.62, color="none", edgecolor=FADED, hatch="///", linewidth=0)
            axes.text(math.sqrt(low * high), place, text, fontsize=8, ha="center", va="center", color="#555555")
            continue
        # The last step that every seed reaches; the factor is then of all changes since.
        known_before = [p for p in range(place) if math.isfinite(means[p])]
        note, before = f"{mean:.3g} s", math.nan
        if not known_before:
            axes.barh(place, mean - low, left=low, height=0.62, color=GREY)
        else:
            last = known_before[-1]
            before = means[last]
            axes.barh(place, before - mean, left=mean, height=0.62, color=RED if mean > before else BLUE)
            axes.plot([before, before], [last + 0.31, place - 0.31], color=INK, linewidth=0.7)
            found = ratio(times[last], times[place])
            span = "" if math.isnan(found.low) else f" ({found.low:.2g}–{found.high:.2g})"
            steps = f", {place - last} steps" if place - last > 1 else ""
            note += f"   ÷ {found.mean:.2g}{span}{steps}"
        axes.annotate(
            note, (max(mean, 0.0 if math.isnan(before) else before), place), xytext=(5, 0), textcoords="offset points",
            fontsize=8.5, va="center", fontweight="bold" if place == len(means) - 1 else "normal",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
        )  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("simulated seconds (logarithmic; geometric mean over seeds)")
    axes.set_title(f"to {share(target)} (÷: factor of the step, 95 % interval)", fontsize=9.5, loc="left")
    tidy(axes, grid="x")
