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


# -- streams that are closed or full ---------------------------------------------------------------------------


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which ``$F`` is the program."""
    environment = {**os.environ, "F": f"{sys.executable} -m fedss_opt.cli", "COLUMNS": "80", "NO_COLOR": "1"}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.parametrize("command", ["schema problem", "scenario --list"])
def test_an_answer_that_has_nowhere_to_go_is_one_line(tmp_path, command):
    closed = shell(f"$F {command} >&-", tmp_path)
    assert (closed.returncode, closed.stderr) == (2, "fedss-opt: error: stdout: is closed\n")
    full = shell(f"$F {command} >/dev/full", tmp_path)
    assert (full.returncode, full.stderr) == (2, "fedss-opt: error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("place", [">&-", ">/dev/full"])
def test_messages_that_have_nowhere_to_go_are_left_out(tmp_path, place):
    """And none of them gets into the answer."""
    done = shell(f"$F scenario umi --out cell.json 2{place}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "cell.json").stat().st_size
    wrong = shell(f"$F check missing.json missing.json 2{place}", tmp_path)
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", "")


@pytest.mark.usefixtures("warm")
def test_every_stream_may_be_closed(tmp_path):
    """Files that are opened then must not become standard streams, and what is written to these not files."""
    assert shell("$F scenario umi --out cell.json", tmp_path).returncode == 0
    done = shell("$F solve cell.json --out answer.json --quiet <&- >&- 2>&-", tmp_path)
    assert done.returncode in (0, 2)
    open_ = shell("$F solve cell.json --out open.json --quiet", tmp_path)
    assert (open_.returncode, open_.stderr) == (0, "")
    both = [json.loads((tmp_path / name).read_text()) for name in ("answer.json", "open.json")]
    assert both[0]["selected"] == both[1]["selected"]
    assert shell("$F check cell.json answer.json <&- 2>&-", tmp_path).returncode == 0


def test_a_closed_stdin_is_an_empty_one(tmp_path):
    closed, empty = (shell(f"$F solve - {place}", tmp_path) for place in ("<&-", "</dev/null"))
    assert (closed.returncode, closed.stderr) == (empty.returncode, empty.stderr)
    assert closed.returncode == 2
    assert "Traceback" not in closed.stderr


def test_a_file_that_ends_early_is_no_interruption(tmp_path):
    code = (
        "import sys\nimport fedss_opt.cli.app as a\n"
        "def early(): raise EOFError('Ran out of input')\n"
        "a.app.command('early')(early)\n"
        "sys.exit(a.run(['early']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == "RuntimeError: a file or an answer ends early"
