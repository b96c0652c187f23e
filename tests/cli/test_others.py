"""``demo``, ``check``, ``scenario``, ``schema`` and the program itself."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.cli import demo, main, visible_solve
from fedss_opt.cli.render import bar, format_gap, headline
from fedss_opt.cli.terminal import stdout_console

from .. import by_hand

# -- the program --------------------------------------------------------------------------------------------


def test_version_and_help(cli):
    assert cli("--version").stdout == f"fedss-opt {fo.__version__}\n"
    for arguments in ([], ["--help"], ["-h"]):
        result = cli(*arguments)
        assert result.exit_code == 0
        assert "scenario" in result.stdout
    for command in ("demo", "solve", "check", "scenario", "schema"):
        text = " ".join(cli(command, "--help").stdout.split())
        assert "3 infeasible" in text
        assert "130 interrupted" in text


def test_an_unknown_command_is_bad_usage(cli):
    result = cli("slove")
    assert result.exit_code == 2
    assert "fedss-opt: error: No such command 'slove'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_main_returns_the_status(capsys):
    assert main(["--version"]) == 0
    assert main(["solve"]) == 2
    assert "Missing argument" in capsys.readouterr().err


# -- check --------------------------------------------------------------------------------------------------


def test_an_honest_answer_passes(cli, cell):
    documents.save_solution(by_hand.answer(cell), "answer.json", cell)
    result = cli("check", "cell.json", "answer.json")
    assert result.exit_code == 0
    assert "13 of 13 claims hold" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_lie_is_status_1(cli, cell, form):
    lied = replace(by_hand.answer(cell), latency_s=0.1)
    documents.save_solution(lied, "answer.json", cell)
    result = cli("check", "cell.json", "answer.json", "--format", form)
    assert result.exit_code == 1
    if form == "json":
        report = json.loads(result.stdout)
        assert [claim["name"] for claim in report["claims"] if not claim["holds"]] == ["latency"]
    else:
        assert "NO" in result.stdout
        assert "12 of 13 claims hold" in result.stdout


def test_an_answer_to_another_problem_is_bad_input(cli, cell):
    other = cell.replace(client_ids=["1", "2", "3", "4"])
    documents.save_solution(by_hand.answer(other), "answer.json", other)
    result = cli("check", "cell.json", "answer.json")
    assert result.exit_code == 2
    assert "answer.json: $.client_ids[0] = '1': the problem has 'phone' there" in result.stderr


def test_a_csv_is_checked_with_the_options_it_was_solved_with(cli):
    Path("cell.csv").write_text("payload_bits,cn0_hz,task:a\n1e6,3e7,1\n")
    options = ["--bandwidth", "1MHz", "--require", "0.5"]
    problem = fo.Problem(payload_bits=[1e6], cn0_hz=3e7, bandwidth_hz=1e6, relevance=[1.0], required=0.5)
    documents.save_solution(by_hand.answer(problem), "answer.json")
    assert cli("check", "cell.csv", "answer.json", *options).exit_code == 0
    assert cli("check", "cell.csv", "answer.json", *options, "--objective", "total").exit_code == 0
    assert cli("check", "cell.csv", "answer.json", "--bandwidth", "0.5MHz", "--require", "1").exit_code == 1


# -- scenario and schema ------------------------------------------------------------------------------------


def test_a_scenario_becomes_a_file(cli):
    result = cli("scenario", "umi", "--clients", "7", "--tasks", "2", "--seed", "3", "--out", "cell.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "cell.json: 7 clients, 2 tasks, umi, seed 3" in result.stderr
    assert fo.Problem.load("cell.json") == fo.scenarios.make("umi", n_clients=7, n_tasks=2, seed=3)


def test_a_file_is_overwritten_only_by_force(cli):
    Path("cell.json").write_text("precious")
    result = cli("scenario", "umi", "--out", "cell.json")
    assert result.exit_code == 2
    assert "cell.json: exists already; give --force" in result.stderr
    assert Path("cell.json").read_text() == "precious"
    assert cli("scenario", "umi", "--clients", "2", "--out", "cell.json", "--force").exit_code == 0
    assert fo.Problem.load("cell.json").n_clients == 2


def test_a_scenario_without_a_file_goes_to_stdout(cli):
    result = cli("scenario", "cbcsba2025", "--clients", "3", "--bandwidth", "5MHz", "--objective", "total")
    problem = documents.problem_from_dict(json.loads(result.stdout))
    assert (problem.n_clients, problem.bandwidth_hz, problem.objective) == (3, 5e6, "total")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a preset, one of yang2021"),
        (["nowhere"], "preset = 'nowhere': must be one of 'yang2021'"),
        (["umi", "--clients", "-1"], "clients = -1: must be an integer >= 0"),
        (["umi", "--clients", "x"], "Invalid value for '--clients'"),
        (["umi", "--out", "cell.csv"], "cell.csv: the name must end in .json or .npz"),
        (["umi", "--out", "no/cell.json"], "no: no such folder to write into"),
    ],
)
def test_bad_scenarios(cli, arguments, message):
    result = cli("scenario", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(Path().iterdir()) == []


def test_the_presets_are_listed(cli):
    result = cli("scenario", "--list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in fo.scenarios.names())


@pytest.mark.parametrize("kind", ["problem", "solution"])
def test_the_schemas_are_printed(cli, kind):
    jsonschema.Draft202012Validator.check_schema(json.loads(cli("schema", kind).stdout))


# -- demo ---------------------------------------------------------------------------------------------------


def test_the_demo_compares(cli, by_hand_solver):
    result = cli("demo")
    assert result.exit_code == 0
    assert result.stderr == ""
    for word in ("100 clients", "40 MHz", "task-4", "fedcs", "1.00x", "proportional"):
        assert word in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_demo_draws(cli, by_hand_solver, suffix):
    result = cli("demo", "--plot", f"out.{suffix}")
    assert result.exit_code == 0
    assert f"out.{suffix}: written" in result.stderr
    head = Path(f"out.{suffix}").read_bytes()[:8]
    assert head == b"\x89PNG\r\n\x1a\n" if suffix == "png" else b"xml" in head


def test_the_demo_refuses_other_pictures_before_it_solves(cli, monkeypatch):
    monkeypatch.setattr(demo, "solve_visibly", lambda *_: pytest.fail("solved"))
    assert "must end in .png or .svg or .pdf" in cli("demo", "--plot", "out.gif").stderr


def test_the_demo_says_what_a_policy_could_not(cli, by_hand_solver, unknown, monkeypatch):
    monkeypatch.setattr(demo, "solve", lambda problem, name, seed: unknown(problem))
    result = cli("demo")
    assert result.exit_code == 0
    assert "unknown" in result.stdout


def test_missing_matplotlib_names_the_extra(cli, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    result = cli("demo", "--plot", "out.png")
    assert result.exit_code == 2
    assert 'pip install "fedss-opt[plot]"' in result.stderr


def test_the_demo_cell_is_feasible():
    problem = demo.demo_problem(0)
    assert (problem.n_clients, problem.n_tasks, problem.bandwidth_hz) == (100, 5, 40e6)
    assert problem.covers(problem.available).all()


# -- words --------------------------------------------------------------------------------------------------


def test_headlines(cell):
    plain = by_hand.answer(cell)
    assert "no bound" in headline(cell, plain).plain
    bounded = replace(plain, lower_bound_s=plain.objective_s / 1.05)
    assert "certified gap 5.00 %" in headline(cell, bounded).plain
    total = cell.replace(objective="total")
    assert "weighted sum of their times" in headline(total, by_hand.answer(total)).plain
    assert headline(cell, by_hand.uncovered(cell, 0)).plain.startswith("infeasible: task speech")


def test_gaps_and_bars():
    assert [format_gap(gap) for gap in (0.0, 0.0358, 5e-5, math.nan)] == ["0.00 %", "3.58 %", "0.005 %", "-"]
    assert len(bar(2.0, 8, stdout_console())) == 8
    assert len(bar(math.inf, 8, stdout_console())) == 8


def test_flat_channels_and_no_tasks_have_tables_too(cli, by_hand_solver):
    problem = fo.Problem(
        payload_bits=[1e6, 1e6], spectral_efficiency=[1.0, 2.0], bandwidth_hz=1e6, mandatory=[True, False]
    )
    problem.save("cell.json")
    result = cli("solve", "cell.json")
    assert "bit/s/Hz" in result.stdout
    assert "1 of 2 clients" in result.stdout


def test_nobody_has_no_table(cli, by_hand_solver):
    fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0).save("cell.json")
    assert "nobody has to upload" in cli("solve", "cell.json").stdout


def test_solving_module_is_quiet_about_threads(cell):
    with visible_solve.ctrl_c_stops_softly(quiet=True) as interrupt:
        assert not interrupt.pressed
    assert np.count_nonzero(cell.available) == 4
