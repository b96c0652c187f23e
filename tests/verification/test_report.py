"""The trial as a whole, its report, and ``fedss-opt verify``."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.cli import main
from fedss_opt.cli.app import app
from fedss_opt.verification import trial as trials
from fedss_opt.verification.cross_check import Schedule
from fedss_opt.verification.fault_list import FAULTS, FaultRecord
from fedss_opt.verification.measurements import package_subject
from fedss_opt.verification.records import Comparison
from fedss_opt.verification.report import markdown_report, record, write_report
from fedss_opt.verification.trial import Size, run_trial

from .. import by_hand

TINY = Size(name="quick", points=8, draws=1, members=2, mutated=2, schedule=Schedule(cvxpy_every=0, scip_every=0))


@pytest.fixture(scope="module")
def trial(warm) -> trials.Trial:
    pytest.importorskip("cvxpy")
    return run_trial(TINY)


def run(*arguments: str):
    return CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"}).invoke(app, list(arguments), prog_name="fedss-opt")


def test_a_trial_has_a_row_for_every_claim(trial):
    assert trial.ok
    groups = list(dict.fromkeys(row.group for row in trial.rows))
    assert groups == [
        *("closed forms", "sub-problems", "instances", "answers", "cross-check", "mutations", "solvers", "checks"),
        *("policies", "rounds", "sharing"),
    ]
    assert {row.verdict for row in trial.rows} <= {"holds", "skipped"}


def test_the_report_is_written(trial, tmp_path):
    pytest.importorskip("matplotlib")
    written = write_report(trial, tmp_path / "new" / "report")
    assert {path.name for path in written} >= {"report.md", "report.html", "report.json", "errors.png", "gaps.png"}
    text = (tmp_path / "new" / "report" / "report.md").read_text()
    assert "claims hold; 0 violated, 0 undecided" in text
    assert trial.hashes["easy"] in text
    page = (tmp_path / "new" / "report" / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "data:image/png;base64," in page
    assert 'src="http' not in page


def test_the_record_has_every_number_of_the_report(trial, tmp_path):
    pytest.importorskip("matplotlib")
    write_report(trial, tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    assert document == record(trial)
    assert (document["format"], document["size"]) == ("fedss_opt/verification", "quick")
    assert [(c["claim"], c["tried"]) for c in document["claims"]] == [(row.claim, row.tried) for row in trial.rows]
    assert [s["points"] for s in document["sweeps"]] == [len(sweep.points) for sweep in trial.sweeps]
    worst = [sweep["worst_eps"] for sweep in document["sweeps"]]
    assert worst == pytest.approx([sweep.worst for sweep in trial.sweeps], rel=1e-5)  # six digits are kept
    assert any(sweep["worst_slope_eps"] is None for sweep in document["sweeps"])  # where no slope is measured
    admm = next(method for method in document["methods"] if method["name"] == "admm")
    assert admm["instances"] == trial.court.methods["admm"].runs
    assert sum(m["caught"] for m in document["mutations"]) == sum(m.caught for m in trial.mutations)
    assert "platform" not in document["environment"]  # it names the build of somebody's kernel


def test_a_violated_claim_is_told_and_is_status_1(trial, monkeypatch):
    subject = package_subject()
    wrong = replace(subject, time_flat=lambda *given: 1.1 * subject.time_flat(*given))
    violated = replace(trial, rows=[])
    for _ in trials._closed_forms(violated, wrong):
        pass
    assert not violated.ok
    assert "violated" in markdown_report(violated)
    monkeypatch.setattr(trials, "run_trial", lambda size, progress=None: violated)
    result = run("verify", "--quiet")
    assert result.exit_code == 1
    assert "VIOLATED" in result.stdout
    assert main(["verify", "--quiet"]) == 1  # what the console script exits with, and `make verify` stops at


def test_a_claim_that_is_tried_too_seldom_does_not_hold(trial):
    """A referee that is not installed is skipped; anything else that is not tried leaves its claim undecided."""
    few = replace(trial, rows=[])
    claims = [Comparison("exact equals brute force", tried=4), Comparison("exact equals HiGHS")]
    trials._compared(few, "cross-check", claims, 10, missing={"HiGHS"})
    assert [row.verdict for row in few.rows] == ["undecided", "skipped"]
    assert few.rows[0].details == ("tried 4 times; at least 5 are asked for",)
    assert not few.ok
    assert few.counts() == "0 of 2 claims hold; 0 violated, 1 undecided, 1 skipped"
    few.rows[0] = trials._row("cross-check", "exact equals brute force", 5, [], least=5.0)
    assert few.ok


def test_a_fault_that_nobody_notices_is_a_violated_claim(trial, monkeypatch):
    seen, unseen, broken = (FaultRecord(fault=fault) for fault in FAULTS[:3])
    seen.by, broken.error = ["exact proves what it reaches (tied/3)"], "ChangeError: gone"
    monkeypatch.setattr(trials, "try_faults", lambda: iter([seen, unseen, broken]))
    shown = replace(trial, rows=[], faults=[], size=replace(TINY, faults=True))
    for _ in trials._faults(shown):
        pass
    assert [(row.claim, row.verdict) for row in shown.rows] == [
        (f"noticed: {fault.name}", verdict)
        for fault, verdict in zip(FAULTS, ("holds", "violated", "violated"), strict=False)
    ]
    assert [fault["noticed_by"] for fault in record(shown)["faults"]] == [seen.by, [], []]
    assert FAULTS[1].change.file in shown.rows[1].details[0]


def test_a_trial_that_holds_is_status_0(trial, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(trials, "run_trial", lambda size, progress=None: asked.append(size.name) or trial)
    result = run("verify", "--full", "--report", str(tmp_path / "report"))
    assert result.exit_code == 0
    assert asked == ["full"]
    assert "claims hold" in result.stdout
    assert (tmp_path / "report" / "report.html").exists()
    assert run("verify", "--quick", "--full").exit_code == 2


def test_without_flint_verify_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "flint", None)
    result = run("verify")
    assert result.exit_code == 2
    assert 'pip install "fedss-opt[verify]"' in result.stderr


def test_check_in_both_arithmetics(cell, tmp_path, warm):
    cell.save(tmp_path / "cell.json")
    documents.save_solution(fo.solve(cell), tmp_path / "answer.json", cell)
    files = [str(tmp_path / "cell.json"), str(tmp_path / "answer.json")]
    for arithmetic, said in (("ball", True), ("float", False), ("auto", True)):
        result = run("check", *files, "--arithmetic", arithmetic)
        assert result.exit_code == 0
        assert ("in exact and ball arithmetic" in result.stdout) == said
    documents.save_solution(replace(by_hand.answer(cell), latency_s=0.1), tmp_path / "answer.json", cell)
    for arithmetic in ("ball", "float"):
        assert run("check", *files, "--arithmetic", arithmetic).exit_code == 1


@pytest.mark.slow
def test_the_quick_trial_passes(warm):
    trial = run_trial(trials.QUICK)
    assert [row for row in trial.rows if row.verdict == "violated"] == []
