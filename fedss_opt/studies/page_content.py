"""The tables and charts of an experiment's report page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..quantities import scale_for
from ..reports.page_parts import Chart, Column, Table, measure
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

    def _runs(self, id_: str, row: str, keys: Sequence[str], values: chart_columns.Columns) -> None:
        """Add rows of single runs, one for each pair at the most."""
        values["run"] = values.pop("pair")
        columns = [Column(key=key, title=key) for key in (*keys, "run")]
        self.tables.append(Table(id=id_, title=id_, row=row, columns=columns, values=values))

    def _chart(self, id_: str, of: str, title: str, spec: dict[str, Any], **texts: Any) -> None:
        """Add a chart of the rows of a table, or of those that the page's script makes."""
        self.charts.append(Chart(id=id_, title=title, spec=spec, datasets={of: of} if of else {}, **texts))

    def _interval(self, values: chart_columns.Columns) -> Column:
        """Say an interval in words, once for all rows: the page fills the figures in."""
        low, high = np.asarray(values["low"], np.float64), np.asarray(values["high"], np.float64)
        values["interval"] = (high > low).astype(np.int64).tolist()
        return Column(key="interval", title="interval", kind="sentence", labels=("one seed", "{low} to {high}"))

    def _accuracy(self, target: float) -> None:
        self.curves, kept, tested = chart_columns.curves(self.study)
        values = dict(self.curves)
        seconds, bits = (measure(key, key, values[key], unit) for key, unit in (("seconds", "s"), ("bits", "bit")))
        values |= dict.fromkeys(("seconds_text", "bits_text"), [0] * len(values["pair"]))
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
            self._chart(
                f"accuracy-{axis}",
                "curves",
                f"Accuracy against {what}",
                chart_specs.accuracy(self.study, axis, unit, target),
                caption="Means over the seeds. Bands, where few lines are shown or one stands out: 95 % intervals. "
                "Dotted: the target.",
                description=f"Lines: test accuracy against {what}, one for every algorithm and policy. The summary "
                "has the same at the end of the runs.",
                note=" ".join(filter(None, (thinned_note(kept, tested), silent if axis == "bits" else ""))),
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
        self._chart(
            "times",
            "times",
            "How long a round takes, by policy",
            chart_specs.round_times(self.study, scale.unit, wide=wide),
            caption="Box: the middle half of all rounds of all seeds, with the median; line: from 5 % to 95 %; "
            "diamond: the mean, which rare long rounds pull up. Rounds in which nobody was selected are left out.",
            description="Boxes: the time of a round for every policy that allocates the bandwidth, from the start "
            "of computing to the last upload that was waited for.",
        )

    def _tasks(self) -> None:
        values = chart_columns.task_levels(self.study)
        shares = [share_column(key, key) for key in ("accuracy", "low", "high")]
        self._table("tasks", [*shares, Column(key="task", title="task"), self._interval(values)], values)
        self._chart(
            "tasks",
            "tasks",
            "Accuracy of each task at the end",
            chart_specs.tasks(self.study),
            caption="Means over the task's clients and the seeds, with 95 % intervals.",
            description="Dots: final test accuracy of every true task under one policy, a dot for every algorithm.",
        )

    def _relevance(self) -> None:
        values, seeds = chart_columns.matrices(self.study)
        self.context["relevant"] = {pair: f"{self.names[pair]}, seed {seed}" for pair, seed in seeds.items()}
        if not seeds:
            return
        first = next(iter(seeds))
        self._runs("relevance", "cell", ("of", "to", "measured", "quantised"), values)
        for field in ("measured", "quantised"):
            self._chart(
                f"relevance-{field}",
                "relevance",
                field.capitalize(),
                chart_specs.matrix(field, first),
                caption="Mean over neurons.",
                description=f"Matrix: relevance of every task to every other, {field}, from 0 to 1.",
            )
        levels = chart_columns.neurons(self.study)
        self.context["has_neurons"] = bool(levels["pair"])
        if levels["pair"]:
            self._runs("neurons", "neuron", ("share", "measured", "quantised"), levels)
            self._chart(
                "relevance-neurons",
                "neurons",
                "Neuron by neuron",
                chart_specs.neuron_levels(first),
                caption="Every step of the blue line is a level.",
                description="Lines: relevance of all neurons, sorted, as it was measured and as it was quantised.",
            )

    def _selection(self) -> None:
        grids = chart_columns.grids(self.study)
        self.context["selections"] = {grid.pair: f"{self.names[grid.pair]}, seed {grid.seed}" for grid in grids}
        columns = [Column(key=key, title=key, kind="text") for key in ("states", "rounds")]
        columns += [Column(key=key, title=key) for key in ("clients", "run")]
        values = {
            "states": [grid.states for grid in grids],
            "rounds": [" ".join(map(str, grid.rounds)) for grid in grids],
            "clients": [grid.clients for grid in grids],
            "run": [grid.pair for grid in grids],
        }
        self.tables.append(Table(id="grids", title="grids", row="grid", columns=columns, values=values))
        self._chart(
            "selection",
            "",
            "Who was selected when",
            chart_specs.selection(max(grid.clients for grid in grids)),
            caption="A column is a round, a row a client.",
            description="Grid: for every round and client of one run whether the client was absent, left out, "
            "selected, or selected and lost.",
            note=chart_columns.grids_note(grids, len(self.study.curves)),
        )
