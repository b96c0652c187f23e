"""The race's rules: what counts as an answer, when it counts, and that a small race runs from end to end."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fedss_opt as fo
from benchmarks.peers import fixed, joint, relaxation
from benchmarks.peers.attempt import Attempt, worth
from benchmarks.peers.cases import Case, Plan, Race
from benchmarks.peers.race import Result, time_to
from benchmarks.peers.tables import markdown_report

CASE = Case(race=Race.JOINT, family="yang2021", clients=8, tasks=1, seed=0)


def test_answers_are_priced_from_the_data(warm):
    problem = CASE.problem()
    attempt = joint.by_method("admm", problem, 5.0)
    solution = fo.solve(problem)
    assert worth(Race.JOINT, problem, attempt) == (solution.objective_s, "")
    dropped = attempt.selected & (np.arange(8) != np.flatnonzero(attempt.selected)[0])
    for wrong, why in (
        (replace(attempt, bandwidth_hz=attempt.bandwidth_hz * 1.001), "more than the carrier"),
        (replace(attempt, selected=dropped), "not covered"),
        (replace(attempt, bandwidth_hz=attempt.bandwidth_hz * math.nan), "no positive number"),
        (Attempt(), "no answer"),
    ):
        value, complaint = worth(Race.JOINT, problem, wrong)
        assert math.isnan(value)
        assert why in complaint


@pytest.mark.parametrize("family", ["yang2021", "total"])
def test_bounds_are_evaluated_anew(warm, family):
    problem = replace(CASE, race=Race.BOUND, family=family).problem()
    attempt = relaxation.by_admm(problem, 5.0)
    bound, complaint = worth(Race.BOUND, problem, attempt)
    assert complaint == ""
    assert bound == pytest.approx(fo.solve(problem).lower_bound_s, rel=1e-8)
    inflated = replace(attempt.certificate, price=2.0 * attempt.certificate.price)
    assert worth(Race.BOUND, problem, Attempt(certificate=inflated))[0] <= fo.solve(problem, "exact").objective_s
    assert math.isnan(worth(Race.BOUND, problem, Attempt())[0])


def result(**changes: object) -> Result:
    plain = {"case": CASE, "entrant": "x", "status": "answered", "seconds": 2.0, "value_s": 1.0, "best_s": 1.0}
    return Result(**(plain | changes))


def test_time_to_an_accuracy():
    assert time_to(result(), 1e-6) == 2.0
    assert time_to(result(value_s=1.005), 1e-2) == 2.0
    assert time_to(result(value_s=1.005), 1e-3) is None
    assert time_to(result(status="time limit", value_s=math.nan), 1e-2) is None
    on_the_way = result(trace=((0.1, 1.5), (0.5, 1.005), (1.0, 1.0)))
    assert [time_to(on_the_way, accuracy) for accuracy in (1e-2, 1e-4)] == [0.5, 1.0]
    bound = result(case=replace(CASE, race=Race.BOUND), value_s=0.995)
    assert [time_to(bound, accuracy) for accuracy in (1e-2, 1e-3)] == [2.0, None]


def test_what_was_not_run_is_a_failure_in_the_table():
    missing = result(status="not run", value_s=math.nan, seconds=math.nan, note="failed at N = 4", times={})
    rows = [result(), missing]
    for row in rows:
        row.times = {accuracy: time_to(row, accuracy) for accuracy in (1e-2, 1e-3, 1e-4, 1e-6)}
    text = markdown_report(
        {Race.JOINT: rows}, Plan(name="test", sizes=(8,), seeds=1, time_limit_s=5.0), {"python": "3"}, {}
    )
    assert "| x | 50 %" in text
    assert "1 of 2 failed" in text
    assert "| x | not run | 1 | 8 | failed at N = 4 |" in text


@pytest.mark.parametrize("family", ["yang2021", "total"])
@pytest.mark.parametrize("solver", [fixed.by_slsqp, fixed.by_trust_constr])
def test_scipys_methods_are_given_the_right_problem(warm, family, solver):
    problem = replace(CASE, race=Race.FIXED, family=family).problem()
    best, _ = worth(Race.FIXED, problem, fixed.by_package(problem, 5.0))
    value, complaint = worth(Race.FIXED, problem, solver(problem, 5.0))
    assert complaint == ""
    assert best * (1.0 - 1e-12) <= value <= best * (1.0 + 1e-4)


@pytest.mark.parametrize("family", ["yang2021", "total"])
def test_the_others_find_the_joint_optimum(warm, family):
    problem = replace(CASE, family=family).problem()
    best, _ = worth(Race.JOINT, problem, joint.by_exact(problem, 10.0))
    value, complaint = worth(Race.JOINT, problem, joint.by_highs(problem, 10.0))
    assert complaint == ""
    assert value == pytest.approx(best, rel=1e-7)


@pytest.mark.slow
def test_a_small_race_from_end_to_end(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-m", "benchmarks.peers", "--report", str(tmp_path), "--largest", "10", "--seeds", "1"]
    subprocess.run([*command, "--time-limit", "5"], check=True, cwd=Path(__file__).parents[2], timeout=1200)
    document = json.loads((tmp_path / "race.json").read_text(encoding="utf-8"))
    by_name = {(r["race"], r["family"], r["entrant"]): r for r in document["results"]}
    for race, name in ((Race.FIXED, "fedss_opt"), (Race.BOUND, "fedss_opt admm"), (Race.JOINT, "exact")):
        for family in ("yang2021", "total"):
            assert by_name[race, family, name]["times"]["0.0001"] is not None
    assert len(list(tmp_path.glob("*.png"))) == 7
    for name in ("race.md", "race.html"):
        assert "shifted geometric mean" in (tmp_path / name).read_text(encoding="utf-8")
