"""NPZ archives without pickles, read with suspicion: every member is there, is whole, and is as large as it says."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Container
from typing import Any

import numpy as np
import numpy.typing as npt

from ..exceptions import FileFormatError

__all__ = ["read_npz"]

# Zeros fold to a thousandth: a small file must not fill the memory. What is measured hardly folds at all.
_MOST_BYTES = 2**30
_MOST_TIMES = 20

_END = b"PK\x05\x06"  # the end of a ZIP file: 8 bytes on, the number of its members in this part, and in all
_END_BYTES = 22
_UNCOUNTED = 0xFFFF  # this many members or more are counted elsewhere; nothing here has as many


def read_npz(data: bytes, known: Container[str] | None = None) -> dict[str, npt.NDArray[Any] | None]:
    """Read the arrays of an NPZ archive, without pickles.

    Parameters
    ----------
    data : bytes
        The file.
    known : container of str, optional
        Arrays to read; the others are not looked at, and are None. By default all.

    Raises
    ------
    FileFormatError
        When the bytes are no such archive, or not the whole of it: a member that the end of the file counts is not
        listed, a name stands twice, a checksum or a size is not what it is said to be. Also when the arrays take more
        than 1 GiB and more than twenty times the file.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise FileFormatError("not an NPZ archive, or cut off")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(data, archive)
            wanted = {name: known is None or name in known for name in members}
            _refuse_large(sum(members[name].file_size for name in members if wanted[name]), len(data))
            return {
                name: _array(name, _content(archive, member)) if wanted[name] else None
                for name, member in members.items()
            }
    except FileFormatError:
        raise
    except Exception as error:  # damaged bytes take the parsers of ZIP and of arrays anywhere
        what = str(error).strip().splitlines()
        raise FileFormatError(f"not a complete NPZ archive without pickles: {what[0] if what else error!r}") from None


def _members(data: bytes, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by the names of their arrays."""
    end = data.rfind(_END)
    counts = {int.from_bytes(data[end + at : end + at + 2], "little") for at in (8, 10)}
    listed = archive.infolist()
    if end + _END_BYTES + len(archive.comment) != len(data) or counts - {_UNCOUNTED, len(listed)}:
        raise FileFormatError(f"not a complete NPZ archive: {len(listed)} arrays are listed, {max(counts)} are counted")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in listed:
        name = member.filename.removesuffix(".npy")
        if name == member.filename:
            raise FileFormatError(f"not an NPZ archive: {name!r} is no array")
        if name in members:
            raise FileFormatError(f"not an NPZ archive: the array {name!r} stands twice")
        members[name] = member
    return members


def _refuse_large(unfolded: int, folded: int) -> None:
    most = max(_MOST_BYTES, _MOST_TIMES * folded)
    if unfolded > most:
        raise FileFormatError(f"{folded} bytes unfold to {unfolded}; at most {most} are accepted")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unfold a member as far as it says; the last byte has its checksum compared."""
    with archive.open(member) as stream:
        content = stream.read(member.file_size)
        if len(content) != member.file_size or stream.read(1):
            raise FileFormatError(f"not a complete NPZ archive: {member.filename!r} is not as long as it says")
    return content


def _array(name: str, content: bytes) -> npt.NDArray[Any]:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in heads:
        raise FileFormatError(f"not an NPZ archive: {name!r} is an array of format {version}")
    shape, by_columns, kind = heads[version](stream)
    if kind.hasobject:
        raise FileFormatError(f"not a complete NPZ archive without pickles: {name!r} holds objects")
    start, count = stream.tell(), math.prod(shape)
    # A text of no letters takes no bytes: a head could announce any number of them.
    if min(shape, default=0) < 0 or len(content) - start != count * kind.itemsize or (count and not kind.itemsize):
        raise FileFormatError(f"not a complete NPZ archive: {name!r} is not as large as its head says")
    flat = np.frombuffer(content, kind, count, start) if count else np.empty(0, kind)
    return flat.reshape(shape, order="F" if by_columns else "C").copy(order="K")
