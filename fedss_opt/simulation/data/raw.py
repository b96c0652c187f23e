"""From arrays as files hold them to a `Dataset`: one scale for pixels, classes without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...array_types import BoolArray
from ...exceptions import FileFormatError
from .dataset import Dataset
from .folders import Folder

__all__ = ["RawSamples", "assemble", "load_folder"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class RawSamples:
    """Samples of one file, or of one pair of files, and where they come from, for messages.

    `inputs`, (M, ...), are pixels as integers 0..255, or any finite floats; `labels`, (M,) or (M, 1), any integers; and
    `writer`, (M,), who wrote each, any integers or strings.
    """

    source: str
    inputs: Array
    labels: Array
    writer: Array | None = None


def load_folder(
    path: Path, pattern: str, what: str, accepted: str, read: Callable[[Folder, str], Iterable[RawSamples]]
) -> Dataset:
    """Join what `read` makes of the files of a folder whose names match a pattern.

    Raises
    ------
    FileFormatError
        When there is no such file, naming `what` is missing and what is accepted, or one is not what it should be.
    """
    folder = Folder(path)
    names = folder.matching(pattern)
    if not names:
        raise folder.missing(what, accepted)
    return assemble(path.resolve().name, [part for name in names for part in read(folder, name)])


def assemble(name: str, parts: Sequence[RawSamples]) -> Dataset:
    """Join parts into one data set: files of training and of test images alike, since those are drawn for every seed.

    Integers are pixels, 0..255, and divided by 255; floats stay as they are. The distinct labels become 0, 1, ...
    in their order, and so do the writers.

    Raises
    ------
    FileFormatError
        When arrays do not fit each other, or hold what is not accepted.
    """
    for part in parts:
        _check(part, parts[0])
    inputs = np.concatenate([_scaled(part) for part in parts])
    found, labels = np.unique(np.concatenate([part.labels.reshape(-1) for part in parts]), return_inverse=True)
    if len(found) < 2:
        raise FileFormatError(f"{parts[0].source}: every label is {found[0]}; at least two classes are needed")
    writers = [part.writer for part in parts if part.writer is not None]
    writer = np.unique(np.concatenate(writers), return_inverse=True)[1] if writers else None
    return Dataset(inputs.reshape(len(inputs), -1), labels, name, inputs.shape[1:], writer)


def _check(part: RawSamples, first: RawSamples) -> None:
    if part.inputs.ndim < 2 or part.inputs.size == 0:
        raise FileFormatError(
            f"{part.source}: inputs have shape {part.inputs.shape}; must be one sample or more, and a feature or more"
        )
    samples, shape, other = len(part.inputs), part.inputs.shape[1:], first.inputs.shape[1:]
    if shape != other:
        raise FileFormatError(
            f"{part.source}: an input has shape {shape}, where {first.source} has {other}; they must agree"
        )
    if part.labels.shape not in ((samples,), (samples, 1)) or part.labels.dtype.kind not in "iu":
        raise FileFormatError(
            f"{part.source}: labels of shape {part.labels.shape} and dtype {part.labels.dtype}; "
            f"must be {samples} integers, one for each input"
        )
    if (part.writer is None) != (first.writer is None):
        raise FileFormatError(f"{part.source}: writers are given for some of the files; give them for all or none")
    if part.writer is not None and (part.writer.shape != (samples,) or part.writer.dtype.kind not in "iuU"):
        raise FileFormatError(
            f"{part.source}: writers of shape {part.writer.shape} and dtype {part.writer.dtype}; "
            f"must be {samples} integers or strings, one for each input"
        )


def _scaled(part: RawSamples) -> npt.NDArray[np.float32]:
    """Return the inputs as float32, with integer pixels divided by 255."""
    kind = part.inputs.dtype.kind
    if kind in "iu":
        _refuse_the_first(part, (part.inputs < 0) | (part.inputs > 255), "an integer pixel must be 0 to 255")
        return part.inputs.astype(np.float32) / np.float32(255.0)
    if kind != "f":
        raise FileFormatError(f"{part.source}: inputs of dtype {part.inputs.dtype}; must be integer pixels or floats")
    with np.errstate(over="ignore"):  # beyond single precision: refused as infinite
        inputs = part.inputs.astype(np.float32)
    _refuse_the_first(part, ~np.isfinite(inputs), "must be finite in single precision")
    return inputs


def _refuse_the_first(part: RawSamples, bad: BoolArray, accepted: str) -> None:
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), bad.shape)
        where = ", ".join(str(int(i)) for i in place)
        raise FileFormatError(f"{part.source}: inputs[{where}] = {part.inputs[place]}: {accepted}")
