"""Finished runs, a file each: an interrupted study continues, and studies share the runs in which they overlap."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fedss_opt
from fedss_opt.documents.files import write_atomically
from fedss_opt.exceptions import FileFormatError
from fedss_opt.simulation.data import make_federation
from fedss_opt.simulation.run_records import RoundRecord, RunResult
from fedss_opt.studies.grid import Job

__all__ = ["Cache", "Finished", "code_digest", "digest_of", "identity"]

_KIND = "fedss_opt results run"
_ROOT = Path(fedss_opt.__file__).parent
# What neither plays a round nor measures one.
_BESIDE = ("cli", "integrations", "server", "studies", "verification")


def identity(job: Job) -> dict[str, Any]:
    """Return all that decides what a run's records are; not its name, so that studies may call it what they like."""
    return {
        "settings": job.settings.model_dump(mode="json"),
        "algorithm": job.variant.base,
        "options": job.variant.options.model_dump(mode="json"),
        "policy": job.policy,
        "seed": job.seed,
    }


def digest_of(document: Any) -> str:
    """Digest of a JSON document."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """Digest of the code that plays a run, without comments and docstrings."""
    found = hashlib.sha256()
    for path in sorted(_ROOT.rglob("*.py")):
        name = path.relative_to(_ROOT).as_posix()
        if not name.startswith(tuple(f"{part}/" for part in _BESIDE)):
            found.update(f"{name}\n{_bare(path.read_text(encoding='utf-8'))}\n".encode())
    return found.hexdigest()


def _bare(source: str) -> str:
    """Return code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@dataclass(frozen=True)
class Finished:
    """What a run came to.

    Attributes
    ----------
    records : tuple of RoundRecord
        Its rounds.
    rand_index : float or None
        Adjusted Rand index of the tasks that were found with the true ones, where there are several and the algorithm
        looked for them.
    code : str
        Digest of the code that played it.
    """

    records: tuple[RoundRecord, ...]
    rand_index: float | None
    code: str

    @property
    def last(self) -> RoundRecord:
        """The last round, which is always tested."""
        return self.records[-1]

    @property
    def tested(self) -> tuple[RoundRecord, ...]:
        """The rounds after which the models were tested."""
        return tuple(record for record in self.records if record.evaluated)


@dataclass(frozen=True)
class Cache:
    """The folder of finished runs.

    Attributes
    ----------
    folder : Path
        Where they are; made with the first one.
    any_code : bool
        Whether runs of other code are as good as any; refused by default.
    """

    folder: Path
    any_code: bool = False
    _kept: dict[str, Finished] = field(default_factory=dict, compare=False, repr=False)

    def path(self, job: Job) -> Path:
        """Return where a run is kept."""
        return self.folder / f"{job.variant.base}-{job.policy}-{job.seed}-{digest_of(identity(job))[:20]}.json"

    def find(self, job: Job) -> Finished | None:
        """Return a finished run, or nothing where it is still to be run.

        Raises
        ------
        FileFormatError
            When the file is damaged, is another run's, or was made by other code.
        """
        path = self.path(job)
        if path.name not in self._kept:
            if not path.exists():
                return None
            self._kept[path.name] = self._read(path, identity(job))
        return self._kept[path.name]

    def _read(self, path: Path, expected: dict[str, Any]) -> Finished:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            kind, there, code = document["kind"], document["run"], document["code"]
            records = tuple(RoundRecord.from_json(json.dumps(record)) for record in document["records"])
            found = Finished(records, document["rand_index"], code)
        except (ValueError, KeyError, TypeError) as error:
            raise FileFormatError(f"{path}: not a finished run ({error!r}); remove it") from None
        if kind != _KIND or len(records) != expected["settings"]["rounds"]:
            raise FileFormatError(f"{path}: not a finished run; remove it")
        if there != json.loads(json.dumps(expected)):
            key = next(_differences(there, json.loads(json.dumps(expected))), "a key")
            raise FileFormatError(f"{path}: holds a run of another configuration ({key} differs); remove it")
        if not self.any_code and code != code_digest():
            raise FileFormatError(
                f"{path}: was run by other code than this; give another --out, remove the folder, or use such runs "
                "all the same with --any-code"
            )
        return found

    def keep(self, job: Job, result: RunResult) -> None:
        """Write a run that has ended, completely or not at all."""
        found = Finished(result.records, _rand_index(job, result), code_digest())
        document = {
            "kind": _KIND,
            "name": job.name,
            "code": found.code,
            "run": identity(job),
            "rand_index": found.rand_index,
            "records": [json.loads(record.to_json()) for record in found.records],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(job)
        write_atomically(path, json.dumps(document).encode())
        self._kept[path.name] = found


def _differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    """Walk through the keys in which two documents differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys()):
            yield from _differences(there.get(key), here.get(key), f"{path}.{key}" if path else str(key))
    elif there != here:
        yield path


def _rand_index(job: Job, result: RunResult) -> float | None:
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415 - only the process that keeps runs needs it

    if "task" not in result.exhibits:
        return None
    truth = make_federation(job.settings.data, job.seed).task
    # With one true task there is nothing to find.
    return float(adjusted_rand_score(truth, result.exhibits["task"])) if len(set(truth.tolist())) > 1 else None
