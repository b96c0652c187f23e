"""Two runs in one folder: the second is refused, and a run that was killed leaves nothing locked."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from fedss_opt.exceptions import OptionError
from fedss_opt.studies import folder_lock
from fedss_opt.studies.folder import open_folder
from fedss_opt.studies.folder_lock import only_run_in

HOLD = """
import pathlib, sys, time
from fedss_opt.studies.folder_lock import only_run_in
with only_run_in(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_run_in_a_folder_is_refused_until_the_first_has_ended_however_it_ends(tmp_path):
    folder = tmp_path / "out"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(OptionError, match=r"out: another run is at work there; wait for it"), only_run_in(folder):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with only_run_in(folder):
        pass
    with only_run_in(folder):
        pass


def test_a_folder_that_holds_a_lock_only_is_empty(tmp_path, experiment):
    with only_run_in(tmp_path):
        open_folder(tmp_path, experiment)


def test_a_file_system_without_locks_holds_nothing(tmp_path, monkeypatch):
    def none(descriptor: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(folder_lock, "_lock", none)
    with only_run_in(tmp_path), only_run_in(tmp_path):
        pass
