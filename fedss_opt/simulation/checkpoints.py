"""A run's state as a file: written whole or not at all, and refused by any other run."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..documents.files import read_npz, write_atomically
from ..exceptions import FileFormatError
from .run_records import RoundRecord

__all__ = ["Checkpoint"]

_KIND = "fedss_opt simulation checkpoint"
_VERSION = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """All that a run needs to continue bit for bit.

    What is drawn depends on seed, purpose and round alone, so that no generator has to be kept. The fingerprint is a
    digest of everything that decides the run's course; state, charge_j (N,) and participation (rounds so far, N) are
    the algorithm's memory, what is left in the batteries, J, and what became of the clients.
    """

    fingerprint: str
    state: dict[str, npt.NDArray[Any]]
    charge_j: FloatArray
    participation: npt.NDArray[np.int8]
    records: tuple[RoundRecord, ...]

    def save(self, path: Path) -> None:
        """Write the checkpoint over an earlier one."""
        arrays: dict[str, Any] = {
            "records": np.array([record.to_json() for record in self.records], dtype=np.str_),
            "charge_j": self.charge_j,
            "participation": self.participation,
        }
        arrays |= {f"state/{name}": array for name, array in self.state.items()}
        # What is lost on the way is missed.
        head = {"kind": _KIND, "version": _VERSION, "fingerprint": self.fingerprint, "arrays": list(arrays)}
        arrays["head"] = np.array(json.dumps(head))
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        write_atomically(path, stream.getvalue())

    @classmethod
    def load(cls, path: Path, fingerprint: str) -> Checkpoint:
        """Read a checkpoint; `FileFormatError` when it is none, is damaged, or belongs to another run."""
        try:
            arrays: dict[str, Any] = read_npz(path.read_bytes())
            head = json.loads(str(arrays.pop("head")))
            missing = sorted(set(head.get("arrays", arrays)) - set(arrays))
            if missing:
                raise FileFormatError(f"the array {missing[0]!r} is missing")
            records = tuple(RoundRecord.from_json(str(line)) for line in arrays.pop("records"))
            found = cls(
                fingerprint=str(head["fingerprint"]),
                charge_j=arrays.pop("charge_j"),
                participation=arrays.pop("participation"),
                records=records,
                state={name.removeprefix("state/"): array for name, array in arrays.items()},
            )
        except OSError:
            raise
        except Exception as error:  # whatever stands there, it is refused in one line
            raise FileFormatError(f"{path}: not a readable checkpoint ({error}); remove it to start anew") from None
        if (head.get("kind"), head.get("version")) != (_KIND, _VERSION):
            raise FileFormatError(f"{path}: not a checkpoint of version {_VERSION}; remove it to start anew")
        if found.fingerprint != fingerprint:
            raise FileFormatError(
                f"{path}: belongs to a run with other settings; give the settings it was made with, or another folder"
            )
        return found
