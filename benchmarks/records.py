"""What is kept of measurements: slim JSON files in ``benchmarks/recorded``, from which pages get their tables.

One file per module of benchmarks (``admm.json`` is of ``test_admm.py``). Each entry names the run that it comes from,
so that a family may be measured again on its own. A run is told by its day, commit, processor and versions; names of
machines and people are not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedss_opt.documents.files import write_atomically
from fedss_opt.exceptions import FileFormatError

__all__ = ["FOLDER", "Records", "from_pytest", "load", "load_document", "merged", "save", "write_document"]

FOLDER = Path(__file__).parent / "recorded"
FORMAT = "fedss_opt/benchmarks"
VERSION = 1
_DIGITS = 6  # significant; tables show three


@dataclass
class Records:
    """Measurements of benchmarks.

    Attributes
    ----------
    runs : dict of str to dict
        Day, commit, processor, Python and versions of each run, by a short name.
    families : dict of str to dict of str to dict
        Module of benchmarks -> benchmark -> ``run``, ``extra_info`` and ``stats`` (``min``, ``median``, ``max`` in
        seconds, ``rounds``).
    """

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    families: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def entries(self, family: str, test: str) -> list[dict[str, Any]]:
        """Return the entries of one test function, in the order in which they were measured."""
        found = self.families.get(family, {}).items()
        return [entry for name, entry in found if name.partition("[")[0] == test]


def from_pytest(document: Mapping[str, Any]) -> Records:
    """Keep what matters of a file that ``pytest --benchmark-json`` wrote."""
    machine, commit = document["machine_info"], document["commit_info"]
    cpu = machine.get("cpu", {})
    day = str(document["datetime"])[:10]
    state = str(commit.get("id") or "unknown")[:10] + ("+" if commit.get("dirty") else "")
    name = f"{str(document['datetime'])[:16]} {state}"
    records = Records()
    records.runs[name] = {
        "date": day,
        "commit": state,
        "processor": cpu.get("brand_raw") or machine.get("machine"),
        "cores": cpu.get("count"),
        "python": machine["python_version"],
        "versions": machine.get("versions", {}),
    }
    for benchmark in document["benchmarks"]:
        family = Path(benchmark["fullname"].partition("::")[0]).stem.removeprefix("test_")
        extra = dict(benchmark["extra_info"])
        # Some modules noted versions themselves; they are the run's.
        records.runs[name]["versions"] = {**extra.pop("versions", {}), **records.runs[name]["versions"]}
        stats = {key: benchmark["stats"][key] for key in ("min", "median", "max", "rounds")}
        entry = {"run": name, "extra_info": _short(extra), "stats": _short(stats)}
        records.families.setdefault(family, {})[benchmark["name"]] = entry
    return records


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _short(one) for key, one in value.items()}
    return [_short(one) for one in value] if isinstance(value, list | tuple) else value


def merged(parts: Iterable[Records]) -> Records:
    """Put records together; of one benchmark the last measurement counts, and runs that nothing is left of go."""
    whole = Records()
    for part in parts:
        whole.runs |= part.runs
        for family, entries in part.families.items():
            whole.families.setdefault(family, {}).update(entries)
    used = {entry["run"] for entries in whole.families.values() for entry in entries.values()}
    whole.runs = {name: run for name, run in sorted(whole.runs.items()) if name in used}
    return whole


def load(folder: Path = FOLDER) -> Records:
    """Read every record of benchmarks in a folder.

    Raises
    ------
    FileFormatError
        When a file is not what it should be.
    """
    parts = []
    for path in sorted(folder.glob("*.json")):
        document = load_document(path)
        if document["format"] == FORMAT:
            parts.append(Records(document["runs"], {path.stem: document["benchmarks"]}))
    return merged(parts)


def save(records: Records, folder: Path = FOLDER) -> list[Path]:
    """Write a file per family, and return what was written."""
    written = []
    for family, entries in records.families.items():
        names = {entry["run"] for entry in entries.values()}
        document = {
            "format": FORMAT,
            "version": VERSION,
            "runs": {name: records.runs[name] for name in sorted(names)},
            "benchmarks": entries,
        }
        written.append(write_document(document, folder / f"{family}.json"))
    return written


def load_document(path: Path) -> dict[str, Any]:
    """Read any of the records.

    Raises
    ------
    FileFormatError
        When the file has no ``format`` of this package, or is of a newer version.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not str(document.get("format")).startswith("fedss_opt/"):
        raise FileFormatError(f"{path}: no record: it has no format of fedss_opt")
    if document.get("version") != VERSION:
        raise FileFormatError(f"{path}: version {document.get('version')!r}: only {VERSION} is known")
    return document


def write_document(document: Mapping[str, Any], path: Path) -> Path:
    """Write a record, an entry a line, so that a difference in git shows what was measured again."""
    lines = []
    for key, value in document.items():
        name = json.dumps(key)
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"  {json.dumps(k)}: {_line(v)}" for k, v in value.items())
            lines.append(f" {name}: {{\n{inner}\n }}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            inner = ",\n".join(f"  {_line(v)}" for v in value)
            lines.append(f" {name}: [\n{inner}\n ]")
        else:
            lines.append(f" {name}: {_line(value)}")
    write_atomically(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return path


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
