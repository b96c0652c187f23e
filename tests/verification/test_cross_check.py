"""Frozen families, reference solvers, and a cross-check that finds a method out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import fedss_opt as fo
from fedss_opt.verification import cross_check as cross_check_module
from fedss_opt.verification.block_tables import BlockTable, best_of, greedy_split
from fedss_opt.verification.claim_record import ClaimRecord
from fedss_opt.verification.cross_check import CrossCheck, SolverSchedule
from fedss_opt.verification.enumeration import brute_force
from fedss_opt.verification.frozen_families import EXPECTED, FAMILIES, family_hash, instances
from fedss_opt.verification.highs import highs
from fedss_opt.verification.plain_bandwidths import least_bandwidths, selection_value
from fedss_opt.verification.scip_model import scip

from .. import naive
from ..naive_blocks import best_split, brute_force_blocks
from ..strategies import problems
from ..test_resource_blocks import DOUBT, problems_in_blocks

FOUND = "where a reference finds an answer, with 1e-9 of the carrier to spare, so does every method"
BLOCKS = ("few-blocks", "many-blocks", "capped-blocks")
PLAIN = ("easy", "tied", "near-infeasible", "capped", "all-mandatory", "few-blocks", "forced")
ALONE = SolverSchedule(cvxpy_every=0, scip_every=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_families_are_frozen(family):
    assert family_hash(family, 16).startswith(EXPECTED[family][16])


def test_there_are_enough_instances_and_all_kinds():
    assert 16 * len(FAMILIES) >= 100
    assert 128 * len(FAMILIES) >= 1000
    kinds = {(str(i.problem.objective), str(i.problem.rate_model)) for i in instances("tied", 4)}
    assert len(kinds) == 4


@settings(max_examples=40)
@given(problems(max_clients=6))
def test_brute_force_is_that_of_the_tests(problem):
    true, mine = naive.brute_force(problem), brute_force(problem)
    assert (mine.value < math.inf) == true.feasible
    if true.feasible:
        assert mine.value == pytest.approx(true.value, rel=1e-8)


def test_brute_force_knows_its_limits():
    with pytest.raises(ValueError, match="14 at most"):
        brute_force(fo.Problem(payload_bits=np.ones(15), cn0_hz=1.0, bandwidth_hz=1.0))


@pytest.mark.parametrize("family", ["easy", "tied", "capped", "near-infeasible", *BLOCKS])
def test_highs_is_brute_force(family):
    for instance in instances(family, 6):
        one, other = highs(instance.problem), brute_force(instance.problem)
        assert one.finished
        assert one.value == other.value or one.value == pytest.approx(other.value, rel=1e-7), instance.name
        if one.value < math.inf:
            assert selection_value(instance.problem, one.selected) == one.value


@settings(max_examples=30)
@given(problems_in_blocks(max_clients=6))
def test_brute_force_in_blocks_is_that_of_the_tests(problem):
    low, high = brute_force_blocks(problem, DOUBT), brute_force_blocks(problem, -DOUBT)
    found = brute_force(problem)
    assert low * (1 - 1e-12) <= found.value
    assert high == math.inf or found.value <= high * (1 + 1e-12)
    if found.value < math.inf:
        assert best_split(problem, found.selected, DOUBT) <= found.value * (1 + 1e-12)


@pytest.mark.parametrize("family", BLOCKS)
def test_the_greedy_split_is_the_dynamic_program(family):
    for instance in instances(family, 8):
        table, everybody = BlockTable(instance.problem), np.ones(instance.problem.n_clients, dtype=bool)
        for selected in (everybody, brute_force(instance.problem).selected):
            value = best_of(table, selected[None, :])[0]
            assert greedy_split(table, selected).value == pytest.approx(value, rel=1e-12), instance.name


def test_families_in_blocks_are_what_they_are_for():
    problems = [instance.problem for family in BLOCKS for instance in instances(family, 16)]
    assert {str(p.objective) for p in problems} == {"makespan", "total"}
    counts = [p.resource_blocks for p in problems]
    assert min(counts) < 5
    assert max(counts) > 100
    assert any(p.resource_blocks < p.mandatory.sum() for p in problems)


def test_scip_is_brute_force(cell):
    pytest.importorskip("pyscipopt")
    for objective, block in (("makespan", None), ("total", None), ("makespan", 180e3), ("total", 180e3)):
        problem = cell.replace(objective=objective, resource_block_hz=block)
        found = scip(problem)
        assert found.finished
        assert found.value == pytest.approx(brute_force(problem).value, rel=1e-4)
        assert found.bound == pytest.approx(found.value, rel=1e-4)


def few(count: int) -> list:
    return [instance for family in FAMILIES for instance in instances(family, count)]


def test_the_methods_agree(warm):
    check = CrossCheck(ALONE)
    cases = [case for case in few(4) if case.family != "larger-optima"]  # HiGHS takes a second for each of those
    check.try_instances(cases)
    assert [c.name for c in check.claims.values() if c.violated] == []
    assert [(r.name, r.wrong, r.failed) for r in check.methods.values() if r.wrong or r.failed] == []
    assert check.methods["admm"].proven == len(cases)


def remembered(function):
    """Ask about a problem once: what a method makes of its answer is asked several times."""
    answers = {}

    def ask(problem: fo.Problem, *options: object, **named: object):
        key = (id(problem), options, tuple(named.items()))
        if key not in answers:
            answers[key] = (
                problem,
                function(problem, *options, **named),
            )  # with the problem, whose id is its own so long
        return answers[key][1]

    return ask


@pytest.fixture(scope="module")
def cross_checked(warm):
    """Cross-check a method that changes the answers to a few problems."""
    cases = [case for family in PLAIN for case in instances(family, 2)]
    solve = remembered(fo.solve)

    def cross_check(change) -> CrossCheck:
        def tampered(problem: fo.Problem, method: str = "admm", **options: object) -> fo.Solution:
            return change(problem, solve(problem, method, **options))

        check = CrossCheck(ALONE, solve=tampered)
        check.try_instances(cases)
        return check

    with pytest.MonkeyPatch.context() as patch:
        for name in ("brute_force", "highs"):
            patch.setattr(cross_check_module, name, remembered(getattr(cross_check_module, name)))
        yield cross_check


def test_a_method_that_lies_is_found_out(cross_checked):
    def inflated(problem: fo.Problem, solution: fo.Solution) -> fo.Solution:
        return replace(solution, lower_bound_s=solution.lower_bound_s * 3.0) if solution.has_answer else solution

    check = cross_checked(inflated)
    assert check.claims["no lower bound is above a feasible answer"].violated
    assert check.methods["admm"].wrong

    def hopeless(problem: fo.Problem, solution: fo.Solution) -> fo.Solution:
        nobody = np.zeros(problem.n_clients)
        return replace(
            solution,
            status=fo.Status.INFEASIBLE,
            selected=nobody.astype(bool),
            bandwidth_hz=nobody,
            latency_s=math.inf,
            objective_s=math.inf,
        )

    check = cross_checked(hopeless)
    assert check.claims["infeasible means that nobody finds an answer"].violated

    def silent(problem: fo.Problem, solution: fo.Solution) -> fo.Solution:
        return replace(hopeless(problem, solution), status=fo.Status.UNKNOWN)

    assert cross_checked(silent).claims[FOUND].violated

    def slow(problem: fo.Problem, solution: fo.Solution) -> fo.Solution:
        return replace(solution, objective_s=solution.objective_s * 1.1, status=fo.Status.OPTIMAL)

    assert cross_checked(slow).claims["optimal means within the tolerance of the best known"].violated


def test_a_method_that_fails_costs_its_time_limit(cross_checked):
    def broken(problem: fo.Problem, solution: fo.Solution) -> fo.Solution:
        raise fo.SolverError("no")

    check = cross_checked(broken)
    record = check.methods["admm"]
    assert len(record.failed) == record.runs == 2 * len(PLAIN)
    assert record.seconds >= record.runs * ALONE.time_limit_s
    assert "no" in record.failed[0]


def test_a_miss_that_is_no_number_violates():
    claim = ClaimRecord("a claim")
    claim.see("here", 0.0, 1e-9)
    claim.see("there", math.nan, 1e-9)
    assert claim.violated == ["there: nan"]
    assert (claim.tried, claim.worst) == (2, 0.0)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_reference_solvers_keep_least_bandwidths(objective):
    """By hand, with a radio that takes more than it needs: half a second for the other's million bits on 0.2 MHz.

    Drawn cells hardly ever depend on it: a least bandwidth is the smaller the less it matters who gets the rest.
    """
    problem = fo.Problem(
        payload_bits=[1e3, 1e6],
        spectral_efficiency=[5.0, 10.0],
        bandwidth_hz=1e6,
        min_bandwidth_hz=[8e5, 0.0],
        mandatory=True,
        objective=objective,
    )
    assert least_bandwidths(problem, math.inf).tolist() == [8e5, 0.0]
    assert least_bandwidths(problem, 0.5) == pytest.approx([8e5, 2e5])
    expected = 0.5 if objective == "makespan" else 0.5 + 1e3 / 4e6
    everybody = np.ones(2, dtype=bool)
    assert selection_value(problem, everybody) == pytest.approx(expected, rel=1e-9)
    assert brute_force(problem).value == pytest.approx(expected, rel=1e-9)
    assert highs(problem).value == pytest.approx(expected, rel=1e-7)
    crowded = problem.replace(min_bandwidth_hz=[8e5, 3e5])
    assert brute_force(crowded).value == math.inf
