"""Anything in any order: updates, removals, plans, arrivals, files; against a naive model of what they mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import fedss_opt as fo
from fedss_opt.rounds import Fairness, LeftOut, RoundAllocator

CLIENTS: list[str | int] = ["a", "b", "3", 3, 12, -5, "z"]  # "3" and 3 are two clients
DEFAULTS = {
    "compute_s": 0.0,
    "max_upload_s": math.inf,
    "min_bandwidth_hz": 0.0,
    "max_bandwidth_hz": math.inf,
    "weight": 1.0,
    "mandatory": False,
}
SHARES = {"a": 0.5, 3: 0.25}
SHARE = 0.125  # all of them multiples of 1/1024: the rounding of shares is tested elsewhere
PATIENCE = 1.0
NEEDS = {"x": 0.5, "y": 0.25}


def _order(name: str | int) -> tuple[int, Any]:
    return (0, name) if isinstance(name, int) else (1, name)


class Naive:
    """What an allocator should know, with no thought of speed, threads or files."""

    def __init__(self) -> None:
        self.known: dict[str | int, dict[str, Any]] = {}
        self.round_of: dict[str | int, int | None] = {}
        self.queue: dict[str | int, float] = {}
        self.last: int | None = None
        self.due: list[str | int] = []
        self.selected: set[str | int] = set()
        self.arrived: set[str | int] | None = None

    def update(self, name: str | int, given: dict[str, Any], round_: int | None) -> None:
        if name in self.known and round_ is not None:
            newest = self.round_of[name]
            if newest is None:
                newest = -1 if self.last is None else self.last + 1
            if round_ < newest:
                for field, value in given.items():
                    self.known[name].setdefault(field, value)
                return
        self.known.setdefault(name, {}).update(given)
        self.round_of[name] = round_

    def remove(self, name: str | int) -> None:
        self.known.pop(name, None)
        self.round_of.pop(name, None)
        self.queue.pop(name, None)
        self.due = [other for other in self.due if other != name]

    def enter(self, round_: int) -> None:
        if self.last is not None and round_ > self.last:
            for name in self.due:
                came = name in (self.selected if self.arrived is None else self.arrived)
                if came or name not in self.selected:
                    queue = self.queue.get(name, 0.0) + SHARES.get(name, SHARE) - (1.0 if came else 0.0)
                    self.queue[name] = max(queue, 0.0)
        self.due, self.selected, self.arrived, self.last = [], set(), None, round_
        for name, known in self.round_of.items():
            if known is None:
                self.round_of[name] = round_

    def state(self, round_: int, candidates: list[str | int] | None) -> tuple[list[str | int], fo.Problem | None, dict]:
        why: dict[str | int, LeftOut] = {}
        present = []
        for name in sorted(set(self.known) | set(candidates or ()), key=_order):
            fields = self.known.get(name)
            if candidates is not None and name not in candidates:
                why[name] = LeftOut.NOT_A_CANDIDATE
            elif fields is None:
                why[name] = LeftOut.NO_REPORT
            elif not {"payload_bits", "cn0_hz", "tasks"} <= set(fields):
                why[name] = LeftOut.INCOMPLETE
            elif round_ - self.round_of[name] > 1:
                why[name] = LeftOut.STALE
            else:
                alone = self.problem([name])
                if fo.solve(alone.replace(mandatory=True, required=[0.0, 0.0])).has_answer:
                    present.append(name)
                else:
                    why[name] = LeftOut.UNABLE
        return present, self.problem(present) if present else None, why

    def problem(self, names: list[str | int]) -> fo.Problem:
        def column(field: str) -> list[Any]:
            return [self.known[name].get(field, DEFAULTS.get(field)) for name in names]

        relevance = np.array([[self.known[name]["tasks"].get(task, 0.0) for name in names] for task in NEEDS])
        strings = [str(name) for name in names]
        return fo.Problem(
            bandwidth_hz=1e6,
            payload_bits=column("payload_bits"),
            cn0_hz=column("cn0_hz"),
            compute_s=column("compute_s"),
            max_upload_s=column("max_upload_s"),
            min_bandwidth_hz=column("min_bandwidth_hz"),
            max_bandwidth_hz=column("max_bandwidth_hz"),
            weights=column("weight"),
            mandatory=column("mandatory"),
            relevance=relevance,
            # Contributions are eighths: their sums, and halves and quarters of these, are exact.
            required=[need * relevance[k].sum() for k, need in enumerate(NEEDS.values())],
            client_ids=strings if len(set(strings)) == len(strings) else [repr(name) for name in names],
            task_ids=list(NEEDS),
        )


def _amounts(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(0, 20).map(lambda i: low * (high / low) ** (i / 20))


NAMES = st.sampled_from(CLIENTS)
BASIC = {
    "payload_bits": _amounts(1e5, 1e7),
    "cn0_hz": _amounts(1e5, 1e8),
    "tasks": st.dictionaries(st.sampled_from(list(NEEDS)), st.integers(0, 8).map(lambda i: i / 8)),
}
OTHER = {
    "compute_s": st.sampled_from([0.0, 0.5, 2.0]),
    "max_upload_s": st.sampled_from([math.inf, 100.0, 0.5]),
    "min_bandwidth_hz": st.sampled_from([0.0, 1e4, 4e5]),
    "max_bandwidth_hz": st.sampled_from([math.inf, 1e6, 5e5]),
    "weight": st.sampled_from([1.0, 3.0]),
    "mandatory": st.booleans(),
}
FIELDS = st.fixed_dictionaries({}, optional=BASIC | OTHER)
COMPLETE = st.fixed_dictionaries(BASIC, optional=OTHER)
# Mostly complete, for the next round or for one before it.
REPORTS = st.tuples(NAMES, st.one_of(COMPLETE, COMPLETE, COMPLETE, FIELDS), st.sampled_from([None, None, 0, 1, 2]))


class Rounds(RuleBasedStateMachine):
    """An allocator, its shadow that is saved and loaded now and then, and the model."""

    fair = False

    def __init__(self) -> None:
        super().__init__()
        rules = Fairness(min_share=SHARE, shares=SHARES, patience=PATIENCE) if self.fair else None
        self.allocators = [RoundAllocator(bandwidth_hz=1e6, tasks=NEEDS, fairness=rules) for _ in range(2)]
        self.naive = Naive()
        self.next_round = 0

    @initialize(reports=st.lists(REPORTS, min_size=3, max_size=6, unique_by=lambda report: report[0]))
    def begin(self, reports: list[tuple[str | int, dict[str, Any], int | None]]) -> None:
        self.all_report(reports)

    @rule(reports=st.lists(REPORTS, min_size=1, max_size=6))
    def all_report(self, reports: list[tuple[str | int, dict[str, Any], int | None]]) -> None:
        for name, given, ago in reports:
            number = None if ago is None else max(0, self.next_round - ago)
            for allocator in self.allocators:
                allocator.update(name, round=number, **given)
            self.naive.update(name, given, number)

    @rule(name=NAMES, given=FIELDS)
    def update(self, name: str | int, given: dict[str, Any]) -> None:
        self.all_report([(name, given, None)])

    @rule(count=st.integers(1, 8), fading=_amounts(0.1, 10.0))
    def usual_rounds(self, count: int, fading: float) -> None:
        for turn in range(count):
            for i, name in enumerate(sorted(self.naive.known, key=_order)):
                self.update(name, {"cn0_hz": 1e6 * (i + 1) * fading ** (turn % 2)})
            self.allocate(0, None)

    @rule(name=st.sampled_from(CLIENTS[-2:]))
    def remove(self, name: str | int) -> None:
        for allocator in self.allocators:
            allocator.remove(name)
        self.naive.remove(name)

    @rule(step=st.sampled_from([0, 0, 0, 1, 2, -1]), candidates=st.none() | st.lists(NAMES, max_size=6))
    def allocate(self, step: int, candidates: list[str | int] | None) -> None:
        number = max(self.next_round + step, self.next_round - 1, 0)  # -1: the last one again
        self.next_round = number + 1
        plan, shadow = (allocator.allocate(number, candidates=candidates) for allocator in self.allocators)
        assert plan.to_dict() == shadow.to_dict()
        naive = self.naive
        naive.enter(number)
        present, problem, why = naive.state(number, candidates)
        assert list(plan.client_ids) == present
        if problem is not None:
            self._compare(plan, problem)
        taken = set(plan.clients)
        reason = LeftOut.NOT_NEEDED if plan.solution.has_answer else LeftOut.NO_ANSWER
        assert dict(plan.left_out) == why | {name: reason for name in present if name not in taken}
        assert fo.check(plan.problem, plan.solution).ok
        if plan.solution.has_answer:
            naive.due, naive.selected = list(present), taken
            assert plan.latency_s == max(plan.finish_s.values(), default=0.0)
            # Recomputed in another order of operations: a few ulp.
            assert plan.latency_s == pytest.approx(plan.solution.latency_s, rel=1e-14)
            # Bandwidths are shared exactly; their sum in double precision is off by an ulp or two a client.
            assert sum(plan.bandwidth_hz.values()) <= 1e6 * (1.0 + 1e-12)
        if self.fair:
            self._compare_queues(plan, present)

    def _compare(self, plan: Any, problem: fo.Problem) -> None:
        stated = plan.problem
        if "(fair share)" in stated.task_ids:
            assert stated.task_ids == (*NEEDS, "(fair share)")
            stated = stated.replace(
                relevance=stated.relevance[:-1], required=stated.required[:-1], task_ids=list(NEEDS)
            )
        if self.fair:
            stated = stated.replace(mandatory=problem.mandatory)
        assert stated == problem
        cold = fo.solve(plan.problem)
        assert cold.has_answer == plan.solution.has_answer
        if cold.has_answer:
            # Neither answer is below what the other one's certificate proves; 1e-12 is the rounding of either figure.
            assert plan.objective_s >= cold.lower_bound_s * (1.0 - 1e-12)
            assert cold.objective_s >= plan.lower_bound_s * (1.0 - 1e-12)

    def _compare_queues(self, plan: Any, present: list[str | int]) -> None:
        queue = self.naive.queue
        assert dict(plan.queues) == {name: queue[name] for name in present if queue.get(name, 0.0) > 0.0}
        if not plan.solution.has_answer or plan.fairness.waived:
            return
        assert all(name in plan.clients for name in present if queue.get(name, 0.0) >= PATIENCE)
        served = sum(queue.get(name, 0.0) for name in plan.clients)
        assert served >= sum(SHARES.get(name, SHARE) * queue.get(name, 0.0) for name in present)

    @rule(data=st.data())
    def finished(self, data: st.DataObject) -> None:
        if self.naive.last is None:
            return
        arrived = data.draw(st.sets(NAMES))
        for allocator in self.allocators:
            allocator.finished(self.naive.last, arrived)
        self.naive.arrived = arrived

    @rule()
    def save_and_load(self) -> None:
        path = Path(self.folder) / "state.json"
        self.allocators[1].save(path)
        self.allocators[1] = RoundAllocator.load(path)

    @invariant()
    def same_clients(self) -> None:
        assert all(allocator.clients == set(self.naive.known) for allocator in self.allocators)


class FairRounds(Rounds):
    fair = True


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("machine", [Rounds, FairRounds])
def test_any_order_of_events_means_what_the_naive_model_says(machine: type[Rounds], tmp_path: Path) -> None:
    machine.folder = str(tmp_path)
    case = machine.TestCase
    case.settings = settings(max_examples=25, stateful_step_count=15)
    case("runTest").runTest()
