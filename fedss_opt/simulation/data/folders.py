"""Data files in a folder: found by their names, verified by checksums, unpacked; nothing is ever downloaded."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from ...documents.files import decode, in_file
from ...exceptions import FileFormatError

__all__ = ["CHECKSUMS", "Folder"]

CHECKSUMS = "SHA256SUMS"
"""The file that ``sha256sum * > SHA256SUMS`` writes."""


class Folder:
    """A folder with data files.

    Where it holds a file ``SHA256SUMS``, every file that is read must be listed there and agree. `FileFormatError` says
    when there is no such folder, or its checksums cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise FileFormatError(f"{path}: there is no such folder; give one with data files")
        try:
            self.names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
            self._checksums = self._read_checksums()
        except OSError as error:
            raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from None

    def matching(self, pattern: str) -> list[str]:
        """List the files whose names match a regular expression from beginning to end, whatever the case."""
        return [name for name in self.names if re.fullmatch(pattern, name, re.IGNORECASE)]

    def missing(self, what: str, accepted: str) -> FileFormatError:
        """Make the error for files that are not there, naming the folder, what was looked for and what is accepted."""
        found = ", ".join(_shortened(self.names)) or "nothing"
        return FileFormatError(f"{self.path}: found no {what}; accepted: {accepted}; the folder holds {found}")

    def read(self, name: str) -> bytes:
        """Return a file's content, verified and, where the name ends in ``.gz``, unpacked; else a `FileFormatError`."""
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from None
        self._verify(name, data)
        if not data:
            raise FileFormatError(f"{path}: is empty")
        if not name.lower().endswith(".gz"):
            return data
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise FileFormatError(f"{path}: not a complete gzip file: {error}") from None

    def _read_checksums(self) -> dict[str, str] | None:
        if CHECKSUMS not in self.names:
            return None
        sums = {}
        with in_file(str(self.path / CHECKSUMS)):
            for number, line in enumerate(decode((self.path / CHECKSUMS).read_bytes()).splitlines(), 1):
                if not line.strip():
                    continue
                match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)", line.rstrip())
                if match is None:
                    raise FileFormatError(f"line {number}: must be 64 hexadecimal digits, two spaces and a file's name")
                sums[match[2]] = match[1].lower()
        return sums

    def _verify(self, name: str, data: bytes) -> None:
        if self._checksums is None:
            return
        expected = self._checksums.get(name)
        if expected is None:
            raise FileFormatError(f"{self.path / name}: not listed in {CHECKSUMS}; list every file, or remove the list")
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise FileFormatError(
                f"{self.path / name}: SHA-256 is {found}; {CHECKSUMS} says {expected}: damaged, or another version"
            )


def _shortened(names: Iterable[str], most: int = 6) -> list[str]:
    listed = list(names)
    return listed if len(listed) <= most else [*listed[:most], f"and {len(listed) - most} more"]
