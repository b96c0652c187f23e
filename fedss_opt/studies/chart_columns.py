"""What a report page of an experiment shows: its runs in numbers, bounded in size whatever the experiment's is."""

from __future__ import annotations

import base64
import gzip
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..array_types import FloatArray, IntArray
from ..simulation.run_records import RunResult
from .learning_curves import StudyCurves
from .results import results_of

__all__ = [
    "QUANTILES",
    "Columns",
    "Grid",
    "Packed",
    "Tally",
    "boxes",
    "curves",
    "grids",
    "grids_note",
    "matrices",
    "neurons",
    "pack",
    "task_levels",
]

Columns = dict[str, Any]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What a box of round times shows: its whiskers, its edges and its line."""

# A page of a hundred pairs should open on a phone: so many points, cells and bytes at most.
_MOST_POINTS, _LEAST_A_CURVE, _MOST_A_CURVE = 9000, 20, 150
_MOST_GRIDS, _MOST_ROUNDS, _MOST_CLIENTS = 150, 100, 100
_MOST_MATRICES, _MOST_TASKS, _NEURONS = 24, 16, 120
_MOST_BYTES = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many runs were asked for, finished, and failed."""

    asked: int
    finished: int
    failed: int

    @property
    def missing(self) -> int:
        """Runs that were neither finished nor failed: something ended the experiment before."""
        return self.asked - self.finished - self.failed

    @property
    def shortfall(self) -> str:
        """What is missing, in words; empty when nothing is."""
        parts = [f"{self.failed:,} failed"] if self.failed else []
        parts += [f"{self.missing:,} were not run"] if self.missing else []
        return " and ".join(parts)


# -- curves -------------------------------------------------------------------------------------------------


def curves(study: StudyCurves) -> tuple[Columns, int, int]:
    """Return the learning curves, column by column, and how much of them is kept.

    Columns are ``pair`` (position of the curve in the study), ``round`` (from 1), ``seconds``, ``bits``, ``accuracy``,
    its 95 % interval ``low`` to ``high`` (NaN for a single seed), and ``last`` (1 at the end of a curve). The numbers
    are the points of the longest curve that are kept, and that there are.
    """
    most = int(np.clip(_MOST_POINTS // max(len(study.curves), 1), _LEAST_A_CURVE, _MOST_A_CURVE))
    columns: Columns = {name: [] for name in ("pair", "round", "seconds", "bits", "accuracy", "low", "high", "last")}
    kept = tested = 0
    for pair, curve in enumerate(study.curves):
        points = _evenly(curve.accuracy.size, most)
        low, high = _interval(curve.accuracy, curve.half_width)
        last = np.zeros(points.size, np.int64)
        last[-1] = 1
        for name, values in (
            ("pair", np.full(points.size, pair)),
            ("round", curve.rounds[points]),
            ("seconds", _short(curve.simulated_s[points])),
            ("bits", _short(curve.uplink_bits[points])),
            ("accuracy", _short(curve.accuracy[points])),
            ("low", _short(low[points])),
            ("high", _short(high[points])),
            ("last", last),
        ):
            columns[name].extend(values.tolist())
        kept, tested = max(kept, points.size), max(tested, curve.accuracy.size)
    return columns, kept, tested


def task_levels(study: StudyCurves) -> Columns:
    """Return the final accuracy of every task (from 1) under every pair, with its 95 % interval ``low`` to ``high``."""
    columns: Columns = {name: [] for name in ("pair", "task", "accuracy", "low", "high")}
    for pair, curve in enumerate(study.curves):
        half = np.nan_to_num(curve.tasks_half)
        known = np.flatnonzero(np.isfinite(curve.tasks))
        columns["pair"] += [pair] * known.size
        columns["task"] += (known + 1).tolist()
        columns["accuracy"] += _short(curve.tasks[known]).tolist()
        low, high = _interval(curve.tasks, half)
        columns["low"] += _short(low[known]).tolist()
        columns["high"] += _short(high[known]).tolist()
    return columns


def boxes(study: StudyCurves) -> Columns:
    """Return how long rounds took under every pair, over all rounds and seeds in which somebody was selected.

    Columns are ``pair``, ``q5``, ``q25``, ``q50``, ``q75``, ``q95`` and ``mean``, s, and ``rounds``, how many there
    are.
    """
    times: dict[tuple[str, str], list[float]] = {}
    for run in results_of(study.outcomes):
        times.setdefault((run.algorithm, run.policy), []).extend(
            record.latency_s for record in run.records if record.selected
        )
    names = [f"q{100 * share:g}" for share in QUANTILES]
    columns: Columns = {name: [] for name in ("pair", *names, "mean", "rounds")}
    for pair, curve in enumerate(study.curves):
        found = times[curve.algorithm, curve.policy]
        if found:
            columns["pair"].append(pair)
            for name, value in zip(names, np.quantile(found, QUANTILES), strict=True):
                columns[name].append(float(value))
            columns["mean"].append(float(np.mean(found)))
            columns["rounds"].append(len(found))
    return columns


# -- one run of a pair --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Who was selected when, in the first finished run of a pair.

    Rounds are those that are shown, from 1; `clients` of them are shown, from the first, `of` there are. `states` is a
    `Participation` per round and client, round by round, four in a byte from the lowest bits, in Base64.
    """

    pair: int
    seed: int
    rounds: tuple[int, ...]
    clients: int
    of: int
    states: str


def grids(study: StudyCurves) -> list[Grid]:
    """Return who was selected when, for the first pairs."""
    found = []
    for pair, run in _first_runs(study)[:_MOST_GRIDS]:
        rounds, of = run.participation.shape
        shown = _evenly(rounds, _MOST_ROUNDS)
        clients = min(of, _MOST_CLIENTS)
        states = run.participation[shown, :clients].astype(np.uint8).ravel()
        four = np.concatenate([states, np.zeros(-states.size % 4, np.uint8)]).reshape(-1, 4)
        code = (four << np.array([0, 2, 4, 6], np.uint8)).sum(axis=1, dtype=np.uint8)
        found.append(
            Grid(
                pair=pair,
                seed=run.seed,
                rounds=tuple((shown + 1).tolist()),
                clients=clients,
                of=of,
                states=base64.b64encode(code.tobytes()).decode(),
            )
        )
    return found


def grids_note(found: Sequence[Grid], pairs: int) -> str:
    """Say what the grids leave out; nothing when it is nothing."""
    parts = []
    rounds, clients, of = (max(sizes) for sizes in zip(*((max(g.rounds), g.clients, g.of) for g in found), strict=True))
    shown = max(len(grid.rounds) for grid in found)
    if shown < rounds:
        parts.append(f"{shown:,} of {rounds:,} rounds, evenly spread")
    if clients < of:
        parts.append(f"the first {clients:,} of {of:,} clients")
    if len(found) < pairs:
        parts.append(f"the first {len(found):,} of {pairs:,} pairs of algorithm and policy")
    return f"Shown are {' and '.join(parts)}." if parts else ""


def matrices(study: StudyCurves) -> tuple[Columns, Mapping[int, int]]:
    """Return the relevance of task to task at the end, measured and quantised, means over neurons, and seeds.

    Tasks count from 1; pairs whose algorithm measures no relevance are not there.
    """
    columns: Columns = {name: [] for name in ("pair", "to", "of", "measured", "quantised")}
    seeds = {}
    for pair, run, measured, quantised in _relevances(study):
        seeds[pair] = run.seed
        to, of = (index.ravel() for index in np.indices(measured.shape[:2]))
        columns["pair"] += [pair] * to.size
        columns["to"] += (to + 1).tolist()
        columns["of"] += (of + 1).tolist()
        columns["measured"] += _short(_over_groups(measured).ravel(), 3).tolist()
        columns["quantised"] += _short(_over_groups(quantised).ravel(), 3).tolist()
    return columns, seeds


def neurons(study: StudyCurves) -> Columns:
    """Return the relevance of every pair of tasks neuron by neuron, sorted by what was measured.

    Columns are ``pair``, ``share`` (of the neurons of all pairs of tasks, %), ``measured`` and ``quantised``.
    """
    columns: Columns = {name: [] for name in ("pair", "share", "measured", "quantised")}
    for pair, _, measured, quantised in _relevances(study):
        rows, others = np.triu_indices(len(measured), 1)
        before, after = measured[rows, others].ravel(), quantised[rows, others].ravel()
        if not before.size:
            continue
        order = np.lexsort((after, before))
        points = _evenly(order.size, _NEURONS)
        columns["pair"] += [pair] * points.size
        columns["share"] += _short(100.0 * (points + 1) / order.size).tolist()
        columns["measured"] += _short(before[order[points]], 3).tolist()
        columns["quantised"] += _short(after[order[points]], 3).tolist()
    return columns


def _relevances(study: StudyCurves) -> list[tuple[int, RunResult, FloatArray, FloatArray]]:
    found = [
        (pair, run, run.exhibits["relevance"].astype(np.float64), run.exhibits["sharing"].astype(np.float64))
        for pair, run in _first_runs(study)
        if {"relevance", "sharing"} <= run.exhibits.keys() and len(run.exhibits["relevance"]) <= _MOST_TASKS
    ]
    return found[:_MOST_MATRICES]


def _over_groups(values: FloatArray) -> FloatArray:
    return values.mean(axis=2) if values.ndim == 3 else values


def _first_runs(study: StudyCurves) -> list[tuple[int, RunResult]]:
    first = {(run.algorithm, run.policy): run for run in reversed(results_of(study.outcomes))}
    return [(pair, first[curve.algorithm, curve.policy]) for pair, curve in enumerate(study.curves)]


# -- the whole table ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A table as CSV, compressed by gzip, in Base64.

    So many rows of those that there are are kept: of each run `every` so manieth round (1: all), and the last.
    """

    data: str
    rows: int
    of: int
    every: int


def pack(frame: pl.DataFrame) -> Packed:
    """Return the rounds of all runs as compressed CSV; of too many, every so manieth of each run and its last."""
    every, kept = 1, frame
    while True:
        data = _compressed(kept)
        if len(data) <= _MOST_BYTES or every >= frame.height:
            return Packed(data=base64.b64encode(data).decode(), rows=kept.height, of=frame.height, every=every)
        # Rows of a table compress alike; the last round of every run is kept beside those that are counted.
        every = max(every + 1, math.ceil(every * len(data) / _MOST_BYTES))
        last = pl.col("round") == pl.col("round").max().over("algorithm", "policy", "seed")
        kept = frame.filter(((pl.col("round") + 1) % every == 0) | last)


def _compressed(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_csv(stream)
    return gzip.compress(stream.getvalue(), 6, mtime=0)  # without a date: the same results are the same page


def _interval(level: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.maximum(level - half, 0.0), np.minimum(level + half, 1.0)


def _evenly(count: int, most: int) -> IntArray:
    """Positions of so many things that stand evenly among them, the first and the last included."""
    if count <= most:
        return np.arange(count)
    return np.rint(np.linspace(0, count - 1, most)).astype(np.int64)


def _short(values: npt.ArrayLike, digits: int = 5) -> FloatArray:
    """Round to so many significant digits: more than a chart can show, and less to embed."""
    return np.array([float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=np.float64).tolist()])
