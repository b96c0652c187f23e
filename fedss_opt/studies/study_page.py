"""An experiment as a report page: one HTML file that needs no network (extra ``report``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from .. import __version__
from ..reports.page import write_page
from ..reports.page_parts import Column, Download, Page, Table, embeddable, measure
from . import chart_columns
from .configuration import to_document, to_toml
from .experiment import Experiment
from .grid import RunOutcome, jobs_of
from .learning_curves import StudyCurves
from .page_content import Content, share_column
from .page_text import cards, headline, packed_note, percent
from .results import csv_text, results_frame, results_of
from .summary import check_target, summarise

__all__ = ["write_simulation_report"]

_MOST_FAILURES = 50  # that are listed; the others are counted


def write_simulation_report(
    outcomes: Sequence[RunOutcome], path: str | PathLike[str], *, experiment: Experiment, target: float = 0.9
) -> None:
    """Write an experiment as one HTML page, with its figures, its summary and its data.

    Parameters
    ----------
    outcomes : sequence of RunOutcome
        What became of the runs, in any order. Runs of the experiment that are not among them, because something ended
        it before, are counted on the page; it can be written without a single finished run.
    path : path-like
        ``*.html``; written as `fedss_opt.reports.page.write_page` does.
    experiment : Experiment
        What was to be run.
    target : float
        Accuracy, in (0, 1], whose price in seconds and bits is told; `OptionError` for another.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fedss_opt.studies import jobs_of, run_jobs
    >>> small = Experiment(rounds=2, data={"n_clients": 8}, run={"algorithms": ["fedavg"], "policies": ["all"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = Path(folder) / "out.html"
    ...     write_simulation_report(list(run_jobs(jobs_of(small))), page, experiment=small)
    ...     "fedavg under all" in page.read_text(encoding="utf-8")
    True
    """
    check_target(target)
    write_page(lambda: _page(outcomes, experiment, target), path)


def _page(outcomes: Sequence[RunOutcome], experiment: Experiment, target: float) -> Page:
    ordered = sorted(outcomes, key=lambda outcome: outcome.job.place)
    done = [outcome for outcome in ordered if outcome.result is not None]
    failed = [outcome for outcome in ordered if outcome.result is None]
    tally = chart_columns.Tally(asked=len(jobs_of(experiment)), finished=len(done), failed=len(failed))
    results = results_frame(results_of(done))
    summary = summarise(results, target=target)
    rows = summary.to_dicts()
    content = Content(StudyCurves.of(done), target) if done else None
    toml = to_toml(to_document(experiment))
    context: dict[str, Any] = {
        "finished": bool(done),
        "failures": [f"{outcome.job.name}: {outcome.error}" for outcome in failed[:_MOST_FAILURES]],
        "more_failures": max(0, len(failed) - _MOST_FAILURES),
        "missing": tally.missing,
        "configuration": toml,
        "target": percent(target),
        "rows": rows,
    }
    downloads = [Download(id="summary-csv", label="Summary (CSV)", filename="summary.csv", text=csv_text(summary))]
    if content is not None:
        packed = chart_columns.pack(results)
        context |= content.context | {"packed": packed.data, "packed_note": packed_note(packed)}
    downloads += [
        Download(
            id="json",
            label="Summary and curves (JSON)",
            filename="report.json",
            text=_document(experiment, tally, target, rows, failed, content),
        ),
        Download(id="config", label="Configuration (TOML)", filename="config.toml", text=toml),
    ]
    state = "bad" if not done else "fair" if tally.shortfall else "good"
    times, names = (content.times, content.names) if content is not None else ({"pair": []}, [])
    return Page(
        title=f"Simulation: {experiment.name}",
        headline=headline(rows, tally, target),
        state=state,
        template="simulation.html.j2",
        package=__package__,
        styles=("simulation.css",),
        scripts=("simulation.js",),
        cards=cards(experiment, rows, times, names, tally, target),
        charts=content.charts if content is not None else (),
        tables=[_summary_table(summary, target), *content.tables] if content is not None else (),
        downloads=downloads,
        context=context,
    )


def _document(
    experiment: Experiment,
    tally: chart_columns.Tally,
    target: float,
    rows: Sequence[Mapping[str, Any]],
    failed: Sequence[RunOutcome],
    content: Content | None,
) -> str:
    """Return what the page shows as JSON, for programs."""
    runs = {"asked": tally.asked, "finished": tally.finished, "failed": tally.failed, "not_run": tally.missing}
    document = {
        "format": "fedss_opt simulation report",
        "version": 1,
        "package_version": __version__,
        "name": experiment.name,
        "target": target,
        "runs": runs,
        "summary": list(rows),
        "curves": _curves(content) if content is not None else [],
        "failures": [
            {"algorithm": out.job.variant.name, "policy": out.job.policy, "seed": out.job.seed, "error": out.error}
            for out in failed
        ],
        "configuration_toml": to_toml(to_document(experiment)),
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n"


def _curves(content: Content) -> list[dict[str, Any]]:
    columns = {
        "round": "round",
        "simulated_s": "seconds",
        "uplink_bits": "bits",
        "accuracy": "accuracy",
        "accuracy_low": "low",
        "accuracy_high": "high",
    }
    pair = np.asarray(content.curves["pair"])
    found: list[dict[str, Any]] = []
    for place, curve in enumerate(content.study.curves):
        points = np.flatnonzero(pair == place)
        figures = {name: embeddable(np.asarray(content.curves[column])[points]) for name, column in columns.items()}
        found.append({"algorithm": curve.algorithm, "policy": curve.policy} | figures)
    return found


def _alike(keys: Sequence[str], titles: Sequence[str], values: Mapping[str, Any], unit: str) -> list[Column]:
    """Return columns of quantities in one unit."""
    figures = np.concatenate([np.asarray(values[key], np.float64) for key in keys])
    whole = measure("", "", figures, unit)
    least = min(figures[figures > 0.0], default=whole.factor) / whole.factor
    decimals = min(4, max(whole.decimals, 2 - math.floor(math.log10(least)) - 1))
    return [replace(whole, key=key, title=title, decimals=decimals) for key, title in zip(keys, titles, strict=True)]


def _summary_table(frame: Any, target: float) -> Table:
    values = {
        name: frame[name].to_numpy() if frame[name].dtype.is_numeric() else frame[name].to_list()
        for name in frame.columns
    }
    to = f"to {percent(target)}"
    bits = ("uplink_bits", "uplink_bits_to_target", "downlink_bits")
    # One unit for all that is compared along a row.
    up, up_to, down = _alike(bits, ("Uplink", f"Uplink {to}", "Downlink"), values, "bit")
    clock, clock_to = _alike(("simulated_s", "seconds_to_target"), ("Simulated", f"Time {to}"), values, "s")
    return Table(
        id="summary",
        title="Summary: means over the seeds at the end of the runs",
        row="pair",
        columns=(
            Column(key="algorithm", title="Algorithm", kind="text"),
            Column(key="policy", title="Policy", kind="text"),
            share_column("accuracy", "Accuracy"),
            share_column("accuracy_interval", "Interval\N{NO-BREAK SPACE}±"),
            share_column("worst_decile", "Worst tenth"),
            clock_to,
            clock,
            up_to,
            up,
            replace(down, shown=False),
            Column(key="reached", title=f"Seeds that came {to}", shown=False),
            Column(key="seeds", title="Seeds"),
        ),
        values=values,
    )
