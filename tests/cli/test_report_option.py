"""``--report``: a page beside every other output, and no page where it is refused."""

from __future__ import annotations

import json
import sys

import pytest

import fedss_opt as fo

from .. import by_hand

pytest.importorskip("altair")
pytest.importorskip("vl_convert")


@pytest.fixture(autouse=True)
def _no_solver(by_hand_solver):
    return by_hand_solver


def test_solve_writes_a_page_beside_its_answer(cli, cell, tmp_path):
    result = cli("solve", "cell.json", "--report", "page.html", "--out", "answer.json", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((tmp_path / "answer.json").read_text())
    assert result.stderr == "page.html: written\n"
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<title>Allocation of cell.json</title>" in html
    assert "2 of 4 clients upload" in html
    assert '"id":"bounds"' in html  # what the solve told on its way


def test_quiet_writes_the_page_alone(cli, cell, tmp_path):
    result = cli("solve", "cell.json", "--report", "page.html", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "page.html").exists()


def test_an_infeasible_problem_has_a_page_and_its_status(cli, cell, by_hand_solver, tmp_path):
    by_hand_solver["answer"] = lambda problem: by_hand.uncovered(problem, 0)
    without = cli("solve", "cell.json")
    result = cli("solve", "cell.json", "--report", "page.html")
    assert result.exit_code == without.exit_code != 0
    assert '<p class="value">infeasible</p>' in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_unknown_has_a_page_too(cli, cell, by_hand_solver, unknown, tmp_path):
    by_hand_solver["answer"] = unknown
    result = cli("solve", "cell.json", "--report", "page.html")
    assert result.exit_code == cli("solve", "cell.json").exit_code != 0
    assert "nothing was found" in (tmp_path / "page.html").read_text(encoding="utf-8").lower()


def test_the_demo_has_a_page(cli, tmp_path):
    result = cli("demo", "--report", "page.html", "--quiet")
    assert result.exit_code == 0, result.stderr
    assert "100 clients" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["solve", "cell.json", "--report", "page.pdf"], "page.pdf: the name must end in .html"),
        (["solve", "cell.json", "--report", "nowhere/page.html"], "no such folder"),
        (["solve", "--jsonl", "--report", "page.html"], "--report: not with --jsonl"),
        (["solve", "missing.json", "--report", "page.html"], "missing.json"),
        (["demo", "--report", "page.txt"], "page.txt: the name must end in .html"),
    ],
)
def test_refusals_leave_no_file(cli, cell, tmp_path, arguments, message):
    result = cli(*arguments, stdin="")
    assert result.exit_code == 2
    assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["cell.json"]


@pytest.mark.parametrize("command", [["solve", "cell.json"], ["demo"]])
def test_a_missing_extra_is_named_before_any_work(cli, cell, monkeypatch, tmp_path, by_hand_solver, command):
    def unreached(problem: fo.Problem) -> fo.Solution:
        raise AssertionError("solved before the refusal")

    by_hand_solver["answer"] = unreached
    monkeypatch.setitem(sys.modules, "altair", None)
    result = cli(*command, "--report", "page.html")
    assert result.exit_code == 2
    assert 'pip install "fedss-opt[report]"' in result.stderr
    assert not (tmp_path / "page.html").exists()
