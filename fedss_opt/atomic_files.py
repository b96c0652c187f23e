"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["write_atomically"]


def write_atomically(path: str | PathLike[str], data: bytes) -> None:
    """Write a file completely or not at all: into a new file of the same folder that then takes its place.

    A link is followed; devices and pipes are written to as they are.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with open(path, "wb") as stream:
            stream.write(data)
        return
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
