"""NPZ archives with images and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...documents.files import in_file, read_npz
from ...exceptions import FileFormatError
from .dataset import Dataset
from .folders import Folder
from .raw import RawSamples, load_folder

__all__ = ["load_npz"]

# Names under which archives keep inputs, labels and writers; all that are there are read.
_NAMES = (("inputs", "labels", "writer"), ("x_train", "y_train", "writer_train"), ("x_test", "y_test", "writer_test"))
_ACCEPTED = "arrays inputs and labels (and writer), or x_train, y_train, x_test and y_test (and writer_train, ...)"


def load_npz(path: Path) -> Dataset:
    """Read the NPZ archives of a folder: arrays ``inputs`` and ``labels``, or ``x_train``, ``y_train`` and so on.

    Integer inputs are pixels, 0..255; floats are kept. An array ``writer`` says who wrote each image. Other arrays
    are left alone.
    """
    return load_folder(path, r".*\.npz", "NPZ archive", f"*.npz with {_ACCEPTED}", _parts)


def _parts(folder: Folder, name: str) -> list[RawSamples]:
    source = str(folder.path / name)
    with in_file(source):
        found = read_npz(folder.read(name), {name for names in _NAMES for name in names})
        # Names that are not known are kept for the message.
        arrays = {name: np.empty(0) if array is None else array for name, array in found.items()}
        parts = []
        for inputs, labels, writer in _NAMES:
            if inputs not in arrays and labels not in arrays:
                continue
            for needed in (inputs, labels):
                if needed not in arrays:
                    raise FileFormatError(f"array {needed} is missing; accepted: {_ACCEPTED}")
            parts.append(RawSamples(f"{source}: {inputs}", arrays[inputs], arrays[labels], arrays.get(writer)))
        if not parts:
            raise FileFormatError(f"holds {', '.join(arrays) or 'nothing'}; accepted: {_ACCEPTED}")
    return parts
