"""A whole run, its report, and ``fedss-opt verify``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.cli import main
from fedss_opt.cli.app import app
from fedss_opt.verification import run_report, verification_run
from fedss_opt.verification.claim_record import ClaimRecord
from fedss_opt.verification.closed_form_sweeps import package_forms
from fedss_opt.verification.cross_check import SolverSchedule
from fedss_opt.verification.fault_run import FAULTS, FaultRecord
from fedss_opt.verification.frozen_families import FAMILIES
from fedss_opt.verification.run_report import markdown_report, record, write_report
from fedss_opt.verification.verification_run import RunSize, VerificationRun, run_verification

from .. import by_hand

TINY = RunSize("quick", points=8, draws=1, members=2, corrupted=2, schedule=SolverSchedule(cvxpy_every=0, scip_every=0))


@pytest.fixture(scope="module")
def whole(warm) -> VerificationRun:
    """A run on two members of the families that take no seconds each."""
    pytest.importorskip("cvxpy")
    names = ("easy", "tied", "near-infeasible", "capped", "all-mandatory", "few-blocks", "one-task-each")
    small = {name: FAMILIES[name] for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification_run, "FAMILIES", small)
        return run_verification(TINY)


@pytest.fixture(scope="module")
def written(whole, tmp_path_factory) -> Path:
    """The folder of its report."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("report") / "new" / "report"
    files = write_report(whole, folder)
    assert {path.name for path in files} >= {"report.md", "report.html", "report.json", "errors.png", "gaps.png"}
    assert all(path.exists() for path in files)
    return folder


def command(*arguments: str):
    return CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"}).invoke(app, list(arguments), prog_name="fedss-opt")


def test_a_run_has_a_record_for_every_claim(whole):
    assert whole.ok
    groups = list(dict.fromkeys(claim.group for claim in whole.claims))
    assert groups == [
        *("closed forms", "sub-problems", "instances", "answers", "cross-check", "corruptions", "solvers", "checks"),
        *("policies", "rounds", "sharing"),
    ]
    assert {claim.result for claim in whole.claims} <= {"holds", "skipped"}


def test_the_report_is_written(whole, written):
    text = (written / "report.md").read_text()
    assert "claims hold; 0 violated, 0 undecided" in text
    assert whole.hashes["easy"] in text
    page = (written / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "data:image/png;base64," in page
    assert 'src="http' not in page


def test_the_record_has_every_number_of_the_report(whole, written):
    document = json.loads((written / "report.json").read_text())
    assert document == record(whole)
    assert (document["format"], document["size"]) == ("fedss_opt/verification", "quick")
    assert [(c["claim"], c["tried"]) for c in document["claims"]] == [
        (claim.name, claim.tried) for claim in whole.claims
    ]
    assert [s["points"] for s in document["sweeps"]] == [len(sweep.points) for sweep in whole.sweeps]
    worst = [sweep["worst_eps"] for sweep in document["sweeps"]]
    assert worst == pytest.approx([sweep.worst for sweep in whole.sweeps], rel=1e-5)  # six digits are kept
    assert any(sweep["worst_slope_eps"] is None for sweep in document["sweeps"])  # where no slope is measured
    admm = next(method for method in document["methods"] if method["name"] == "admm")
    assert admm["instances"] == whole.cross_check.methods["admm"].runs
    assert sum(m["caught"] for m in document["corruptions"]) == sum(c.caught for c in whole.corruptions.values())
    assert "platform" not in document["environment"]  # it names the build of somebody's kernel


def test_a_violated_claim_is_told_and_is_status_1(whole, monkeypatch):
    forms = package_forms()
    flat = forms["flat"]
    wrong = {**forms, "flat": replace(flat, upload_time=lambda *given: 1.1 * flat.upload_time(*given))}
    violated = replace(whole, claims=[])
    verification_run.add_closed_forms(violated, lambda *_: None, wrong)
    assert not violated.ok
    assert "violated" in markdown_report(violated)
    monkeypatch.setattr(verification_run, "run_verification", lambda size, progress=None: violated)
    result = command("verify", "--quiet")
    assert result.exit_code == 1
    assert "VIOLATED" in result.stdout
    assert main(["verify", "--quiet"]) == 1  # what the console script exits with, and `make verify` stops at


def test_a_claim_that_is_tried_too_seldom_does_not_hold(whole):
    """A solver that is not installed is skipped; anything else that is not tried leaves its claim undecided."""
    few = replace(whole, claims=[])
    claims = [ClaimRecord("exact equals brute force", tried=4), ClaimRecord("exact equals HiGHS")]
    few.add_compared("cross-check", claims, 10, missing={"HiGHS"})
    assert [claim.result for claim in few.claims] == ["undecided", "skipped"]
    assert few.claims[0].details == ["tried 4 times; at least 5 are asked for"]
    assert not few.ok
    assert few.counts() == "0 of 2 claims hold; 0 violated, 1 undecided, 1 skipped"
    few.claims.clear()
    few.add_compared("cross-check", [ClaimRecord("exact equals brute force", tried=5)], 10)
    assert few.ok


def test_a_fault_that_nobody_notices_is_a_violated_claim(whole, monkeypatch):
    seen = FaultRecord(FAULTS[0], ["exact proves what it reaches (tied/3)"])
    unseen, broken = FaultRecord(FAULTS[1]), FaultRecord(FAULTS[2], error="ChangeError: gone")
    monkeypatch.setattr(verification_run, "try_faults", lambda: iter([seen, unseen, broken]))
    shown = replace(whole, claims=[], faults=[], size=replace(TINY, faults=True))
    verification_run.add_faults(shown, lambda *_: None)
    assert [(claim.name, claim.result) for claim in shown.claims] == [
        (f"noticed: {fault.name}", result)
        for fault, result in zip(FAULTS, ("holds", "violated", "violated"), strict=False)
    ]
    assert [fault["noticed_by"] for fault in record(shown)["faults"]] == [seen.by, [], []]
    assert FAULTS[1].file in shown.claims[1].details[0]


def test_a_run_that_holds_is_status_0(whole, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(run_report, "draw_figures", lambda run: {})
    monkeypatch.setattr(
        verification_run, "run_verification", lambda size, progress=None: asked.append(size.name) or whole
    )
    result = command("verify", "--full", "--report", str(tmp_path / "report"))
    assert result.exit_code == 0
    assert asked == ["full"]
    assert "claims hold" in result.stdout
    assert (tmp_path / "report" / "report.html").exists()
    assert command("verify", "--quick", "--full").exit_code == 2


def test_without_flint_verify_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "flint", None)
    result = command("verify")
    assert result.exit_code == 2
    assert 'pip install "fedss-opt[verify]"' in result.stderr


def test_check_in_both_arithmetics(cell, tmp_path, warm):
    cell.save(tmp_path / "cell.json")
    documents.save_solution(fo.solve(cell), tmp_path / "answer.json", cell)
    files = [str(tmp_path / "cell.json"), str(tmp_path / "answer.json")]
    for arithmetic, said in (("ball", True), ("float", False), ("auto", True)):
        result = command("check", *files, "--arithmetic", arithmetic)
        assert result.exit_code == 0
        assert ("in exact and ball arithmetic" in result.stdout) == said
    documents.save_solution(replace(by_hand.answer(cell), latency_s=0.1), tmp_path / "answer.json", cell)
    for arithmetic in ("ball", "float"):
        assert command("check", *files, "--arithmetic", arithmetic).exit_code == 1


@pytest.mark.slow
def test_the_quick_run_passes(warm):
    assert [claim for claim in run_verification(verification_run.QUICK).claims if claim.violated] == []
