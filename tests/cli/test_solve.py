"""``fedss-opt solve``: what goes where, and with which exit status."""

from __future__ import annotations

import csv
import io
import json
import signal
from dataclasses import replace
from pathlib import Path

import numba
import pytest

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.cli import visible_solve

from .. import by_hand

CSV = "id,payload_bits,cn0_hz,task:speech\na,1e6,3e7,1\nb,2e6,8e6,0.5\nc,1.5e6,2e7,0.8\n"


@pytest.fixture(autouse=True)
def _no_solver(by_hand_solver):
    return by_hand_solver


def test_the_table_shows_who_got_what(cli, cell):
    result = cli("solve", "cell.json")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "feasible: 2 of 4 clients upload" in result.stdout
    assert "phone" in result.stdout
    assert "dB-Hz" in result.stdout
    assert "speech" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_names_cannot_speak_to_the_terminal(cli, cell):
    result = cli("solve", "cell.json")
    assert "\x1b" not in result.stdout
    assert "[red]cam" in result.stdout


def test_json_on_stdout_is_one_document(cli, cell):
    result = cli("solve", "cell.json", "--format", "json", "--method", "greedy")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["method"] == "greedy"
    assert documents.solution_from_dict(document, cell).has_answer
    assert result.stdout.isascii()


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_the_answer_goes_to_a_file_too(cli, cell, suffix):
    result = cli("solve", "cell.json", "--out", f"answer.{suffix}")
    assert result.exit_code == 0
    assert "feasible" in result.stdout
    if suffix == "json":
        assert documents.load_solution("answer.json", cell).has_answer
    else:
        rows = list(csv.DictReader(io.StringIO(Path("answer.csv").read_text(), newline="")))
        assert [row["id"] for row in rows] == list(cell.client_ids)


def test_quiet_says_nothing_but_errors(cli, cell):
    result = cli("solve", "cell.json", "--quiet", "--out", "answer.json")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    assert cli("solve", "cell.json", "-q").stdout != ""


def test_a_long_answer_is_cut(cli):
    fo.scenarios.make("yang2021", n_clients=60, n_tasks=2).save("cell.npz")
    full = cli("solve", "cell.npz", "--rows", "100").stdout
    assert "more" not in full
    cut = cli("solve", "cell.npz", "--rows", "3").stdout
    assert "... and" in cut
    assert len(cut.splitlines()) < len(full.splitlines())


def test_a_csv_needs_bandwidth_and_requirements(cli):
    Path("cell.csv").write_text(CSV)
    result = cli("solve", "cell.csv", "--bandwidth", "1 MHz", "--require", "speech=0.5", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["client_ids"] == ["a", "b", "c"]
    bare = cli("solve", "cell.csv")
    assert (bare.exit_code, bare.stdout) == (2, "")
    assert "--bandwidth 20MHz" in bare.stderr
    free = cli("solve", "cell.csv", "--bandwidth", "1MHz")
    assert free.exit_code == 2
    assert "task 'speech' has no requirement: give speech=0.3" in free.stderr


@pytest.mark.parametrize("stdin", [CSV, "\ufeff" + CSV])
def test_stdin_may_be_csv(cli, stdin):
    result = cli("solve", "-", "--bandwidth", "1MHz", "--require", "0.5", "--format", "json", stdin=stdin)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["client_ids"] == ["a", "b", "c"]


def test_stdin_may_be_json(cli, cell):
    text = Path("cell.json").read_text()
    assert json.loads(cli("solve", "-", "--format", "json", stdin=text).stdout)["status"] == "feasible"
    empty = cli("solve", "-", stdin=" \n")
    assert empty.exit_code == 2
    assert "<stdin>: is empty" in empty.stderr


def test_options_replace_what_the_file_says(cli, cell, by_hand_solver):
    seen = []
    by_hand_solver["answer"] = lambda problem: seen.append(problem) or by_hand.answer(problem)
    cli("solve", "cell.json", "--bandwidth", "2MHz", "--require", "scene=1abs", "--objective", "total")
    assert seen[0].bandwidth_hz == 2e6
    assert seen[0].required.tolist() == [1.2, 1.0]
    assert seen[0].objective == "total"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cell.json", "--method", "magic"], "method = 'magic': must be one of 'admm'"),
        (["cell.json", "--methd", "admm"], "--methd"),
        (["cell.json", "--format", "xml"], "'xml' is not one of 'table', 'json'"),
        (["cell.json", "--out", "answer.txt"], "answer.txt: the name must end in .json or .csv"),
        (["cell.json", "--out", "no/answer.csv"], "no: no such folder to write into"),
        (["cell.json", "--bandwidth", "wide"], "bandwidth = 'wide': must be > 0, such as 20MHz"),
        (["cell.json", "--require", "sped=0.3"], "no such task; the tasks are: 'speech', 'scene'"),
        (["cell.json", "--objective", "best"], "objective = 'best': must be one of"),
        (["none.json"], "none.json: No such file or directory"),
        (["cell.toml"], "cell.toml: the name must end in .json, .npz or .csv"),
        ([], "Missing argument"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(cli, cell, arguments, message):
    result = cli("solve", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("fedss-opt: error: ")
    assert message in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["cell.json"]


@pytest.mark.parametrize("name", ["cell.json", "./cell.json", "folder/../cell.json", "link.json", "hard.json"])
@pytest.mark.parametrize("name_read", ["cell.json", "link.json"])
def test_the_file_that_is_read_is_not_written_over(cli, cell, by_hand_solver, name, name_read):
    by_hand_solver["answer"] = lambda problem: pytest.fail("solved before the names were looked at")
    Path("folder").mkdir()
    Path("link.json").symlink_to("cell.json")
    Path("hard.json").hardlink_to("cell.json")
    before = Path("cell.json").read_bytes()
    result = cli("solve", name_read, "--out", name)
    assert result.exit_code == 2
    assert f"--out: {Path(name)} is the file that is read; give another name" in result.stderr
    assert Path("cell.json").read_bytes() == before


def test_the_answer_and_its_page_are_two_files(cli, cell):
    pytest.importorskip("altair")
    Path("page.html").symlink_to("answer.json")
    result = cli("solve", "cell.json", "--out", "answer.json", "--report", "page.html")
    assert result.exit_code == 2
    assert "--report: page.html is the file of --out too; give another name" in result.stderr
    Path("read.html").symlink_to("cell.json")
    result = cli("solve", "cell.json", "--report", "read.html")
    assert "--report: read.html is the file that is read" in result.stderr


def test_a_csv_without_tasks_says_why_nobody_uploads(cli, by_hand_solver):
    Path("cell.csv").write_text("payload_bits,cn0_hz\n1e6,3e7\n2e6,8e6\n")
    result = cli("solve", "cell.csv", "--bandwidth", "1MHz")
    assert result.exit_code == 0
    assert result.stdout.startswith("feasible: no task asks for anything, so nobody has to upload\nmethod ")
    dropped = cli("solve", "cell.csv", "--bandwidth", "1MHz", "--require", "0.3")
    assert (dropped.exit_code, dropped.stdout) == (2, "")
    assert "cell.csv: requirement '0.3': there are no task columns; a column 'task:all' with 1" in dropped.stderr


@pytest.mark.parametrize(("iterations", "text"), [(1, ", 1 iteration,"), (2, ", 2 iterations,")])
def test_one_iteration_is_singular(cli, cell, by_hand_solver, iterations, text):
    by_hand_solver["answer"] = lambda problem: replace(by_hand.answer(problem), iterations=iterations)
    assert text in cli("solve", "cell.json").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bandwidth", "8"], "bandwidth: 8 Hz; write 8MHz if that is meant\n"),
        (["--bandwidth", "2e6"], ""),
        (["--bandwidth", "999 Hz"], ""),
        (["--bandwidth", "2e6", "--resource-block", "180"], "resource block: 180 Hz; write 180kHz if that is meant\n"),
    ],
)
@pytest.mark.parametrize("name", ["cell.json", "cell.csv"])
def test_a_width_that_was_meant_in_another_unit_is_remarked_on(cli, cell, monkeypatch, options, message, name):
    monkeypatch.setattr(
        visible_solve, "solve", lambda problem, *_, **__: by_hand.answer(problem.replace(resource_block_hz=None))
    )
    Path("cell.csv").write_text(CSV)
    arguments = ["solve", name, "--require", "0.3", "--format", "json", *options]
    loud, quiet = cli(*arguments), cli(*arguments, "--quiet")
    assert (loud.stderr, quiet.stderr) == (message, "")
    assert loud.exit_code == quiet.exit_code == 0


@pytest.mark.parametrize(
    ("table", "remarked"),
    [
        ("payload_bits,cn0_dbhz\n1e6,19.5\n1e6,12\n", True),
        ("payload_bits,cn0_dbhz\n1e6,19.5\n1e6,41\n", False),
        ("payload_bits,cn0_hz\n1e6,19.5\n1e6,12\n", False),
        ("payload_bits,spectral_efficiency\n1e6,19.5\n1e6,12\n", False),
    ],
)
def test_a_channel_that_looks_like_an_snr_is_remarked_on(cli, table, remarked):
    loud = cli("solve", "-", "--bandwidth", "1MHz", stdin=table)
    assert ("cn0_dbhz: the best channel has 19.5 dB-Hz" in loud.stderr) == remarked
    assert loud.exit_code == 0
    assert cli("solve", "-", "--bandwidth", "1MHz", "--quiet", stdin=table).stderr == ""


def test_a_table_on_stdin_that_is_not_utf_8_is_told_how_to_be(cli):
    result = cli("solve", "-", "--bandwidth", "1MHz", stdin=CSV.encode("utf-16"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "<stdin>: is not UTF-8 text (UTF-16, perhaps); save it as CSV UTF-8" in result.stderr


def test_a_broken_file_is_named_with_its_place(cli, cell):
    Path("bad.json").write_text(Path("cell.json").read_text().replace("2000000.0", '"2 Mbit\\nor so"'))
    result = cli("solve", "bad.json", "--out", "answer.json")
    assert result.exit_code == 2
    assert "bad.json: $.payload_bits[1] = '2 Mbit" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("answer.json").exists()


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--format", "json"]])
def test_infeasible_is_status_3_with_the_reason(cli, cell, by_hand_solver, options):
    by_hand_solver["answer"] = lambda problem: by_hand.uncovered(problem, 1)
    result = cli("solve", "cell.json", "--out", "answer.json", *options)
    assert result.exit_code == 3
    assert "infeasible: task scene needs more than all clients offer" in result.stderr
    assert documents.load_solution("answer.json", cell).status is fo.Status.INFEASIBLE
    if "json" in options:
        assert json.loads(result.stdout)["status"] == "infeasible"


def test_no_answer_is_status_4_and_no_table(cli, cell, by_hand_solver, unknown):
    by_hand_solver["answer"] = unknown
    result = cli("solve", "cell.json", "--out", "answer.csv")
    assert result.exit_code == 4
    assert "answer.csv: not written" in result.stderr
    assert not Path("answer.csv").exists()


def test_ctrl_c_prints_the_best_answer_so_far(cli, cell, by_hand_solver, monkeypatch):
    stops = []

    def solve(problem, method, *, callback, **options):
        record = fo.Progress(iteration=1, elapsed_s=0.0, objective_s=1.0, lower_bound_s=0.5)
        stops.append(callback(record))
        signal.raise_signal(signal.SIGINT)
        stops.append(callback(record))
        return by_hand.answer(problem)

    monkeypatch.setattr(visible_solve, "solve", solve)
    before = signal.getsignal(signal.SIGINT)
    result = cli("solve", "cell.json", "--format", "json")
    assert stops == [False, True]
    assert result.exit_code == 130
    assert json.loads(result.stdout)["stop_reason"] == "interrupted"
    assert "the best answer so far follows" in result.stderr
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_at_once(cli, cell, monkeypatch):
    def solve(problem, method, **options):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(visible_solve, "solve", solve)
    result = cli("solve", "cell.json", "--format", "json")
    assert (result.exit_code, result.stdout) == (130, "")


def test_an_answer_stopped_by_the_solver_itself_counts_as_interrupted(cli, cell, by_hand_solver):
    by_hand_solver["answer"] = lambda problem: replace(by_hand.answer(problem), stop_reason=fo.StopReason.INTERRUPTED)
    assert cli("solve", "cell.json").exit_code == 130


def test_the_bar_is_for_terminals_only(cli, cell, monkeypatch):
    assert cli("solve", "cell.json").stderr == ""
    with visible_solve._bar(True, 1e-4) as show:  # drawn once, whatever the numbers
        for bound in (0.0, 0.5, 1.0):
            show(fo.Progress(iteration=1, elapsed_s=0.0, objective_s=1.0, lower_bound_s=bound))


def test_the_first_compile_is_announced(cli, cell, monkeypatch, capsys):
    kernels = visible_solve.import_module("fedss_opt.kernels")
    monkeypatch.undo()
    monkeypatch.setattr(kernels, "is_compiled", lambda: False, raising=False)
    monkeypatch.setattr(visible_solve, "solve", by_hand.answer)
    visible_solve.get_ready(quiet=False)
    assert "compiling the kernels, once per machine" in capsys.readouterr().err
    visible_solve.get_ready(quiet=True)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_kernels_that_only_this_method_needs_are_announced_once(cli, cell, monkeypatch):
    def solve(problem, method, **options):
        for _ in range(compilations):
            numba.njit(lambda x: x)(1)  # a new function each time
        return by_hand.answer(problem)

    monkeypatch.setattr(visible_solve, "solve", solve)
    compilations = 2
    assert cli("solve", "cell.json", "--method", "exact").stderr == (
        "compiling more kernels for the method exact, once per machine (counted in its time) ...\n"
    )
    assert cli("solve", "cell.json", "--method", "exact", "--quiet").stderr == ""
    compilations = 0
    assert cli("solve", "cell.json", "--method", "exact").stderr == ""


def test_ctrl_c_during_the_first_compile_ends_at_once(cli, cell, monkeypatch):
    monkeypatch.undo()
    interrupted = replace(by_hand.answer(cell), stop_reason=fo.StopReason.INTERRUPTED)
    monkeypatch.setattr(visible_solve, "solve", lambda problem: interrupted)
    with pytest.raises(KeyboardInterrupt):
        visible_solve.get_ready(quiet=True)


def test_a_resource_block_beside_the_file(cli, cell, monkeypatch):
    seen = []

    def solve(problem, *_, **__):
        seen.append(problem)
        return by_hand.answer(problem.replace(resource_block_hz=None))

    monkeypatch.setattr(visible_solve, "solve", solve)
    Path("cell.csv").write_text(CSV)
    for name in ("cell.json", "cell.csv"):
        cli("solve", name, "--bandwidth", "1MHz", "--require", "0.3", "--resource-block", "180 kHz")
    assert [problem.resource_block_hz for problem in seen] == [180e3, 180e3]
