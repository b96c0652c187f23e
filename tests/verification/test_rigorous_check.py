"""The rigorous checker: honest answers pass, everything else does not."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import fedss_opt as fo
from fedss_opt import verification
from fedss_opt.verification import DOCUMENTED, verify_solution
from fedss_opt.verification.ball_bounds import proven_bound
from fedss_opt.verification.ball_dual import BallDual
from fedss_opt.verification.frozen_families import instances

from .. import by_hand
from ..strategies import problems
from ..test_resource_blocks import problems_in_blocks

# What measures the package has to load it; what checks must not.
LOADS_THE_PACKAGE = {
    *("closed_form_sweeps.py", "convex_blocks.py", "cross_check.py", "verification_run.py"),
    *("solver_claims.py", "check_claims.py", "policy_claims.py", "round_claims.py", "sharing_claims.py"),
    *("fault_claims.py", "fault_run.py"),
}


def test_checks_know_problem_and_solution_and_nothing_else():
    """Beside them there are records, which say nothing of their own."""
    allowed = {"array_types", "problem", "solution", "exceptions", "claims"}
    # What draws does not check; what rests on a search is proved again by code that solvers have no part in.
    others = {"run_figures.py": {"figures", "looks"}, "ball_bounds.py": {"optimality"}}
    for path in sorted(Path(verification.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 2]
        modules = {node.module for node in imports}
        assert modules <= allowed | others.get(path.name, set()), path.name
        names = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        loads = any(isinstance(name, str) and name.startswith("fedss_opt.") and " " not in name for name in names)
        assert loads <= (path.name in LOADS_THE_PACKAGE), path.name


def test_honest_answers_are_proven(honest):
    for name, problem, solution in honest:
        report = verify_solution(problem, solution)
        assert report.ok, (name, report.failed, report.undecided)


@settings(max_examples=30)
@given(problems())
def test_every_answer_of_the_default_method_is_proven(problem):
    report = verify_solution(problem, fo.solve(problem))
    assert report.ok, (report.failed, report.undecided)


def test_allowances_are_what_they_say(cell):
    solution = fo.solve(cell)
    n = int(np.argmax(solution.bandwidth_hz))
    bandwidth = solution.bandwidth_hz.copy()
    bandwidth[n] += math.fsum([cell.bandwidth_hz, *(-solution.bandwidth_hz).tolist()]) + 2.0**-51 * cell.bandwidth_hz
    nudged = replace(solution, bandwidth_hz=bandwidth)
    assert [claim.name for claim in verify_solution(cell, nudged).failed] == ["shared bandwidth"]
    lenient = verify_solution(cell, nudged, allowances=DOCUMENTED)
    assert lenient.ok
    assert not lenient.exact


def test_a_bound_is_proven_up_to_its_price_and_no_further(cell):
    solution = fo.solve(cell)
    certificate = solution.certificate
    assert proven_bound(cell, certificate, solution.lower_bound_s) == solution.lower_bound_s
    assert proven_bound(cell, certificate, 2.0 * solution.lower_bound_s) <= certificate.price
    later = 1.05 * solution.objective_s
    assert proven_bound(cell, replace(certificate, price=later), later) <= solution.objective_s
    assert proven_bound(cell, replace(certificate, price=math.nan), 0.1) == 0.0
    assert proven_bound(cell, replace(certificate, multipliers=np.zeros(2)), 0.1) == 0.0


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_a_bound_by_search_is_proved_again(cell, objective):
    problem = cell.replace(objective=objective)
    exact = fo.solve(problem, "exact")
    searched = replace(exact, certificate=replace(exact.certificate, kind=fo.CertificateKind.SEARCH))
    assert verify_solution(problem, searched).ok
    inflated = replace(searched, lower_bound_s=exact.objective_s * 1.01)
    assert verify_solution(problem, inflated).claims[-3].holds is False


def test_infeasibility_needs_its_proof(cell):
    impossible = cell.replace(required=[9.0, 0.5])
    assert verify_solution(impossible, by_hand.uncovered(impossible, 0)).ok
    assert not verify_solution(impossible, by_hand.uncovered(impossible, 1)).ok
    assert not verify_solution(cell, by_hand.uncovered(cell, 0)).ok
    capped = cell.replace(max_upload_s=0.08)
    answer = fo.solve(capped)
    assert answer.status is fo.Status.INFEASIBLE
    assert verify_solution(capped, answer).ok


def test_the_report_is_the_document_of_check(cell):
    answer = by_hand.answer(cell)
    document = verify_solution(cell, answer, allowances=DOCUMENTED).to_dict()
    plain = fo.check(cell, answer).to_dict()
    assert [claim["name"] for claim in document["claims"]] == [claim["name"] for claim in plain["claims"]]
    assert document["arithmetic"] == "ball"
    assert document["format"] == plain["format"]


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_whole_resource_blocks(warm, cell, objective):
    """Each bandwidth is a multiple, their count fits, and the bound counts blocks."""
    blocks = cell.replace(objective=objective, resource_block_hz=180e3)
    continuous, whole = fo.solve(cell.replace(objective=objective)), fo.solve(blocks)
    assert verify_solution(blocks, whole).ok
    assert "resource blocks" in [claim.name for claim in verify_solution(blocks, continuous).failed]
    # What the continuous problem's multipliers prove of blocks is no less: every cost is dearer, the carrier smaller.
    price = continuous.certificate.price
    if objective == "makespan":
        assert proven_bound(blocks, continuous.certificate, price) == price
    else:
        assert proven_bound(blocks, continuous.certificate, price) >= continuous.lower_bound_s * (1 - 1e-12)


@settings(max_examples=30)
@given(problems_in_blocks(max_clients=6))
def test_every_answer_in_blocks_is_proven(problem):
    for method in ("admm", "exact"):
        report = verify_solution(problem, fo.solve(problem, method))
        assert report.ok, (report.failed, report.undecided)


def test_blocks_that_fill_the_carrier_but_for_rounding_fit():
    problem = fo.Problem(
        payload_bits=[1e6] * 3, cn0_hz=1e7, bandwidth_hz=0.3, resource_block_hz=0.1, mandatory=True, objective="total"
    )
    assert problem.resource_blocks == 3
    assert verify_solution(problem, fo.solve(problem)).ok


def test_a_tie_of_whole_blocks_is_decided_below_it():
    """At the makespan itself one block suffices, just before it two: the proof needs exact arithmetic to see that."""
    problem = fo.Problem(
        payload_bits=[1e6, 1e6], spectral_efficiency=2.0, bandwidth_hz=1e6, resource_block_hz=5e5, mandatory=True
    )
    solution = fo.solve(problem)
    assert solution.latency_s == 1.0
    assert verify_solution(problem, solution).ok
    assert not verify_solution(problem, replace(solution, lower_bound_s=1.0 + 1e-9)).ok


def test_a_search_sees_that_more_clients_than_blocks_do_not_fit(warm):
    """few-blocks/73: a covering selection of three clients for two blocks is a leaf of the search."""
    problem = [instance.problem for instance in instances("few-blocks", 74)][-1]
    exact = fo.solve(problem, "exact")
    searched = replace(exact, certificate=replace(exact.certificate, kind=fo.CertificateKind.SEARCH))
    assert verify_solution(problem, searched).ok


def test_where_an_enclosure_leaves_it_open_the_fewer_blocks_count():
    """g = b: the rate on one block is b log2(2), which no enclosure of a logarithm tells from b; in time all the same.

    A bound at the tie would hold as a limit even with a block too many; that nobody finishes *by* it would be false.
    """
    problem = fo.Problem(payload_bits=[1e6], cn0_hz=1e6, bandwidth_hz=1e6, resource_block_hz=1e6, mandatory=True)
    dual = BallDual(problem, np.zeros(0))
    assert not dual.excludes(1.0)
    assert dual.excludes(1.0 - 1e-12)
    assert float(dual.value(1.0)) == 1e6


def test_coverage_is_decided_in_rational_arithmetic(cell):
    """A part in 1e12 less than is asked for is let off, and not a part in 1e9."""
    answer = by_hand.answer(cell)
    received = float(cell.relevance[0].sum())
    for more, failed in ((0.9e-12, []), (1e-9, ["coverage of 0"])):
        asked = cell.replace(required=[received * (1.0 + more), 0.5])
        assert [c.name for c in verify_solution(asked, answer).failed] == failed


def test_an_upload_longer_than_its_limit_is_found(cell):
    answer = by_hand.answer(cell)
    longest = float(cell.upload_s(answer.bandwidth_hz).max())
    for share, failed in ((1.0 + 1e-9, []), (1.0 - 1e-9, ["upload limits"])):
        limited = cell.replace(max_upload_s=share * longest)
        assert [c.name for c in verify_solution(limited, answer).failed] == failed


def test_a_bound_where_a_client_needs_just_what_it_may_have():
    """No precision decides whether 200 kHz, on which 1.2 Mbit take 1.5 s, are more than 200 kHz."""
    problem = fo.Problem(
        payload_bits=1.2e6,
        cn0_hz=[3e6],
        bandwidth_hz=1e6,
        max_upload_s=1.5,
        max_bandwidth_hz=2e5,
        relevance=[[1.0]],
        required=0.2,
    )
    assert verify_solution(problem, fo.solve(problem)).ok
