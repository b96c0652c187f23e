"""The attack finds solvers that are deliberately wrong, makes what fails small, and can be repeated."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.verification.attack import attack
from fedss_opt.verification.attack.drawn_families import FAMILIES, draw_problem
from fedss_opt.verification.attack.relations import RELATIONS, forced_clients
from fedss_opt.verification.attack.shrinking import shrink
from fedss_opt.verification.attack.witnesses import allocate, keeps_everything, witness

pytest.importorskip("flint")
pytestmark = pytest.mark.usefixtures("warm")


def _bound_raised(problem, method="admm", **options):
    """A bound 1e-6 above the answer: wrong wherever the answer is the optimum."""
    solution = fo.solve(problem, method, **options)
    if method != "exact" or solution.status != "optimal":
        return solution
    return replace(solution, lower_bound_s=solution.objective_s * (1.0 + 1e-6))


def _false_optimum(problem, method="admm", **options):
    """`exact` that calls everybody together the optimum, and certifies it by a search."""
    solution = fo.solve(problem, method, **options)
    worse = fo.solve(problem, "all") if method == "exact" else solution
    if not (worse.has_answer and solution.certificate is not None):
        return solution
    return replace(
        worse,
        status=fo.Status.OPTIMAL,
        lower_bound_s=worse.objective_s,
        certificate=replace(solution.certificate, kind=fo.CertificateKind.SEARCH),
    )


def _wrongly_infeasible(problem, method="admm", **options):
    """Give up where a task cannot do without somebody."""
    solution = fo.solve(problem, method, **options)
    if not (method == "admm" and solution.has_answer and forced_clients(problem).any()):
        return solution
    empty = np.zeros(problem.n_clients)
    certificate = fo.Certificate(kind=fo.CertificateKind.BANDWIDTH, price=0.0, multipliers=np.zeros(problem.n_tasks))
    return replace(
        solution,
        status=fo.Status.INFEASIBLE,
        selected=empty > 0.0,
        bandwidth_hz=empty,
        latency_s=np.inf,
        objective_s=np.inf,
        lower_bound_s=np.inf,
        certificate=certificate,
    )


def _raising(problem, method="admm", **options):
    if problem.n_tasks == 2:
        raise ZeroDivisionError("two tasks")
    return fo.solve(problem, method, **options)


@pytest.mark.parametrize(
    ("solve", "claim", "most"),
    [
        (_bound_raised, "bound", 2),
        (_false_optimum, "bound", 3),
        (_wrongly_infeasible, "infeasible", 2),
        (_raising, "raises ZeroDivisionError", 1),
    ],
)
def test_wrong_solvers_are_found_and_their_problems_made_small(solve, claim, most, tmp_path):
    run = attack(seed=1, problems=16, folder=tmp_path, attempts=60, solve=solve)
    found = [failure for failure in run.failures if failure.contradiction.claim == claim]
    assert found
    assert min(failure.problem.n_clients for failure in found) <= most
    for failure in found:
        assert fo.Problem.load(failure.file) == failure.problem
    lines = [json.loads(line) for line in (tmp_path / "failures.jsonl").read_text().splitlines()]
    assert len(lines) == len(run.failures)
    assert {"file", "claim", "method", "options", "place", "by", "detail", "seed", "number"} <= set(lines[0])


def test_a_seed_and_a_number_repeat_the_attack():
    runs = [attack(seed=5, problems=14, attempts=5, solve=_raising) for _ in range(2)]
    first, second = ([(f.problem, f.contradiction.kind, f.number) for f in run.failures] for run in runs)
    assert first
    assert first == second
    assert runs[0].kinds == runs[1].kinds
    assert runs[0].families == runs[1].families
    assert runs[0].tried == 14


@pytest.mark.parametrize("family", FAMILIES)
def test_members_depend_on_the_seed_alone(family):
    one, same, other = (draw_problem(family, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert one == same
    assert one != other


@pytest.mark.parametrize("family", ["forced tasks", "many blocks", "total latency", "limits"])
def test_answers_look_alike_from_both_sides_of_every_relation(family):
    """A witness of a problem is one of its exact variants, and back: else a relation could never contradict."""
    exact = ("clients and tasks permuted", "a useless client added", "a client doubled", "saved and loaded")
    exact += ("units scaled by powers of two", "a requirement lowered", "a redundant task added")
    for number in range(12):
        problem = draw_problem(family, np.random.default_rng([7, number]))
        solution = fo.solve(problem, time_limit_s=1.0)
        seen = witness(problem, "admm", solution.selected, solution.bandwidth_hz) if solution.has_answer else None
        for name in exact if seen else ():
            variant = RELATIONS[name](problem, np.random.default_rng(number), solution)
            if variant is not None:
                there = witness(variant.problem, name, *variant.forward(seen.selected, seen.bandwidth_hz))
                assert there is not None, name
                back = variant.back(there.selected, there.bandwidth_hz)
                assert np.array_equal(back[0], seen.selected), name
                assert np.array_equal(back[1], seen.bandwidth_hz), name


def test_witnesses_keep_every_constraint():
    problem = fo.Problem(payload_bits=[1e6, 1e6], spectral_efficiency=1.0, bandwidth_hz=2e6, max_upload_s=1.0)
    everybody = np.array([True, True])
    found = witness(problem, "here", everybody, np.array([1e6, 1e6]))
    assert found is not None
    assert found.objective_s == 1.0
    assert keeps_everything(problem, found)
    assert witness(problem, "here", everybody, np.array([1.1e6, 1e6])) is None
    assert witness(problem, "here", everybody, np.array([1.1e6, 0.9e6])) is None
    assert witness(problem, "here", everybody, np.array([np.nan, 1e6])) is None
    # Within the allowance of `check`, but not to the last bit: it contradicts nothing.
    nearly = witness(problem, "here", everybody, np.array([1e6, 1e6 * (1.0 - 1e-13)]))
    assert nearly is not None
    assert not keeps_everything(problem, nearly)


@pytest.mark.parametrize("objective", ["makespan", "total"])
@pytest.mark.parametrize("block", [None, 1e5])
def test_selections_are_allocated_as_the_package_does(objective, block):
    problem = fo.Problem(
        payload_bits=[1e6, 2e6, 3e6],
        cn0_hz=[1e7, 2e7, 5e6],
        bandwidth_hz=2e6,
        resource_block_hz=block,
        mandatory=[True, False, True],
        objective=objective,
    )
    best = fo.solve(problem, "exact")
    found = witness(problem, "here", best.selected, allocate(problem, best.selected))
    assert found is not None
    assert found.objective_s == pytest.approx(best.objective_s, rel=1e-9)


def test_forced_clients_are_those_a_task_cannot_do_without():
    problem = fo.Problem(
        payload_bits=1e6,
        cn0_hz=1e7,
        bandwidth_hz=1e6,
        relevance=[[0.1, 0.2, 0.3, 0.0], [0.0, 1.0, 1.0, 1.0]],
        required=[0.1 + 0.2, 1.0],
    )
    assert forced_clients(problem).tolist() == [False, False, False, False]
    assert forced_clients(problem.replace(required=[0.35, 1.0])).tolist() == [False, False, True, False]
    assert forced_clients(problem.replace(required=[0.6, 1.0])).tolist() == [True, True, True, False]


def test_shrinking_keeps_what_fails():
    """Two clients of one task, with a mandatory one: everything else is left out or made ordinary."""
    rng = np.random.default_rng(0)
    problem = fo.Problem(
        payload_bits=rng.uniform(1e5, 1e6, 40),
        cn0_hz=rng.uniform(1e6, 1e7, 40),
        bandwidth_hz=1234567.0,
        relevance=rng.random((3, 40)),
        required=[5.0, 6.0, 7.0],
        mandatory=rng.random(40) < 0.3,
        compute_s=rng.random(40),
    )
    small = shrink(problem, lambda p: p.n_clients >= 2 and p.n_tasks >= 1 and bool(p.mandatory.any()))
    assert (small.n_clients, small.n_tasks, int(small.mandatory.sum())) == (2, 1, 1)
    assert small.bandwidth_hz == 1e6
    assert not small.compute_s.any()
    assert set(small.payload_bits) == {1e6}
