"""Simulated seconds to a target accuracy, for every algorithm under every policy."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle

from fedss_opt.looks import INK

from .drawing import new_figure, png
from .report import Claim, Picture, Report
from .running import Runs
from .statistics import geometric, ratio, verdict
from .tables import accuracy, factor, seconds, share, table

__all__ = ["TARGET", "clock"]

TARGET = 0.9
OURS, POLICY, PROVEN = "fedss", "admm", "exact"
_LEADERS = 12

Pair = tuple[str, str]


def clock(runs: Runs) -> Report:
    """Tell how long every pair takes."""
    ranked = _ranked(runs)
    return Report(
        {"clock": _matrix(runs, ranked), "clock-leaders": _leaders(runs, ranked)},
        {"clock": Picture(_draw(runs, ranked), f"Seconds to {share(TARGET)} accuracy, algorithms by policies")},
        [_claim(runs, ranked)],
    )


def _times(runs: Runs, pair: Pair) -> list[float]:
    algorithm, policy = pair
    return runs.seconds_to(TARGET, "proven" if policy == PROVEN else "pairs", algorithm, policy)


def _rank(times: Sequence[float]) -> tuple[int, float]:
    """Order by the number of seeds that did not arrive, then by the geometric mean of the others."""
    finite = [t for t in times if math.isfinite(t)]
    return len(times) - len(finite), geometric(finite).mean if finite else math.inf


def _ranked(runs: Runs) -> list[Pair]:
    """List all pairs of the grid, the fastest first."""
    pairs = [(algorithm, policy) for case, algorithm, policy in runs.of if case == "pairs"]
    return sorted(pairs, key=lambda pair: _rank(_times(runs, pair)))


def _axes_of(runs: Runs, ranked: Sequence[Pair]) -> tuple[list[str], list[str]]:
    """Order algorithms by their best policy, and policies as FedSS likes them."""
    return list(dict.fromkeys(a for a, _ in ranked)), [p for a, p in ranked if a == OURS]


def _matrix(runs: Runs, ranked: Sequence[Pair]) -> str:
    algorithms, policies = _axes_of(runs, ranked)
    rows = []
    for algorithm in algorithms:
        cells = [seconds(_times(runs, (algorithm, policy)), spread=False) for policy in policies]
        rows.append([runs.study.title(algorithm), *cells])
    return table(["algorithm", *(f"`{policy}`" for policy in policies)], rows)


def _leaders(runs: Runs, ranked: Sequence[Pair]) -> str:
    """Write the fastest pairs, and what the proven optimum of every round would give."""
    reached = [pair for pair in ranked if any(map(math.isfinite, _times(runs, pair)))][:_LEADERS]
    pairs = [*reached, (OURS, PROVEN)]
    if (OURS, POLICY) not in pairs:
        pairs.insert(0, (OURS, POLICY))
    ours = _times(runs, (OURS, POLICY))
    rows = []
    for pair in pairs:
        algorithm, policy = pair
        times = _times(runs, pair)
        case = "proven" if policy == PROVEN else "pairs"
        ahead = sum(a < b for a, b in zip(ours, times, strict=True))
        same = pair == (OURS, POLICY)
        rows.append(
            [
                f"{'**' * same}{runs.study.title(algorithm)}, `{policy}`{'**' * same}",
                f"{sum(map(math.isfinite, times))} of {len(times)}",
                seconds(times),
                "" if same else factor(ratio(times, ours)),
                "" if same else f"{ahead} of {len(times)}",
                accuracy(runs.accuracy(case, algorithm, policy)),
            ]
        )
    head = ["pair", "reached", "seconds", "times FedSS + `admm`", "FedSS + `admm` sooner", "accuracy at the end, %"]
    return table(head, rows)


def _claim(runs: Runs, ranked: Sequence[Pair]) -> Claim:
    what = f"FedSS + admm is the first of all pairs at {share(TARGET)} accuracy"
    ours, times = (OURS, POLICY), _times(runs, (OURS, POLICY))
    if not any(map(math.isfinite, times)):
        return Claim(what, f"it did not reach {share(TARGET)}", "missed")
    place = ranked.index(ours)
    rival = ranked[1] if place == 0 else ranked[0]
    found = ratio(_times(runs, rival), times)
    name = f"{runs.study.title(rival[0])} + {rival[1]}"
    measured = f"{seconds(times)} s, place {place + 1} of {len(ranked)}; {'next' if place == 0 else 'first'} is {name}"
    if not found.seeds:
        return Claim(what, f"{measured}, which does not arrive", "held" if place == 0 else "missed")
    half = math.nan if math.isnan(found.low) else math.log(found.high / found.mean)
    judged = verdict(math.log(found.mean), half, least=0.0) if place else _first(found.mean, half)
    return Claim(what, f"{measured} at {factor(found)} times the seconds", judged)


def _first(mean: float, half: float) -> str:
    """Judge a first place: it holds by rank, and is open where the interval of the ratio to the next covers 1."""
    return "held, within the interval" if math.log(mean) < half else "held"


def _draw(runs: Runs, ranked: Sequence[Pair]) -> bytes:
    algorithms, policies = _axes_of(runs, ranked)
    there = [a for a in algorithms if any(math.isfinite(t) for p in policies for t in _times(runs, (a, p)))]
    never = [runs.study.title(a) for a in algorithms if a not in there]
    values = np.full((len(there), len(policies)), math.nan)
    figure = new_figure(1.6 + 1.05 * len(policies) + 1.6, 1.9 + 0.42 * max(len(there), 1))
    axes: Any = figure.subplots()
    for row, algorithm in enumerate(there):
        for column, policy in enumerate(policies):
            times = _times(runs, (algorithm, policy))
            if all(map(math.isfinite, times)):
                values[row, column] = geometric(times).mean
    norm = LogNorm(np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else LogNorm(1.0, 10.0)
    if there:
        axes.imshow(values, norm=norm, cmap="viridis_r", aspect="auto")
    for row, algorithm in enumerate(there):
        for column, policy in enumerate(policies):
            times = _times(runs, (algorithm, policy))
            known = math.isfinite(values[row, column])
            dark = known and norm(values[row, column]) > 0.5
            ours = (algorithm, policy) == (OURS, POLICY)
            axes.text(
                column, row, seconds(times, spread=False), ha="center", va="center",
                fontsize=10 if known else 7.5, color="white" if dark else INK if known else "#777777",
                fontweight="bold" if ours else "normal",
            )  # fmt: skip
            if ours:
                axes.add_patch(
                    Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fill=False, edgecolor=INK, linewidth=2.0)
                )
    axes.set_xticks(range(len(policies)), policies, fontsize=9)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(there)), [runs.study.title(a) for a in there], fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(
        f"Simulated seconds to {share(TARGET)} mean accuracy (geometric mean over seeds): darker is slower",
        fontsize=11,
        pad=12,
    )
    note = "“k of n”: in so many of the seeds only; –: in none."
    if never:
        note += f" Never under any policy: {', '.join(never)}."
    axes.set_xlabel("\n".join(textwrap.wrap(note, 105)), fontsize=8, loc="left", color="#555555")
    return png(figure)
