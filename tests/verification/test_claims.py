"""Claims on solvers, checkers, policies, rounds and payloads hold of the package, and not of one that cheats."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

import fedss_opt as fo
from fedss_opt import claims as records
from fedss_opt import solvers
from fedss_opt.solvers import exact
from fedss_opt.verification.check_claims import CHECK_CLAIMS, CheckClaims
from fedss_opt.verification.enumeration import brute_force
from fedss_opt.verification.frozen_families import FAMILIES, Instance, family_size, instances
from fedss_opt.verification.hard_families import HARD_FAMILIES, SEEDS
from fedss_opt.verification.policy_claims import PolicyClaims
from fedss_opt.verification.round_claims import round_claims
from fedss_opt.verification.sharing_claims import sharing_claims
from fedss_opt.verification.solver_claims import SOLVER_CLAIMS, SolverClaims, relaxed_bandwidth

REACHES = SOLVER_CLAIMS[0]


def violated(claims) -> set[str]:
    return {claim.name for claim in claims.values() if claim.violated}


def solver_claims(families: dict[str, int]) -> SolverClaims:
    claims = SolverClaims()
    for family, count in families.items():
        for case in instances(family, count):
            claims.try_instance(case)
    claims.finish()
    return claims


def test_families_are_as_large_as_they_are():
    assert set(SEEDS) < set(HARD_FAMILIES) < set(FAMILIES)
    assert (
        len(list(instances("larger-optima", 128))) == family_size("larger-optima", 128) == len(SEEDS["larger-optima"])
    )
    for number in range(8):
        shares = next(i for i in instances("one-task-each", 8) if i.number == number).problem.relevance
        assert (np.count_nonzero(shares, axis=0) <= 1).all()


def test_exact_reaches_the_optimum_from_poor_starts(warm):
    claims = solver_claims({"easy": 4, "capped": 4, "few-blocks": 4, "tied": 4, "local-optima": 2})
    assert violated(claims.claims) == set()
    assert all(claim.tried > 0 for claim in claims.claims.values())


def test_an_exact_that_does_not_search_is_found_out(warm, monkeypatch):
    """As the ADMM finds the optimum on nearly all instances, comparing the answers alone found nothing."""

    def answer_first(problem: fo.Problem, options: solvers.Options) -> fo.Solution:
        first: fo.Solution = exact.solve_admm(problem, options)  # what the claims put there, read when it is called
        return first

    monkeypatch.setitem(solvers.METHODS, "exact", ("exact", "first_answer"))
    monkeypatch.setattr(exact, "first_answer", answer_first, raising=False)
    assert REACHES in violated(solver_claims({"easy": 4, "tied": 4}).claims)


def test_bounds_of_nothing_are_found_out(warm, monkeypatch):
    solve = solvers.solve

    def worthless(problem: fo.Problem, method: str = "admm", **options: object) -> fo.Solution:
        return replace(solve(problem, method, **options), lower_bound_s=0.0)

    monkeypatch.setattr(solvers, "solve", worthless)
    assert set(SOLVER_CLAIMS[4:7]) <= violated(solver_claims({"easy": 4}).claims)


def test_the_relaxed_bandwidth_is_that_of_a_fraction():
    """Two clients of relevance 1, and 1.5 of it needed: the dearer one counts half."""
    problem = fo.Problem(
        payload_bits=[1e6, 2e6], spectral_efficiency=2.0, bandwidth_hz=1e6, relevance=[[1.0, 1.0]], required=1.5
    )
    assert relaxed_bandwidth(problem, 1.0) == pytest.approx(5e5 + 0.5 * 1e6, rel=1e-9)
    end = brentq(lambda t: relaxed_bandwidth(problem, t) - 1e6, 0.1, 10.0)
    assert fo.solve(problem).lower_bound_s >= end * (1 - 1e-3)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_a_check_that_believes_everything_is_found_out(warm, cell, monkeypatch, objective):
    monkeypatch.setattr(records.CheckReport, "ok", property(lambda report: True))
    monkeypatch.setattr(records.CheckReport, "failed", ())
    claims = CheckClaims()
    claims.try_instance(Instance(family="cell", number=0, problem=cell.replace(objective=objective)))
    assert violated(claims.claims) == {CHECK_CLAIMS[3], CHECK_CLAIMS[5]}


def test_true_answers_are_not_refused(warm):
    claims = CheckClaims()
    for family in ("easy", "near-infeasible", "few-blocks"):
        for case in instances(family, 2):
            claims.try_instance(case)
    claims.finish()
    others = [claim for name, claim in claims.claims.items() if name != CHECK_CLAIMS[3]]
    assert [claim.violated for claim in others] == [[]] * 5
    assert all(claim.tried > 0 for claim in others)


def test_policies_and_batches_follow_their_rules(warm):
    claims = PolicyClaims()
    for family in ("easy", "capped", "near-infeasible"):
        for case in instances(family, 3):
            claims.try_instance(case)
    claims.finish()
    assert violated(claims.claims) == set()
    assert all(claim.tried > 0 for claim in claims.claims.values())


def test_rounds_and_payloads_are_what_they_claim(warm):
    for claims in (round_claims(10), sharing_claims(3)):
        assert violated(claims) == set()
        assert all(claim.tried > 0 for claim in claims.values())


def test_local_optima_have_an_enumerated_optimum():
    problem = next(instances("local-optima", 1)).problem
    assert brute_force(problem).value < math.inf
