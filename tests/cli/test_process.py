"""The real program in a process of its own: pipes, missing extras, exit statuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fedss_opt as fo

EXAMPLE = Path(__file__).parents[2] / "examples" / "cell.csv"


def run(*arguments: str, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "fedss_opt.cli", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False, **options,
    )  # fmt: skip


@pytest.mark.usefixtures("warm")
def test_the_example_is_solved_and_checked(tmp_path):
    options = ["--bandwidth", "20MHz", "--require", "0.3"]
    solved = run("solve", str(EXAMPLE), *options, "--format", "json", "--out", "answer.json", folder=tmp_path)
    assert solved.returncode == 0, solved.stderr
    document = json.loads(solved.stdout)
    assert document["status"] in ("optimal", "feasible")
    assert len(document["selected"]) == 200
    assert json.loads((tmp_path / "answer.json").read_text()) == document
    checked = run("check", str(EXAMPLE), "answer.json", *options, folder=tmp_path)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("arguments", [["scenario", "umi"], ["scenario", "--list"], ["schema", "problem"]])
def test_a_reader_that_goes_away_is_no_traceback(tmp_path, arguments):
    code = "import sys; from fedss_opt.cli import main; sys.exit(main())"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()  # long before the program has started
    errors = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait(timeout=120) == 141
    assert errors == b""


def test_missing_typer_names_the_extra(tmp_path):
    for missing in ("typer", "rich"):
        code = f"import sys; sys.modules[{missing!r}] = None; from fedss_opt.cli import main; sys.exit(main())"
        result = subprocess.run(
            [sys.executable, "-c", code, "demo"], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert 'pip install "fedss-opt[cli]"' in result.stderr


def test_a_terminal_without_unicode_is_no_traceback(tmp_path):
    problem = fo.Problem(payload_bits=[1e6], cn0_hz=1e7, bandwidth_hz=1e6, client_ids=["caméra"])
    problem.save(tmp_path / "cell.json")
    code = "import sys; from fedss_opt.cli import main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-c", code, "scenario", "--list"],
        capture_output=True, cwd=tmp_path, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()


def test_the_kernels_stay_out_of_what_does_not_solve(tmp_path):
    code = (
        "import sys; from fedss_opt.cli import main; main(['scenario', 'umi', '--clients', '2']); "
        "sys.exit('numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=tmp_path, check=False)
    assert result.returncode == 0
