"""Reports in, plans out: who is left out and why, what a report may say, threads, warm starts."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
import fedss_opt.rounds.allocator as module
from fedss_opt.rounds import Fairness, LeftOut, RoundAllocator
from fedss_opt.rounds.fairness import NO_COST
from fedss_opt.rounds.planning import Decision

from .. import by_hand

pytestmark = pytest.mark.usefixtures("warm")


def cell(clients: int = 60, seed: int = 0, **changes: Any) -> fo.Problem:
    return fo.scenarios.make(
        "yang2021",
        n_clients=clients,
        n_tasks=3,
        seed=seed,
        payload_bits=(0.5e6, 5e6),
        required_fraction=0.3,
        bandwidth_hz=0.4e6 * clients,
        **changes,
    )


def allocator_for(problem: fo.Problem, **options: Any) -> RoundAllocator:
    needs = dict.fromkeys(problem.task_ids, 0.3)
    return RoundAllocator(bandwidth_hz=problem.bandwidth_hz, tasks=needs, **options)


def report_all(allocator: RoundAllocator, problem: fo.Problem, order: Any = None, **more: Any) -> None:
    for n in range(problem.n_clients) if order is None else order:
        allocator.update(
            int(n),
            cn0_hz=problem.cn0_hz[n],
            payload_bits=problem.payload_bits[n],
            compute_s=problem.compute_s[n],
            max_upload_s=problem.max_upload_s[n],
            tasks=dict(zip(problem.task_ids, problem.relevance[:, n], strict=True)),
            **more,
        )


def simple(**options: Any) -> RoundAllocator:
    """Three clients alike, all of whom are needed."""
    allocator = RoundAllocator(bandwidth_hz=1e6, **options)
    for name in ("a", "b", "c"):
        allocator.update(name, cn0_hz=1e7, payload_bits=1e6)
    return allocator


# -- the plan -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["admm", "greedy", "best_channel"])
def test_a_plan_is_the_answer_to_the_problem_that_it_carries(method: str) -> None:
    problem = cell()
    allocator = allocator_for(problem, method=method)
    report_all(allocator, problem)
    plan = allocator.allocate(0)
    answer = fo.solve(plan.problem, method)
    assert plan.problem.replace(client_ids=problem.client_ids) == problem
    np.testing.assert_array_equal(plan.solution.selected, answer.selected)
    np.testing.assert_array_equal(plan.solution.bandwidth_hz, answer.bandwidth_hz)
    assert plan.clients == tuple(np.flatnonzero(answer.selected))
    assert plan.bandwidth_hz == {n: answer.bandwidth_hz[n] for n in plan.clients}
    assert plan.deadline_s == plan.latency_s == max(plan.finish_s.values())
    assert plan.lower_bound_s == pytest.approx(answer.lower_bound_s, nan_ok=True, rel=0)
    assert plan.gap == pytest.approx(answer.gap, nan_ok=True, rel=0)
    assert set(plan.left_out) == set(range(problem.n_clients)) - set(plan.clients)
    assert (plan.fairness, plan.fairness_cost_s, plan.queues) == (None, 0.0, {})


def test_the_order_of_reports_changes_nothing() -> None:
    problem = cell()
    plans = []
    for seed in range(3):
        allocator = allocator_for(problem)
        report_all(allocator, problem, np.random.default_rng(seed).permutation(problem.n_clients))
        plans.append(allocator.allocate(0).to_dict())
    assert plans[0] == plans[1] == plans[2]


def test_integers_come_before_strings_and_are_other_clients() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6)
    for name in ("7", 10, 7, np.int64(-1), "10"):
        allocator.update(name, cn0_hz=1e7, payload_bits=1e6)
    plan = allocator.allocate(0)
    assert plan.clients == (-1, 7, 10, "10", "7")
    assert [type(name) for name in plan.clients] == [int, int, int, str, str]
    assert plan.problem.client_ids == ("-1", "7", "10", "'10'", "'7'")


def test_a_warm_start_changes_the_way_and_not_what_is_proven() -> None:
    """Nine rounds of fading; a cold solve of the same problem proves no bound above the warm answer, nor vice versa."""
    problem = cell(120)
    rng = np.random.default_rng(1)
    allocator = allocator_for(problem)
    for round_ in range(9):
        present = rng.random(problem.n_clients) < 0.8
        faded = problem.replace(cn0_hz=problem.cn0_hz * rng.exponential(size=problem.n_clients))
        report_all(allocator, faded, np.flatnonzero(present))
        plan = allocator.allocate(round_, candidates=np.flatnonzero(present).tolist())
        cold = fo.solve(plan.problem)
        assert fo.check(plan.problem, plan.solution).ok
        # 1e-12: rounding of either figure.
        assert plan.objective_s >= cold.lower_bound_s * (1 - 1e-12)
        assert cold.objective_s >= plan.lower_bound_s * (1 - 1e-12)


def test_the_earlier_answer_is_handed_to_the_solver_by_client_and_task(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def spy(problem: fo.Problem, method: str, **options: Any) -> fo.Solution:
        starts.append(options["warm_start"])
        return fo.solve(problem, method, **options)

    monkeypatch.setattr("fedss_opt.rounds.planning.solve", spy)
    problem = cell()
    allocator = allocator_for(problem)
    report_all(allocator, problem)
    first = allocator.allocate(0)
    allocator.remove(first.clients[0])
    second = allocator.allocate(1)
    assert starts[0] is None
    known = [n for n, taken in zip(second.client_ids, starts[1].selected, strict=True) if taken]
    assert known == list(first.clients[1:])
    np.testing.assert_array_equal(starts[1].certificate.multipliers, first.certificate.multipliers)


def test_a_task_that_is_absent_for_a_round_keeps_its_multiplier() -> None:
    """Another allocator's problem may leave tasks out; what the last round says nothing of is known from before."""
    ids = ("a", "b")
    both, one = (
        fo.Problem(
            payload_bits=1e6,
            cn0_hz=1e7,
            bandwidth_hz=1e6,
            relevance=np.ones((len(tasks), 2)),
            required=1.0,
            task_ids=tasks,
        )
        for tasks in (("speech", "vision"), ("vision",))
    )

    def decision(problem: fo.Problem, multipliers: list[float]) -> Decision:
        proof = fo.Certificate(kind=fo.CertificateKind.BOUND, price=1.0, multipliers=np.array(multipliers))
        return Decision(problem=problem, solution=by_hand.answer(problem, certificate=proof), cost=NO_COST)

    first = decision(both, [3.0, 5.0]).answered(ids, None)
    second = decision(one, [7.0]).answered(ids, first)
    assert second.multipliers == {"speech": 3.0, "vision": 7.0}
    assert decision(one, [math.nan]).answered(ids, second).multipliers == second.multipliers
    assert second.as_start(ids, both).certificate.multipliers.tolist() == [3.0, 7.0]


def test_policies_draw_anew_in_every_round_and_the_same_when_a_round_is_planned_again() -> None:
    problem = cell()
    allocator = allocator_for(problem, method="random", max_age=None, seed=3)
    report_all(allocator, problem)
    plans = [allocator.allocate(round_).clients for round_ in (0, 0, 1, 2)]
    assert plans[0] == plans[1]
    assert len(set(plans)) == 3


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_blocks_objective_weights_and_limits_reach_the_problem(objective: str) -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, objective=objective, resource_block_hz=180e3, tasks="2abs")
    for name in range(4):
        allocator.update(
            name,
            spectral_efficiency=2.0 + name,
            payload_bits=1e6,
            weight=1.0 + name,
            min_bandwidth_hz=1e3 * name,
            max_bandwidth_hz=5e5,
            max_upload_s=10.0,
            mandatory=name == 0,
        )
    problem = allocator.allocate(0).problem
    assert (str(problem.objective), problem.resource_block_hz, problem.required.tolist()) == (objective, 180e3, [2.0])
    assert problem.spectral_efficiency.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert problem.weights.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert problem.min_bandwidth_hz.tolist() == [0.0, 1e3, 2e3, 3e3]
    assert problem.max_bandwidth_hz.tolist() == [5e5] * 4
    assert problem.max_upload_s.tolist() == [10.0] * 4
    assert problem.mandatory.tolist() == [True, False, False, False]


# -- who takes part -----------------------------------------------------------------------------------------


def test_everybody_who_is_left_out_is_told_why() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks={"x": "1abs"})
    for name, cn0_hz in (("near", 1e8), ("far", 1e6), ("too far", 1e2), ("old", 1e8), ("elsewhere", 1e8)):
        allocator.update(name, cn0_hz=cn0_hz, payload_bits=1e6, tasks={"x": 1.0}, max_upload_s=60.0, round=5)
    allocator.update("old", round=3)
    allocator.remove("old")
    allocator.update("old", cn0_hz=1e8, payload_bits=1e6, tasks={"x": 1.0}, round=3)
    allocator.update("silent about its payload", cn0_hz=1e8, round=5)
    plan = allocator.allocate(5, candidates={*allocator.clients, "unknown"} - {"elsewhere"})
    assert plan.clients == ("near",)
    assert plan.left_out == {
        "far": LeftOut.NOT_NEEDED,
        "too far": LeftOut.UNABLE,
        "old": LeftOut.STALE,
        "elsewhere": LeftOut.NOT_A_CANDIDATE,
        "silent about its payload": LeftOut.INCOMPLETE,
        "unknown": LeftOut.NO_REPORT,
    }
    assert plan.message == "client 'silent about its payload' has not reported payload_bits, tasks"


@pytest.mark.parametrize(("max_age", "rounds"), [(0, 1), (1, 2), (3, 4), (None, 9)])
def test_a_report_holds_for_max_age_rounds_after_its_own(max_age: int | None, rounds: int) -> None:
    allocator = simple(max_age=max_age)
    allocated = [len(allocator.allocate(round_).clients) for round_ in range(4, 13)]
    assert allocated == [3] * rounds + [0] * (9 - rounds)


def test_what_is_reported_between_two_rounds_is_for_the_next() -> None:
    allocator = simple(max_age=0)
    allocator.allocate(1)
    allocator.update("a")  # nothing new, but there
    assert allocator.allocate(7).clients == ("a",)


def test_partial_reports_add_up_and_late_ones_only_fill_gaps() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6)
    allocator.update("a", payload_bits=1e6, round=4)
    allocator.update("a", cn0_hz=1e7, payload_bits=2e6, round=3)  # late: its payload is old, its channel all there is
    allocator.update("a", compute_s=1.0, round=4)
    problem = allocator.allocate(5).problem
    assert (problem.payload_bits[0], problem.cn0_hz[0], problem.compute_s[0]) == (1e6, 1e7, 1.0)
    allocator.update("a", cn0_hz=3e7, round=4)  # late again: round 6 is the next
    allocator.update("a", compute_s=0.0)
    problem = allocator.allocate(6).problem
    assert (problem.payload_bits[0], problem.cn0_hz[0], problem.compute_s[0]) == (1e6, 3e7, 0.0)


def test_fractions_are_of_those_who_can_upload() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks=1.0)
    for name in range(4):
        allocator.update(name, cn0_hz=1e7 if name else 1.0, payload_bits=1e6, max_upload_s=60.0)
    plan = allocator.allocate(0)  # client 0 cannot: everybody else is all there is
    assert plan.clients == (1, 2, 3)
    assert plan.left_out == {0: LeftOut.UNABLE}


@pytest.mark.parametrize(
    ("tasks", "selected"), [(None, 4), (0.5, 2), ("50%", 2), ("3abs", 3), (0, 0), ({}, 0), ({"participation": 0.2}, 1)]
)
def test_without_tasks_clients_are_counted(tasks: Any, selected: int) -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks=tasks)
    for name in range(4):
        own = {"participation": 1.0} if tasks == {"participation": 0.2} else None
        allocator.update(name, cn0_hz=1e7, payload_bits=1e6, tasks=own)
    assert len(allocator.allocate(0).clients) == selected


def test_a_round_without_clients_is_a_plan_too() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks={"x": 0.5})
    plan = allocator.allocate(0)
    assert (plan.clients, plan.latency_s, plan.message) == ((), 0.0, "no client can upload (none has reported)")
    assert plan.solution.has_answer  # half of nothing is nothing
    allocator.update("a", cn0_hz=1e7, payload_bits=1e6, tasks={"x": 1.0}, round=0)
    plan = allocator.allocate(9, candidates=["a", "b"])
    assert (plan.clients, plan.message) == ((), "no client can upload (1 no_report, 1 stale)")


def test_a_round_without_an_answer_is_a_plan_without_clients() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks={"x": "3abs"})
    for name in ("a", "b"):
        allocator.update(name, cn0_hz=1e7, payload_bits=1e6, tasks={"x": 1.0})
    plan = allocator.allocate(0)
    assert (plan.status, plan.clients, plan.latency_s) == (fo.Status.INFEASIBLE, (), math.inf)
    assert plan.left_out == {"a": LeftOut.NO_ANSWER, "b": LeftOut.NO_ANSWER}
    assert "requires 3" in plan.message
    assert plan.certificate is not None
    assert plan.certificate.bound(plan.problem) == math.inf
    assert plan.to_dict()["latency_s"] is None
    allocator.update("c", cn0_hz=1e7, payload_bits=1e6, tasks={"x": 1.0})  # and the loop goes on
    assert allocator.allocate(1).clients == ("a", "b", "c")


def test_a_mandatory_client_is_taken_whenever_it_can() -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks="1abs")
    allocator.update("slow", cn0_hz=1e5, payload_bits=1e6, mandatory=True, max_upload_s=1e3)
    allocator.update("fast", cn0_hz=1e8, payload_bits=1e6)
    assert allocator.allocate(0).clients == ("slow",)
    allocator.update("slow", max_upload_s=1e-3)
    plan = allocator.allocate(1)
    assert (plan.clients, plan.left_out) == (("fast",), {"slow": LeftOut.UNABLE})


def test_who_departs_is_forgotten() -> None:
    allocator = simple(fairness=Fairness(min_share=0.5))
    allocator.allocate(0)
    allocator.remove("b")
    allocator.remove("never there")
    assert allocator.clients == {"a", "c"}
    assert "b" not in allocator.allocate(1).left_out


# -- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth_hz": 0.0}, "bandwidth_hz = 0.0: must be"),
        ({"resource_block_hz": -1.0}, "resource_block_hz = -1.0: must be"),
        ({"objective": "fast"}, "objective = 'fast': must be one of"),
        ({"method": "magic"}, "method = 'magic': must be one of"),
        ({"gap_tol": -1.0}, "gap_tol = -1.0: must be"),
        ({"time_limit_s": "1"}, "time_limit_s = '1': must be"),
        ({"max_age": -1}, "max_age = -1: must be an integer >= 0"),
        ({"seed": 1.5}, "seed = 1.5: must be an integer >= 0"),
        ({"fairness": 0.5}, "fairness: a float; must be a Fairness, or None"),
        ({"tasks": {"x": 1.5}}, r"tasks\['x'\] = 1.5: must be a number in \[0, 1\], or a string such as"),
        ({"tasks": {"x": "y=0.5"}}, r"tasks\['x'\] = 'y=0.5': must be such as"),
        ({"tasks": {"x": "150%"}}, r"tasks\['x'\]: requirement '150%': must be within 0 and 1"),
        ({"tasks": {"x": "1e40abs"}}, r"tasks\['x'\] = '1e40abs': must be such as"),
        ({"tasks": {"": 0.5}}, "tasks: '' as a name: must be"),
        ({"tasks": {"(fair share)": 0.5}}, "tasks: .* as a name: must be"),
        ({"tasks": [0.5]}, r"tasks\['participation'\] = \[0.5\]: must be a number"),
        ({"tasks": True}, r"tasks\['participation'\] = True: must be a number"),
    ],
)
def test_options_are_checked_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises((fo.OptionError, fo.ProblemError), match=f"^{message}"):
        RoundAllocator(**{"bandwidth_hz": 1e6} | options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cn0_hz": -1.0}, "client 'a': cn0_hz = -1.0: must be"),
        ({"cn0_hz": [1e7]}, r"client 'a': cn0_hz: has shape \(1,\)"),
        ({"payload_bits": math.nan}, "client 'a': payload_bits = nan: must be"),
        ({"payload_bits": "many"}, "client 'a': payload_bits = 'many': not a number"),
        ({"compute_s": math.inf}, "client 'a': compute_s = inf: must be"),
        ({"weight": 0.0}, "client 'a': weights? = 0.0: must be"),
        ({"mandatory": 2}, r"client 'a': mandatory.* = 2: must be true or false"),
        ({"max_upload_s": 0.0}, "client 'a': max_upload_s = 0.0: must be"),
        ({"min_bandwidth_hz": 2.0, "max_bandwidth_hz": 1.0}, "client 'a': min_bandwidth_hz = 2.0: must be at most"),
        (
            {"max_bandwidth_hz": 1.0},
            "client 'a': min_bandwidth_hz = 10.0: must be at most max_bandwidth_hz, which is 1.0",
        ),
        ({"cn0_hz": 1.0, "spectral_efficiency": 1.0}, "client 'a': cn0_hz, spectral_efficiency: both given"),
        ({"spectral_efficiency": 1.0}, "client 'a': spectral_efficiency given, but other clients report cn0_hz"),
        ({"tasks": {"speach": 1.0}}, r"client 'a': tasks\['speach'\]: no such task \(did you mean 'speech'\?\)"),
        ({"tasks": {"speech": -1.0}}, r"client 'a': tasks\['speech'\] = -1.0: must be"),
        ({"tasks": {"speech": 1e-25}}, r"client 'a': tasks\['speech'\] = 1e-25: must be 0, or 1e-20 to 1e\+20"),
        ({"tasks": ["speech"]}, r"client 'a': tasks = \['speech'\]: must be a mapping"),
        ({"round": -1}, "round = -1: must be an integer >= 0"),
    ],
)
def test_a_wrong_report_names_client_and_field_and_changes_nothing(given: dict[str, Any], message: str) -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks={"speech": 1.0})
    for name in ("a", "b"):
        allocator.update(name, cn0_hz=1e7, payload_bits=1e6, tasks={"speech": 1.0}, min_bandwidth_hz=10.0)
    before = allocator.allocate(0).to_dict()
    with pytest.raises((fo.OptionError, fo.ProblemError), match=f"^{message}"):
        allocator.update("a", **{"compute_s": 99.0} | given)
    assert allocator.allocate(0).to_dict() == before


@pytest.mark.parametrize("name", [True, 1.0, None, ("a",), 2**200])
def test_an_id_is_a_string_or_an_integer(name: Any) -> None:
    with pytest.raises(fo.OptionError, match=r"^client_id"):
        simple().update(name)


def test_a_client_may_change_its_kind_of_channel_when_it_is_alone(tmp_path: Path) -> None:
    allocator = RoundAllocator(bandwidth_hz=1e6)
    allocator.update("a", cn0_hz=1e7, payload_bits=1e6)
    allocator.update("a", spectral_efficiency=2.0)
    assert allocator.allocate(0).latency_s == pytest.approx(0.5, rel=1e-12)  # 1 Mbit at 2 bit/s/Hz on 1 MHz
    allocator.update("b", spectral_efficiency=2.0, payload_bits=1e6)
    allocator.remove("b")
    allocator.update("a", cn0_hz=1e7)
    assert allocator.allocate(1).problem.rate_model == "shannon"
    allocator.update("a", spectral_efficiency=2.0, round=0)  # late: its channel is known
    assert allocator.allocate(2).problem.rate_model == "shannon"
    allocator.save(tmp_path / "state.json")  # which only one kind of channel fits into
    assert RoundAllocator.load(tmp_path / "state.json").allocate(2).clients == ("a",)


def test_rounds_go_forward() -> None:
    allocator = simple()
    allocator.allocate(4)
    with pytest.raises(fo.OptionError, match=r"^round = 3: is over; must be an integer >= 4$"):
        allocator.allocate(3)
    with pytest.raises(fo.OptionError, match=r"^round = 3: the open round is 4"):
        allocator.finished(3, [])
    with pytest.raises(fo.OptionError, match=r"^round = 0: no round is open"):
        simple().finished(0, [])
    assert allocator.last_round == 4
    assert repr(allocator) == "RoundAllocator(clients=3, last_round=4)"


# -- threads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["state_round", "decide"])
def test_reports_come_in_while_a_round_is_planned(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From within the planning, another thread reports, removes and asks: nobody waits, and the plan stays."""
    allocator = simple()
    original = getattr(module, step)

    def meanwhile(*args: Any, **options: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(allocator.update, "a", payload_bits=9e6).result(timeout=60)
            pool.submit(allocator.remove, "b").result(timeout=60)
            assert pool.submit(lambda: allocator.clients).result(timeout=60) == {"a", "c"}
        return original(*args, **options)

    monkeypatch.setattr(module, step, meanwhile)
    plan = allocator.allocate(0)
    assert plan.clients == ("a", "b", "c")
    assert plan.problem.payload_bits.tolist() == [1e6] * 3
    monkeypatch.undo()
    plan = allocator.allocate(1)
    assert plan.clients == ("a", "c")
    assert plan.problem.payload_bits.tolist() == [9e6, 1e6]


def test_many_threads_leave_what_one_would_leave() -> None:
    problem = cell(40)
    allocator = allocator_for(problem, fairness=Fairness(min_share=0.1))
    rounds, lots = itertools.count(), [range(first, 40, 4) for first in range(4)]

    def reporter(lot: range) -> None:
        for _ in range(10):
            report_all(allocator, problem, lot)
            allocator.remove(lot[0])
            report_all(allocator, problem, lot)

    def planner(_: int) -> None:
        for _ in range(10):
            plan = allocator.allocate(next(rounds))
            assert fo.check(plan.problem, plan.solution).ok
            assert set(plan.clients) | set(plan.left_out) <= set(range(40))

    with ThreadPoolExecutor(5) as pool:
        planning = pool.submit(planner, 0)
        for done in [pool.submit(reporter, lot) for lot in lots]:
            done.result()
        planning.result()
    report_all(allocator, problem)
    alone = allocator_for(problem)
    report_all(alone, problem)
    final, expected = allocator.allocate(next(rounds)), alone.allocate(0)
    assert final.client_ids == expected.client_ids
    np.testing.assert_array_equal(final.problem.cn0_hz, expected.problem.cn0_hz)
    np.testing.assert_array_equal(final.problem.relevance[:3], expected.problem.relevance)
