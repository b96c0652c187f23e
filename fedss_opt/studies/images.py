"""The charts of an experiment as PNG files: those of its report page, drawn by vl-convert (extra ``report``)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ..documents.files import write_atomically
from ..exceptions import OptionError
from ..looks import lighter
from ..reports.charts import altair
from ..reports.page import need_report_extra
from ..reports.page_parts import Chart, Table, embeddable
from . import chart_specs
from .grid import RunOutcome
from .learning_curves import StudyCurves
from .page_content import Content

__all__ = ["IMAGES", "draw_experiment"]

IMAGES = ("accuracy-seconds", "accuracy-bits", "task-accuracy", "relevance", "selection")
"""Names of the files, besides ``overview``."""

Spec = dict[str, Any]

_WIDTH, _SMALL = 560, 240  # pixels; those of a matrix or a grid
_SCALE = 1.5  # pixels of the file for each of these
_MOST_BANDS = 4  # more intervals than these cover each other
_MOST_ALGORITHMS, _MOST_POLICIES = 3, 3  # whose selections are shown


def draw_experiment(outcomes: Sequence[RunOutcome], folder: Path, *, target: float = 0.9) -> list[Path]:
    """Draw the charts of an experiment, each alone and all as ``overview.png``, and return the files.

    Runs that failed are left out; `target` is an accuracy that is marked by a line. Each file is written completely or
    not at all.

    Raises
    ------
    OptionError
        When every run failed.
    MissingDependencyError
        Without the extra ``report``.
    """
    need_report_extra("--plot")
    done = [outcome for outcome in sorted(outcomes, key=lambda o: o.job.place) if outcome.result is not None]
    if not done:
        raise OptionError("nothing to draw: no run was finished")
    study = StudyCurves.of(done)
    content = Content(study, target)
    charts = {chart.id: _complete(chart, content.tables) for chart in content.charts}
    for axis in chart_specs.AXES:
        _show_intervals(charts[f"accuracy-{axis}"], bands=len(study.curves) <= _MOST_BANDS)
    _add_the_best(charts["accuracy-bits"], study)
    charts["tasks"]["title"]["text"] += f" (policy {next(iter(study.dashes))})"
    drawn = [
        charts["accuracy-seconds"],
        charts["accuracy-bits"],
        charts["tasks"],
        _relevance(charts),
        _selection(charts["selection"], study),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    overview = _stacked("vconcat", [_stacked("hconcat", drawn[:3]), _stacked("hconcat", drawn[3:])])
    written = []
    for name, spec in zip((*IMAGES, "overview"), (*drawn, overview), strict=True):
        written.append(folder / f"{name}.png")
        write_atomically(written[-1], _png(spec))
    return written


def _complete(chart: Chart, tables: Sequence[Table]) -> Spec:
    """Give a chart its title, a width, its rows, and the legends that stand beside it on the page."""
    spec: Spec = json.loads(json.dumps(chart.spec)) | {
        "title": {"text": chart.title, "anchor": "start"},
        "width": _WIDTH,
    }
    by_id = {table.id: table for table in tables}
    spec["datasets"] = {name: _rows(by_id[table]) for name, table in chart.datasets.items()}
    solid = {"symbolOpacity": 1.0}
    line = {"symbolType": "stroke", "symbolSize": 500, "symbolStrokeWidth": 2} | solid
    for layer in spec.get("layer", ()):
        for channel, legend in (("color", solid), ("shape", solid), ("strokeDash", line)):
            encoded = layer.get("encoding", {}).get(channel, {})
            if encoded.get("legend", 0) is None:
                encoded["legend"] = legend
    return spec


def _rows(table: Table) -> list[dict[str, Any]]:
    """Return a table's rows as the page's script hands them to a chart: in the units that are displayed."""
    columns = {}
    for column in table.columns:
        values = table.values[column.key]
        if column.kind == "number":
            columns[column.key] = embeddable(np.asarray(values, dtype=np.float64) / column.factor)
        elif column.kind == "choice":
            columns[column.key] = [column.labels[value] for value in values]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _show_intervals(spec: Spec, *, bands: bool) -> None:
    """Show the 95 % intervals along the lines, or where these are many at their ends."""
    for parameter in spec["params"]:
        if parameter["name"] == "bands":
            parameter["value"] = bands
    if not bands:
        end = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "point")
        encoding = {channel: end["encoding"][channel] for channel in ("x", "y", "color")}
        encoding |= {"y": encoding["y"] | {"field": "low"}, "y2": {"field": "high"}}
        rule = {"type": "rule", "clip": True, "strokeWidth": 1.2}
        spec["layer"].append(end | {"mark": rule, "encoding": encoding})


def _add_the_best(spec: Spec, study: StudyCurves) -> None:
    """Add the best accuracy that any run has for so many bits, and the level of those that upload nothing."""
    line = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "line")["encoding"]
    y = line["y"] | {"field": "level", "type": "quantitative"}
    rows = sorted((row["bits"], row["accuracy"]) for row in spec["datasets"]["curves"] if row["bits"])
    best = np.maximum.accumulate([accuracy for _, accuracy in rows]).tolist()
    values = [{"bits": bits, "level": level} for (bits, _), level in zip(rows, best, strict=True)]
    step = {"type": "line", "interpolate": "step-after", "strokeWidth": 8, "color": "#8A8A8A", "opacity": 0.35}
    spec["layer"].insert(0, {"data": {"values": values}, "mark": step, "encoding": {"x": line["x"], "y": y}})
    for curve in study.curves:
        if not curve.uplink_bits[-1] > 0.0:
            rule = {"type": "rule", "strokeDash": [2, 2], "color": study.styles[curve.algorithm].color}
            level = {"data": {"values": [{"level": 100.0 * curve.accuracy[-1]}]}, "mark": rule, "encoding": {"y": y}}
            spec["layer"].append(level)
    spec["title"]["subtitle"] = "grey: the best for so many bits"


def _relevance(charts: Mapping[str, Spec]) -> Spec:
    parts = [charts[name] for name in charts if name.startswith("relevance-")]
    if not parts:
        text = {"type": "text", "text": "No algorithm here measures relevance."}
        return {"title": "Relevance", "data": {"values": [{}]}, "mark": text, "width": _WIDTH, "height": _SMALL}
    for part in parts:
        part["title"]["text"] = f"Relevance: {part['title']['text'].lower()}"
    return _stacked("hconcat", [part | {"width": _SMALL, "height": _SMALL} for part in parts])


def _selection(spec: Spec, study: StudyCurves) -> Spec:
    """Draw who was selected when, for the first seed of the first algorithms and policies, side by side."""
    states = [name for name, _ in chart_specs.PARTICIPATION.values()]
    first = {(o.job.variant.name, o.job.policy): o.result for o in reversed(study.outcomes) if o.result is not None}
    algorithms, policies = list(study.styles)[:_MOST_ALGORITHMS], list(study.dashes)[:_MOST_POLICIES]
    rows = [
        {"algorithm": algorithm, "policy": policy, "round": when + 1, "client": who + 1, "state": states[state]}
        for algorithm in algorithms
        for policy in policies
        if (algorithm, policy) in first
        for (when, who), state in np.ndenumerate(first[algorithm, policy].participation)
    ]
    inner = {key: spec[key] for key in ("mark", "encoding", "height")} | {"width": _SMALL}
    facet = {
        "column": {"field": "algorithm", "type": "nominal", "sort": algorithms, "title": None},
        "row": {"field": "policy", "type": "nominal", "sort": policies, "title": None},
    }
    title = f"{spec['title']['text']} (seed {study.outcomes[0].job.seed})"
    outside = {"config": spec["config"], "datasets": {"cells": rows}, "title": {"text": title, "anchor": "start"}}
    return {"data": {"name": "cells"}, "facet": facet, "spec": inner} | outside


def _stacked(direction: str, specs: Sequence[Spec]) -> Spec:
    """Put charts beside each other; what stands at the top of a specification only is drawn together there."""
    parts = [{key: value for key, value in spec.items() if key not in _AT_THE_TOP} for spec in specs]
    params = {parameter["name"]: parameter for spec in specs for parameter in spec.get("params", ())}
    datasets = {name: rows for spec in specs for name, rows in spec.get("datasets", {}).items()}
    config: Spec = next((spec["config"] for spec in specs if "config" in spec), {})
    resolve = {"scale": {"color": "independent", "shape": "independent", "strokeDash": "independent"}}
    top = {"params": list(params.values()), "datasets": datasets, "config": config, "resolve": resolve}
    return {direction: parts} | top


_AT_THE_TOP = ("params", "datasets", "config")


def _png(spec: Spec) -> bytes:
    """Draw a specification in the light colours of the page."""
    import vl_convert  # noqa: PLC0415 - belongs to an extra

    style = (files("fedss_opt.reports") / "assets" / "page.css").read_text(encoding="utf-8")
    tones: dict[str, str] = {}
    for name, tone in re.findall(r"--([\w-]+): (#\w+)", style):
        tones.setdefault(name, tone)  # the light ones stand first
    text = json.dumps(spec | {"background": "white", "padding": 12})
    text = re.sub(
        r"color-mix\(in srgb, var\(--ink\) (\d+)%, var\(--paper\)\)",
        lambda found: lighter(tones["ink"], 1.0 - int(found[1]) / 100.0),
        text,
    )
    text = re.sub(r"var\(--([\w-]+)\)", lambda found: tones[found[1]], text)
    version = ".".join(altair().SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    drawn: bytes = vl_convert.vegalite_to_png(text, vl_version=version, scale=_SCALE)
    return drawn
