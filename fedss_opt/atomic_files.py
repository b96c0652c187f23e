"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["is_leftover", "remove_leftovers", "write_atomically"]

_TEMPORARY = re.compile(r"\.fedss-opt-[0-9a-f]{16}\.tmp")
_FORGOTTEN_S = 600.0  # no write takes as long


def write_atomically(path: str | PathLike[str], data: bytes) -> None:
    """Write a file completely or not at all: into a new file of the same folder that then takes its place.

    A link is followed; devices and pipes are written to as they are.

    Raises
    ------
    PermissionError
        When the file is there and may not be written: its folder would let it be replaced all the same.
    OSError
        When it cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with open(path, "wb") as stream:
            stream.write(data)
        return
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise PermissionError(errno.EACCES, "is read-only, and is not replaced", str(path))
    temporary = target.with_name(f".fedss-opt-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        # The message names the file that was asked for, not the one nobody knows of.
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Tell whether a file is what a killed `write_atomically` left behind, or one that is being written."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in a folder; what is younger than ten minutes may still be written."""
    for path in folder.iterdir():
        try:
            if is_leftover(path) and time.time() - path.lstat().st_mtime > _FORGOTTEN_S:
                path.unlink()
        except FileNotFoundError:  # written meanwhile, or removed by another
            continue
