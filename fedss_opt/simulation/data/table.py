"""CSV files with one image a row."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from ...documents.files import decode, in_file
from ...exceptions import FileFormatError
from .dataset import Dataset
from .folders import Folder
from .raw import RawSamples, load_folder

__all__ = ["load_csv", "parse_csv"]

LABEL, WRITER = "label", "writer"


def load_csv(path: Path) -> Dataset:
    """Read the CSV files of a folder, plain or ``.gz``, which must have the same columns; see `parse_csv`."""
    accepted = f"*.csv or *.csv.gz with a column {LABEL!r} and a column for each feature"
    return load_folder(path, r".*\.csv(\.gz)?", "CSV file", accepted, _part)


def _part(folder: Folder, name: str) -> list[RawSamples]:
    source = str(folder.path / name)
    with in_file(source):
        return [parse_csv(decode(folder.read(name)), source=source)]


def parse_csv(text: str, *, source: str = "CSV") -> RawSamples:
    r"""Read images and labels from the text of a CSV with a head.

    It has a column ``label`` with integers, perhaps a column ``writer`` with any names, and a column for each feature,
    in any order. A file whose features are all integers from 0 to 255, some above 1, holds pixels; they are divided by
    255 later. A square number of features makes square images. `source` is what messages of later checks call it.

    Raises
    ------
    FileFormatError
        In one line: the line, the column, the value and what is accepted.

    Examples
    --------
    >>> part = parse_csv("label,a,b,c,d\n7,0,255,255,0\n1,255,0,0,255\n")
    >>> part.labels, part.inputs.shape, part.inputs.dtype
    (array([7, 1]), (2, 2, 2), dtype('uint8'))
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = _head(text)
    body = text.split("\n", 1)[1] if "\n" in text else ""
    if not body.strip():
        raise FileFormatError("has a head but no rows; give one image a row")
    writer = head.index(WRITER) if WRITER in head else None
    try:
        values = np.loadtxt(
            io.StringIO(body),
            dtype=np.float32,
            delimiter=",",
            quotechar='"',
            comments=None,
            ndmin=2,
            encoding=None,
            converters=None if writer is None else {writer: lambda _: 0.0},
        )
        if values.shape[1] != len(head) or not np.isfinite(values).all():
            _complain(text, head)
        writers = None if writer is None else _column(body, writer)
    except ValueError:
        _complain(text, head)
    labels = values[:, head.index(LABEL)]
    # Beyond 2**24 single precision skips integers.
    if (labels != np.rint(labels)).any() or (np.abs(labels) > 2.0**24).any():
        _complain(text, head)
    features = values[:, [j for j, name in enumerate(head) if name not in (LABEL, WRITER)]]
    return RawSamples(source, _images(features), labels.astype(np.int64), writers)


def _head(text: str) -> list[str]:
    """Return the names of the columns, which the first line must hold."""
    line = text.split("\n", 1)[0].strip()
    head = [name.strip() for name in next(csv.reader([line]), [])]
    if head.count(LABEL) != 1:
        shown = f"{line[:60]}..." if len(line) > 60 else line
        raise FileFormatError(f"line 1: {shown!r}: must name the columns, one of them {LABEL!r}, separated by commas")
    if head.count(WRITER) > 1:
        raise FileFormatError(f"line 1: column {WRITER!r} stands twice")
    if len(head) == 1 + head.count(WRITER):
        raise FileFormatError("line 1: no column with a feature")
    return head


def _column(body: str, column: int) -> npt.NDArray[np.str_]:
    """Read one column as text."""
    return np.array([row[column].strip() for row in csv.reader(io.StringIO(body, newline="")) if row], dtype=np.str_)


def _images(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
    """Recognise pixels and squares."""
    side = math.isqrt(features.shape[1])
    shape = (len(features), side, side) if side * side == features.shape[1] else features.shape
    pixels = features.min() >= 0 and 1 < features.max() <= 255 and bool((features == np.rint(features)).all())
    return features.astype(np.uint8).reshape(shape) if pixels else features.reshape(shape)


def _complain(text: str, head: list[str]) -> NoReturn:
    """Say where the first cell is that cannot be read: slowly, since nothing else is left to do."""
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    try:
        for row in reader:
            line = f"line {reader.line_num}"
            if not row:
                continue
            if len(row) != len(head):
                raise FileFormatError(f"{line}: has {len(row)} cells where the head has {len(head)} columns")
            for name, cell in zip(head, row, strict=True):
                if name != WRITER:
                    _check_cell(f"{line}, column {name}: {cell.strip()!r}", cell, label=name == LABEL)
    except csv.Error as error:
        raise FileFormatError(f"line {reader.line_num}: not CSV: {error}") from None
    raise FileFormatError("cannot be read as a table of numbers")


def _check_cell(place: str, cell: str, *, label: bool) -> None:
    try:
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        value = math.nan
    if label and not (abs(value) <= 2.0**24 and value == round(value)):
        raise FileFormatError(f"{place}: a label must be an integer")
    if not abs(value) <= float(np.finfo(np.float32).max):
        raise FileFormatError(f"{place}: must be a finite number in single precision")
