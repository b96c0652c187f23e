"""The folder that an experiment leaves: its configuration, a checkpoint per run, tables, and what failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..atomic_files import is_leftover, remove_leftovers, write_atomically
from ..exceptions import OptionError
from .configuration import load_experiment, to_document, to_toml
from .experiment import Experiment
from .folder_lock import LOCK
from .grid import RunOutcome
from .results import results_frame, results_of, write_frame, write_records
from .summary import summarise

__all__ = ["open_folder", "write_failures", "write_tables"]

_CONFIGURATION, _CHECKPOINTS, _FAILURES = "config.toml", "checkpoints", "failures.txt"

# What may grow: more runs beside those that are there.
_LISTS = ("run.algorithms", "run.policies", "run.seeds")


def open_folder(folder: Path, experiment: Experiment, *, resume: bool = False) -> Path:
    """Make a folder ready for an experiment, and return where its runs keep their checkpoints.

    With `resume` it may hold earlier results of the same experiment, whose runs are then continued. More algorithms,
    policies and seeds may be asked for than before, not fewer. What killed runs left half written is removed.

    Raises
    ------
    OptionError
        When the folder holds something else, or results and `resume` is not given.
    FileFormatError, OSError
        When its configuration cannot be read, or it cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _CONFIGURATION
    document = to_document(experiment)
    if file.exists():
        if not resume:
            raise OptionError(f"{folder}: holds results already; --resume continues them, or give another folder")
        _refuse_another(folder, to_document(load_experiment(file)), document)
    elif not all(entry.name == LOCK or is_leftover(entry) for entry in folder.iterdir()):
        raise OptionError(f"{folder}: holds files that are no results of an experiment; give another folder")
    (folder / _CHECKPOINTS).mkdir(exist_ok=True)
    for part in (folder, folder / _CHECKPOINTS):
        remove_leftovers(part)
    write_atomically(file, to_toml(document).encode())
    return folder / _CHECKPOINTS


def _refuse_another(folder: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Compare what the folder's runs were made with to what is asked for now."""
    before, now = dict(_values(there)), dict(_values(here))
    for key in _LISTS:
        missing = [value for value in before[key] if value not in now[key]]
        if missing:
            raise OptionError(f"{folder}: {key} has {missing[0]!r} there, which is not asked for here; ask for it too")
    shared = there["algorithms"].keys() & here["algorithms"].keys()
    for key in sorted(before.keys() | now.keys()):
        section, _, rest = key.partition(".")
        if key in (*_LISTS, "name") or (section == "algorithms" and rest.partition(".")[0] not in shared):
            continue
        if before.get(key) != now.get(key):
            raise OptionError(
                f"{folder}: holds results of another configuration: {key} is {_or_nothing(before, key)} there and "
                f"{_or_nothing(now, key)} here; give another folder"
            )


def _or_nothing(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "not given"


def _values(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Walk through all values of a document with their dotted paths."""
    for key, value in table.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from _values(value, here)
        else:
            yield here, value


def write_tables(folder: Path, outcomes: Sequence[RunOutcome], *, target: float) -> None:
    """Write what is done: ``results.csv``, ``.parquet`` and ``.jsonl``, and ``summary.csv`` with a target accuracy."""
    runs = results_of(outcomes)
    frame = results_frame(runs)
    write_frame(frame, folder / "results.csv")
    write_frame(frame, folder / "results.parquet")
    write_records(runs, folder / "results.jsonl")
    write_frame(summarise(frame, target=target), folder / "summary.csv")


def write_failures(folder: Path, outcomes: Sequence[RunOutcome]) -> None:
    """Write which runs failed, and where, to ``failures.txt``; remove that of an earlier try if none did."""
    failed = [outcome for outcome in outcomes if outcome.result is None]
    if failed:
        text = "\n".join(f"{outcome.job.name}: {outcome.error}\n{outcome.traceback}" for outcome in failed)
        write_atomically(folder / _FAILURES, text.encode())
    else:
        (folder / _FAILURES).unlink(missing_ok=True)
