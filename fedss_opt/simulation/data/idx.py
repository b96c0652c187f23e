"""IDX files, the format of MNIST and its relatives."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...documents.files import in_file
from ...exceptions import FileFormatError
from .dataset import Dataset
from .folders import Folder
from .raw import RawSamples, load_folder

__all__ = ["load_idx", "parse_idx"]

# Third byte of the head; what has several bytes is big-endian.
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_ACCEPTED = "pairs such as train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz"
_IMAGES = r"(?P<before>.*)images(?P<mark>[-.])idx3[-.]ubyte(\.gz)?"


def parse_idx(data: bytes) -> npt.NDArray[Any]:
    r"""Read the array of an IDX file (http://yann.lecun.com/exdb/mnist).

    It holds two zeros, a type, the number of dimensions, each dimension as a big-endian 32-bit integer, and the values.
    `FileFormatError` says so when the head is not one, or the file is shorter or longer than it announces.

    Examples
    --------
    >>> parse_idx(b"\0\0\x08\x01\0\0\0\x03\x05\x06\x07")
    array([5, 6, 7], dtype=uint8)
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or data[3] < 1:
        raise FileFormatError(f"begins with {data[:4].hex(' ') or 'nothing'}; not an IDX file")
    kind, dimensions = np.dtype(_TYPES[data[2]]), data[3]
    head = 4 + 4 * dimensions
    if len(data) < head:
        raise FileFormatError(f"has {len(data)} bytes; its head of {dimensions} dimensions alone has {head}")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, 4))
    expected = head + kind.itemsize * math.prod(shape)
    if len(data) != expected:
        cut = "cut off" if len(data) < expected else "something follows"
        raise FileFormatError(f"has {len(data)} bytes; its head announces shape {shape}, {expected} bytes: {cut}")
    return np.frombuffer(data, kind, offset=head).reshape(shape).astype(kind.newbyteorder("="))


def load_idx(path: Path) -> Dataset:
    """Read all pairs of image and label files of a folder, of training and of test images alike.

    ``train-images-idx3-ubyte`` goes with ``train-labels-idx1-ubyte`` and, if there is one, with
    ``train-writers-idx1-int`` (who wrote each image; any of the format's integers); likewise with any other
    beginning, with a dot before ``idx``, and with ``.gz`` at the end. Of a plain and a packed copy the plain one is
    read.
    """
    return load_folder(path, _IMAGES, "file of images", _ACCEPTED, _pair)


def _pair(folder: Folder, images: str) -> list[RawSamples]:
    if _packed_copy(folder, images):
        return []
    match = re.fullmatch(_IMAGES, images, re.IGNORECASE)
    assert match is not None
    before = re.escape(match["before"])
    labels, writers = (
        [name for name in folder.matching(before + pattern) if not _packed_copy(folder, name)]
        for pattern in (r"labels[-.]idx1[-.]ubyte(\.gz)?", r"writers[-.]idx1[-.]\w+(\.gz)?")
    )
    if not labels:
        raise folder.missing(f"labels for {images}", _ACCEPTED)
    arrays = _read(folder, images, 3), _read(folder, labels[0], 1), _read(folder, writers[0], 1) if writers else None
    return [RawSamples(str(folder.path / images), *arrays)]


def _packed_copy(folder: Folder, name: str) -> bool:
    """Whether a file is packed and stands beside its plain copy."""
    return name.lower().endswith(".gz") and name[:-3] in folder.names


def _read(folder: Folder, name: str, dimensions: int) -> npt.NDArray[Any]:
    with in_file(str(folder.path / name)):
        array = parse_idx(folder.read(name))
        if array.ndim != dimensions or array.dtype.kind not in "iu":
            raise FileFormatError(
                f"holds {array.dtype} of shape {array.shape}; must be integers with {dimensions} dimensions"
            )
    return array
