"""What the runs of an experiment left, as a tidy table: a row per algorithm, policy, seed and round."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from ..documents.files import write_atomically
from ..exceptions import FileFormatError
from ..simulation.run_records import RoundRecord, RunResult
from ..table_text import text_cell
from .grid import RunOutcome

__all__ = ["COLUMNS", "csv_text", "record_document", "results_frame", "results_of", "write_frame", "write_records"]

COLUMNS: dict[str, Any] = {
    "algorithm": pl.String,
    "policy": pl.String,
    "seed": pl.Int64,
    "round": pl.Int64,
    "status": pl.String,
    "gap": pl.Float64,
    "selected": pl.Int64,
    "arrived": pl.Int64,
    "latency_s": pl.Float64,
    "downlink_s": pl.Float64,
    "simulated_s": pl.Float64,
    "uplink_bits": pl.Int64,
    "downlink_bits": pl.Int64,
    "accuracy_mean": pl.Float64,
    "accuracy_worst_decile": pl.Float64,
    "accuracy_spread": pl.Float64,
}
"""The columns that every table has; ``accuracy_task_0``, ... and the algorithms' own figures follow."""


def results_of(outcomes: Iterable[RunOutcome]) -> list[RunResult]:
    """Return the results of the runs that did not fail, in the order of the grid.

    Examples
    --------
    >>> from fedss_opt.studies import Experiment, jobs_of, results_of, run_jobs
    >>> small = Experiment(rounds=1, data={"n_clients": 8}, run={"algorithms": ["fedavg"], "policies": ["all"]})
    >>> [run.algorithm for run in results_of(run_jobs(jobs_of(small)))]
    ['fedavg']
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.job.place)
    return [outcome.result for outcome in ordered if outcome.result is not None]


def record_document(run: RunResult, record: RoundRecord) -> dict[str, Any]:
    """Return a round as one JSON object, with the names of its run; what is not finite is null.

    Examples
    --------
    >>> from fedss_opt.simulation import Simulation, SimulationSettings
    >>> from fedss_opt.studies.results import record_document
    >>> run = Simulation(SimulationSettings(rounds=1, data={"n_clients": 8}), algorithm="fedavg", policy="all").run()
    >>> document = record_document(run, run.records[0])
    >>> document["algorithm"], document["round"], document["selected"]
    ('fedavg', 0, 8)
    """
    named = {"algorithm": run.algorithm, "policy": run.policy, "seed": run.seed}
    fields = asdict(record)
    return named | {name: _finite(fields[name]) for name in (*list(COLUMNS)[3:], "task_accuracy", "figures")}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [_finite(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return value


def results_frame(runs: Sequence[RunResult]) -> pl.DataFrame:
    """Tabulate runs: `COLUMNS`, then ``accuracy_task_0``, ... as far as any run has tasks, then their own figures.

    What a run or a round does not have is null.

    Examples
    --------
    >>> from fedss_opt.simulation import Simulation, SimulationSettings
    >>> settings = SimulationSettings(rounds=2, data={"n_clients": 8})
    >>> frame = results_frame([Simulation(settings, algorithm="fedavg", policy="all").run()])
    >>> frame.select("algorithm", "round", "selected").rows()
    [('fedavg', 0, 8), ('fedavg', 1, 8)]
    """
    documents = [record_document(run, record) for run in runs for record in run.records]
    tasks = max((len(document["task_accuracy"]) for document in documents), default=0)
    figures = sorted({name for document in documents for name in document["figures"]})
    schema = (
        COLUMNS | {f"accuracy_task_{task}": pl.Float64 for task in range(tasks)} | dict.fromkeys(figures, pl.Float64)
    )
    rows = []
    for document in documents:
        by_task = {f"accuracy_task_{task}": value for task, value in enumerate(document["task_accuracy"])}
        row = document | by_task | document["figures"]
        rows.append([row.get(name) for name in schema])
    return pl.DataFrame(rows, schema=schema, orient="row")


def csv_text(frame: pl.DataFrame) -> str:
    """Return a table as CSV whose texts no spreadsheet takes for formulas.

    Examples
    --------
    >>> import polars as pl
    >>> from fedss_opt.studies.results import csv_text
    >>> csv_text(pl.DataFrame({"algorithm": ["=fedavg"], "gap": [-1.0]})).splitlines()
    ['algorithm,gap', "'=fedavg,-1.0"]
    """
    texts = [pl.col(pl.String).map_elements(text_cell, return_dtype=pl.String)] if pl.String in frame.dtypes else []
    return frame.with_columns(texts).rename({name: text_cell(name) for name in frame.columns}).write_csv()


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    r"""Write a table to ``*.csv`` or ``*.parquet``, completely or not at all; `FileFormatError` for another ending.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import polars as pl
    >>> from fedss_opt.studies.results import write_frame
    >>> with TemporaryDirectory() as folder:
    ...     write_frame(pl.DataFrame({"round": [0, 1]}), Path(folder, "results.csv"))
    ...     Path(folder, "results.csv").read_text()
    'round\n0\n1\n'
    """
    stream = io.BytesIO()
    if path.suffix == ".csv":
        stream.write(csv_text(frame).encode())
    elif path.suffix == ".parquet":
        frame.write_parquet(stream)
    else:
        raise FileFormatError(f"{path}: the name must end in .csv or .parquet")
    write_atomically(path, stream.getvalue())


def write_records(runs: Iterable[RunResult], path: Path) -> None:
    """Write all rounds as JSON Lines, one object a line, completely or not at all.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from fedss_opt.simulation import Simulation, SimulationSettings
    >>> from fedss_opt.studies.results import write_records
    >>> run = Simulation(SimulationSettings(rounds=2, data={"n_clients": 8}), algorithm="fedavg", policy="all").run()
    >>> with TemporaryDirectory() as folder:
    ...     write_records([run], Path(folder, "rounds.jsonl"))
    ...     len(Path(folder, "rounds.jsonl").read_text().splitlines())
    2
    """
    lines = [json.dumps(record_document(run, record)) for run in runs for record in run.records]
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
