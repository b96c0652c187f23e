"""``fedss-opt solve --jsonl``: a line in, a line out, whatever the line is."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.cli import jsonl
from fedss_opt.cli.jsonl import Stream, solve_stream

from .. import by_hand

PROGRAM = [sys.executable, "-m", "fedss_opt.cli", "solve", "--jsonl"]
PATIENCE_S = 300.0


def cell(clients: int, seed: int = 0) -> fo.Problem:
    rng = np.random.default_rng(seed)
    return fo.Problem(
        payload_bits=rng.uniform(1e5, 1e6, clients),
        cn0_hz=10.0 ** rng.uniform(6.0, 8.0, clients),
        bandwidth_hz=2e7,
        relevance=rng.random((1, clients)),
        required=0.2 * clients,
    )


def line(problem: fo.Problem) -> str:
    return json.dumps(problem.to_dict()) + "\n"


@pytest.fixture
def solved(monkeypatch, by_hand_solver):
    """Replace the solver; return what it was asked."""
    asked: list[tuple[fo.Problem, dict[str, object]]] = []

    def solve(problem: fo.Problem, method: str, **options: object) -> fo.Solution:
        if method not in fo.METHODS:
            return fo.solve(problem, method)  # for its error
        asked.append((problem, options))
        return by_hand.answer(problem, by_hand.greedy(problem))

    monkeypatch.setattr(jsonl, "solve", solve)
    monkeypatch.setattr(jsonl, "get_ready", lambda quiet: None)
    return asked


def answers(text: str) -> list[dict]:
    return [json.loads(one) for one in text.splitlines()]


def test_every_problem_has_its_answer_in_order(cli, solved):
    problems = [cell(n) for n in (3, 1, 5)]
    result = cli("solve", "--jsonl", stdin="".join(map(line, problems)))
    assert result.exit_code == 0
    assert result.stderr == ""
    for problem, document in zip(problems, answers(result.stdout), strict=True):
        assert documents.solution_from_dict(document, problem).has_answer


def test_errors_are_lines_with_their_number(cli, solved):
    good = line(cell(2))
    lines = [
        good,
        "\n",
        "  \t\r\n",
        "{oops\n",
        '{"a": 1, "a": 2}\n',
        "[1]\n",
        good.replace("2", "-2", 1),
        good.rstrip(),
    ]
    result = cli("solve", "--jsonl", stdin="".join(lines))
    assert result.exit_code == 2
    documents_ = answers(result.stdout)
    assert [document.get("line") for document in documents_] == [None, 4, 5, 6, 7, None]
    errors = [document["error"] for document in documents_ if "error" in document]
    kinds = [error["type"].rpartition(":")[2] for error in errors]
    assert kinds == ["malformed", "malformed", "invalid-problem", "invalid-problem"]
    assert errors[0]["detail"].startswith("column 2: not JSON")
    assert errors[3]["path"].startswith("$.")
    assert len(result.stderr.splitlines()) == 1
    assert "answered: 2, refused: 4" in result.stderr
    assert "line 4" in result.stderr


def test_an_infeasible_problem_is_no_error(cli, solved, monkeypatch):
    monkeypatch.setattr(jsonl, "solve", lambda problem, *_, **__: by_hand.uncovered(problem, 0))
    result = cli("solve", "--jsonl", stdin=line(cell(2)))
    assert result.exit_code == 0
    assert answers(result.stdout)[0]["status"] == "infeasible"


def test_what_is_no_text_is_an_error_of_its_line(cli, solved):
    data = b"\xff\xfe\n" + line(cell(2)).encode() + b'{"a\x00": 1}\n' + "\ufeff".encode() + line(cell(2)).encode()
    result = cli("solve", "--jsonl", stdin=data)
    documents_ = answers(result.stdout)
    assert ["error" in document for document in documents_] == [True, False, True, False]
    assert "byte 0: is not UTF-8" in documents_[0]["error"]["detail"]


def test_a_huge_line_is_skipped_without_being_kept(solved):
    class Source(io.RawIOBase):
        """Yields a line of 3 GB, that nobody has, and then a problem."""

        def __init__(self) -> None:
            self.left = 3 * 2**30
            self.rest = io.BytesIO(b"\n" + line(cell(2)).encode())
            self.largest = 0

        def readline(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size > 0
            self.largest = max(self.largest, size)
            if not self.left:
                return self.rest.readline(size)
            taken = min(size, self.left)
            self.left -= taken
            return bytes(taken)

    source, sink = Source(), io.BytesIO()
    status = solve_stream(Stream(max_line_bytes=2**24), source, sink, quiet=True)
    first, second = answers(sink.getvalue().decode())
    assert status == 2
    assert (first["line"], first["error"]["type"]) == (1, "urn:fedss-opt:too-large")
    assert second["format"] == "fedss_opt/solution"
    assert source.largest <= 2**24 + 1


def test_a_line_of_exactly_the_greatest_length_is_read(solved):
    text = line(cell(2)).encode()
    for longest, refused in ((len(text) - 1, False), (len(text) - 2, True)):  # the newline does not count
        sink = io.BytesIO()
        solve_stream(Stream(max_line_bytes=longest), io.BytesIO(text), sink, quiet=True)
        assert ("error" in answers(sink.getvalue().decode())[0]) is refused


def test_a_failure_inside_one_solve_leaves_the_stream_alive(cli, solved, monkeypatch):
    inner = jsonl.solve

    def solve(problem: fo.Problem, method: str, **options: object) -> fo.Solution:
        if problem.n_clients == 4:
            raise ZeroDivisionError("a secret")
        return inner(problem, method, **options)

    monkeypatch.setattr(jsonl, "solve", solve)
    result = cli("solve", "--jsonl", stdin=line(cell(4)) + line(cell(2)))
    first, second = answers(result.stdout)
    assert first["error"] == {
        "type": "urn:fedss-opt:internal",
        "title": "Something went wrong that should not",
        "detail": "ZeroDivisionError",
    }
    assert second["status"] == "feasible"


def test_warm_starts_from_the_answer_before_it(cli, solved):
    text = line(cell(3)) + "{\n" + line(cell(3, seed=1))
    cli("solve", "--jsonl", "--warm", stdin=text)
    first, second = (options["warm_start"] for _, options in solved[1:])  # [0] is the rehearsal
    assert first is None
    assert np.array_equal(second.selected, by_hand.greedy(solved[1][0]))
    solved.clear()
    cli("solve", "--jsonl", stdin=text)
    assert [options["warm_start"] for _, options in solved] == [None, None, None]


def test_options_reach_every_solve(cli, solved):
    cli("solve", "--jsonl", "--gap-tol", "0.5", "--time-limit", "2", "--seed", "7", stdin=line(cell(3)))
    options = {name: value for name, value in solved[-1][1].items() if name != "warm_start"}
    assert options == {"gap_tol": 0.5, "time_limit_s": 2.0, "seed": 7}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cell.json", "--jsonl"], "reads stdin"),
        (["--jsonl", "--out", "a.json"], "--out: not with --jsonl"),
        (["--jsonl", "--require", "0.3"], "--require: not with --jsonl"),
        (["--jsonl", "--bandwidth", "20MHz"], "--bandwidth: not with --jsonl"),
        (["--jsonl", "--method", "nothing"], "method = 'nothing'"),
        (["-", "--warm"], "--warm"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_read(cli, solved, arguments, said):
    result = cli("solve", *arguments, stdin=line(cell(2)))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_nothing_in_is_nothing_out(cli, solved):
    result = cli("solve", "--jsonl", "-", stdin="\n\n")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


# -- the real program -----------------------------------------------------------------------------------------


def co_process(*options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.usefixtures("warm")
def test_a_co_process_answers_before_it_is_asked_again():
    process = co_process("--warm")
    assert process.stdin is not None
    assert process.stdout is not None
    for seed in range(5):
        problem = cell(30, seed)
        process.stdin.write(line(problem).encode())
        process.stdin.flush()
        # Blocks for ever where an answer stays in a buffer.
        solution = documents.solution_from_dict(json.loads(process.stdout.readline()), problem)
        assert fo.check(problem, solution).ok
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert errors == b""


@pytest.mark.usefixtures("warm")
def test_a_reader_that_goes_away_ends_the_stream():
    process = co_process()
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(line(cell(3)).encode())
    process.stdin.flush()
    assert process.wait(PATIENCE_S) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
    process.stdin.close()


@pytest.mark.usefixtures("warm")
def test_ctrl_c_ends_the_stream_behind_a_line():
    process = co_process("--method", "exact", "--gap-tol", "0")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line(cell(3)).encode())
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["method"] == "exact"
    rng = np.random.default_rng(0)
    relevance = rng.random((8, 300))
    hard = fo.Problem(  # branch and bound on it takes minutes
        payload_bits=rng.uniform(1e5, 1e6, 300),
        cn0_hz=10.0 ** rng.uniform(6.0, 8.0, 300),
        bandwidth_hz=2e7,
        relevance=relevance,
        required=0.4 * relevance.sum(axis=1),
        objective="total",
    )
    process.stdin.write(line(hard).encode())
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors == b""
    for text in rest.splitlines(keepends=True):  # none, where the signal came before the solve had begun
        assert text.endswith(b"\n")
        assert json.loads(text)["stop_reason"] == "interrupted"
