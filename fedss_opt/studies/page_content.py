"""The tables and charts of an experiment's report page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..quantities import scale_for
from ..reports.parts import Chart, Column, Table, measure
from . import chart_columns, chart_specs
from .learning_curves import StudyCurves
from .page_text import silent_note, thinned_note

__all__ = ["Content", "share_column"]

_FEW = 12  # pairs that are all shown at first; of more, those under the first policy


def share_column(key: str, title: str, **options: Any) -> Column:
    """Return a column of shares, displayed in per cent; `options` are other fields of `Column`."""
    return Column(key=key, title=title, unit="%", factor=0.01, decimals=1, **options)


class Content:
    """Tables and charts of the runs that were finished, whose curves mark a target accuracy.

    Attributes
    ----------
    curves, times : dict of str to list
        Columns of the learning curves and of the boxes.
    names : list of str
        What to call every pair.
    tables, charts : list
        Of the page; the tables are those that charts draw their rows from.
    context : dict
        For the template.
    """

    def __init__(self, study: StudyCurves, target: float) -> None:
        self.study = study
        self.names = [f"{curve.algorithm} under {curve.policy}" for curve in study.curves]
        self.tables: list[Table] = []
        self.charts: list[Chart] = []
        self.context: dict[str, Any] = {
            "paints": {name: style.paint for name, style in study.styles.items()},
            "shapes": {name: style.shape for name, style in study.styles.items()},
            "dashes": study.dashes,
            "axes": chart_specs.AXES,
            "algorithms": {name: name for name in study.styles},
            "policies": {name: name for name in study.dashes},
            "few": len(study.curves) <= _FEW,
        }
        self._accuracy(target)
        self._times()
        self._tasks()
        self._relevance()
        self._selection()

    def _table(self, id_: str, columns: Sequence[Column], values: chart_columns.Columns) -> None:
        """Add rows for charts; those of a pair also say whose they are."""
        if "pair" in values:
            pairs = np.asarray(values["pair"], dtype=np.int64)
            for key, names in (("algorithm", list(self.study.styles)), ("policy", list(self.study.dashes))):
                places = np.array([names.index(getattr(curve, key)) for curve in self.study.curves])
                values[key] = places[pairs].tolist()
                columns = [Column(key=key, title=key, kind="choice", labels=names), *columns]
            columns = [*columns, Column(key="pair", title="pair")]
        self.tables.append(Table(id=id_, title=id_, row="point", columns=columns, values=values))

    def _interval(self, values: chart_columns.Columns) -> Column:
        """Say an interval in words, once for all rows: the page fills the figures in."""
        low, high = np.asarray(values["low"], np.float64), np.asarray(values["high"], np.float64)
        values["interval"] = (high > low).astype(np.int64).tolist()
        return Column(key="interval", title="interval", kind="sentence", labels=("one seed", "{low} to {high}"))

    def _accuracy(self, target: float) -> None:
        self.curves, kept, tested = chart_columns.curves(self.study)
        values = dict(self.curves)
        seconds, bits = (measure(key, key, values[key], unit) for key, unit in (("seconds", "s"), ("bits", "bit")))
        none = [0] * len(values["pair"])
        values |= {"seconds_text": none, "bits_text": none}
        columns = [
            seconds,
            bits,
            Column(key="round", title="round"),
            *(share_column(key, key) for key in ("accuracy", "low", "high")),
            Column(key="last", title="last"),
            Column(key="seconds_text", title="simulated", kind="sentence", labels=("{seconds}",)),
            Column(key="bits_text", title="uplink", kind="sentence", labels=("{bits}",)),
            self._interval(values),
        ]
        self._table("curves", columns, values)
        silent = silent_note(curve.algorithm for curve in self.study.curves if not curve.uplink_bits[-1] > 0.0)
        for axis, (what, _) in chart_specs.AXES.items():
            unit = {"seconds": seconds.unit, "bits": bits.unit, "round": ""}[axis]
            self.charts.append(
                Chart(
                    id=f"accuracy-{axis}",
                    title=f"Accuracy against {what}",
                    caption="Means over the seeds. Bands, where few lines are shown or one stands out: 95 % intervals. "
                    "Dotted: the target.",
                    description=f"Lines: test accuracy against {what}, one for every algorithm and policy. The summary "
                    "has the same at the end of the runs.",
                    spec=chart_specs.accuracy(self.study, axis, unit, target),
                    datasets={"curves": "curves"},
                    note=" ".join(filter(None, (thinned_note(kept, tested), silent if axis == "bits" else ""))),
                )
            )

    def _times(self) -> None:
        self.times = chart_columns.boxes(self.study)
        self.context["has_times"] = bool(self.times["pair"])
        if not self.times["pair"]:
            return
        values = dict(self.times)
        scale = scale_for(values["q50"], "s")
        keys = ("q5", "q25", "q50", "q75", "q95", "mean")
        columns = [Column(key=key, title=key, unit=scale.unit, factor=scale.factor) for key in keys]
        self._table("times", [*columns, Column(key="rounds", title="rounds")], values)
        wide = max(values["q95"]) > 20.0 * min(values["q5"]) > 0.0
        self.charts.append(
            Chart(
                id="times",
                title="How long a round takes, by policy",
                caption="Box: the middle half of all rounds of all seeds, with the median; line: from 5 % to 95 %; "
                "diamond: the mean, which rare long rounds pull up. Rounds in which nobody was selected are left out.",
                description="Boxes: the time of a round for every policy that allocates the bandwidth, from the start "
                "of computing to the last upload that was waited for.",
                spec=chart_specs.round_times(self.study, scale.unit, wide=wide),
                datasets={"times": "times"},
            )
        )

    def _tasks(self) -> None:
        values = chart_columns.task_levels(self.study)
        columns = [
            *(share_column(key, key) for key in ("accuracy", "low", "high")),
            Column(key="task", title="task"),
            self._interval(values),
        ]
        self._table("tasks", columns, values)
        self.charts.append(
            Chart(
                id="tasks",
                title="Accuracy of each task at the end",
                caption="Means over the task's clients and the seeds, with 95 % intervals.",
                description="Dots: final test accuracy of every true task under one policy, a dot for every algorithm.",
                spec=chart_specs.tasks(self.study),
                datasets={"tasks": "tasks"},
            )
        )

    def _relevance(self) -> None:
        values, seeds = chart_columns.matrices(self.study)
        self.context["relevant"] = {pair: f"{self.names[pair]}, seed {seed}" for pair, seed in seeds.items()}
        if not seeds:
            return
        first = next(iter(seeds))
        columns = [Column(key=key, title=key) for key in ("of", "to", "measured", "quantised", "run")]
        values["run"] = values.pop("pair")
        self.tables.append(Table(id="relevance", title="relevance", row="cell", columns=columns, values=values))
        for field in ("measured", "quantised"):
            self.charts.append(
                Chart(
                    id=f"relevance-{field}",
                    title=field.capitalize(),
                    caption="Mean over neurons.",
                    description=f"Matrix: relevance of every task to every other, {field}, from 0 to 1.",
                    spec=chart_specs.matrix(field, first),
                    datasets={"relevance": "relevance"},
                )
            )
        levels = chart_columns.neurons(self.study)
        levels["run"] = levels.pop("pair")
        if levels["run"]:
            columns = [Column(key=key, title=key) for key in ("share", "measured", "quantised", "run")]
            self.tables.append(Table(id="neurons", title="neurons", row="neuron", columns=columns, values=levels))
            self.charts.append(
                Chart(
                    id="relevance-neurons",
                    title="Neuron by neuron",
                    caption="Every step of the blue line is a level.",
                    description="Lines: relevance of all neurons, sorted, as it was measured and as it was quantised.",
                    spec=chart_specs.neuron_levels(first),
                    datasets={"neurons": "neurons"},
                )
            )
        self.context["has_neurons"] = bool(levels["run"])

    def _selection(self) -> None:
        grids = chart_columns.grids(self.study)
        self.context["selections"] = {grid.pair: f"{self.names[grid.pair]}, seed {grid.seed}" for grid in grids}
        columns = [
            Column(key="states", title="states", kind="text"),
            Column(key="rounds", title="rounds", kind="text"),
            Column(key="clients", title="clients"),
            Column(key="run", title="run"),
        ]
        self.tables.append(
            Table(
                id="grids",
                title="grids",
                row="grid",
                columns=columns,
                values={
                    "states": [grid.states for grid in grids],
                    "rounds": [" ".join(map(str, grid.rounds)) for grid in grids],
                    "clients": [grid.clients for grid in grids],
                    "run": [grid.pair for grid in grids],
                },
            )
        )
        self.charts.append(
            Chart(
                id="selection",
                title="Who was selected when",
                caption="A column is a round, a row a client.",
                description="Grid: for every round and client of one run whether the client was absent, left out, "
                "selected, or selected and lost.",
                spec=chart_specs.selection(max(grid.clients for grid in grids)),
                note=chart_columns.grids_note(grids, len(self.study.curves)),
            )
        )
