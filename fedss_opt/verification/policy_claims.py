"""Policies and batches: answers that keep their limits, selections that follow their rule, batches as one by one.

Rules are written here a second time, one client after the other, as slowly as they are plain.
"""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np

from ..array_types import BoolArray, FloatArray
from ..problem import Problem
from .claim_record import above, records_of
from .frozen_families import Instance
from .plain_bandwidths import least_bandwidths, selection_value
from .rigorous_check import verify_solution

__all__ = ["POLICY_CLAIMS", "PolicyClaims"]


_OPTIMAL = ("all", "random", "best_channel", "greedy", "fedcs")  # with the best bandwidths of their selections
_EQUAL = ("random_equal", "proportional")
_AGREES = 1e-8

POLICY_CLAIMS = (
    "policies: every claim of every answer",
    "policies: no other bandwidths are better for the selection",
    "policies: random, random_equal and proportional select the same",
    "greedy follows its rule",
    "best_channel follows its rule",
    "fedcs follows its rule",
    "batches answer as one problem after the other",
)


class PolicyClaims:
    """Holds policies against their rules, and a batch against its members."""

    def __init__(self) -> None:
        self.claims = records_of(POLICY_CLAIMS)
        self._solve = import_module("fedss_opt.solvers").solve
        self._batch: list[Instance] = []

    def try_instance(self, instance: Instance) -> None:
        """Ask every policy; keep the instance for the batch."""
        problem = instance.problem
        true, best, same, greedy, channel, fedcs, _ = self.claims.values()
        answers = {name: self._solve(problem, name) for name in (*_OPTIMAL, *_EQUAL)}
        self._batch.append(instance)
        for name, solution in answers.items():
            where = f"{instance.name}, {name}"
            report = verify_solution(problem, solution)
            true.see(f"{where}: {', '.join(c.name for c in report.failed)}", float(len(report.failed)))
            if solution.has_answer and name in _OPTIMAL:
                value = selection_value(problem, solution.selected)
                best.see(where, abs(above(solution.objective_s, value)), 1e-7)
        chosen = [answers[name].selected for name in ("random", *_EQUAL) if answers[name].has_answer]
        if len(chosen) > 1:
            same.see(instance.name, float(sum((row != chosen[0]).any() for row in chosen)))
        rules = ((greedy, "greedy", _greedy), (channel, "best_channel", _best_channel), (fedcs, "fedcs", _fedcs))
        for claim, name, rule in rules:
            # Of clients who leave the same number of blocks, which one is taken is a matter of rounding.
            blocks = name == "greedy" and problem.resource_block_hz is not None
            if answers[name].has_answer and not blocks:
                expected = selection_value(problem, rule(problem))
                claim.see(instance.name, abs(above(answers[name].objective_s, expected)), _AGREES)

    def finish(self) -> None:
        """Solve all instances in one batch and compare."""
        claim = self.claims[POLICY_CLAIMS[-1]]
        together = import_module("fedss_opt.batch").solve_batch([case.problem for case in self._batch], threads=1)
        for i, case in enumerate(self._batch):
            one, other = self._solve(case.problem), together[i]
            same = (one.selected == other.selected).all() and one.status is other.status
            figures = [(getattr(one, name), getattr(other, name)) for name in ("objective_s", "lower_bound_s")]
            claim.see_true(case.name, same and all(a == b for a, b in figures))


def _usable(problem: Problem) -> BoolArray:
    usable: BoolArray = problem.available & np.isfinite(least_bandwidths(problem, math.inf))
    return usable


def _upload_alone(problem: Problem) -> FloatArray:
    return problem.upload_s(np.minimum(problem.bandwidth_hz, problem.max_bandwidth_hz))


def _helps(problem: Problem, selected: BoolArray, n: int) -> bool:
    return bool((problem.relevance[~problem.covers(selected), n] > 0.0).any())


def _greedy(problem: Problem) -> BoolArray:
    """Add whoever leaves the shortest round; of equal ones, whoever needs the least bandwidth at that deadline."""
    selected, usable = problem.mandatory.copy(), _usable(problem)
    while not problem.covers(selected).all():
        values = {}
        for n in np.flatnonzero(usable & ~selected):
            if _helps(problem, selected, int(n)):
                with_it = selected.copy()
                with_it[n] = True
                values[int(n)] = selection_value(problem, with_it)
        least = min(values.values(), default=math.inf)
        if least == math.inf:
            return selected
        ties = [n for n, value in values.items() if value <= least * (1.0 + 1e-12)]
        need = least_bandwidths(problem, least * (1.0 + 1e-9))
        selected[min(ties, key=lambda n: float(need[n]))] = True
    return selected


def _best_channel(problem: Problem) -> BoolArray:
    channel = problem.cn0_hz if problem.cn0_hz is not None else problem.spectral_efficiency
    assert channel is not None
    selected, usable = problem.mandatory.copy(), _usable(problem)
    for n in sorted(range(problem.n_clients), key=lambda n: (-float(channel[n]), n)):
        if usable[n] and not selected[n] and _helps(problem, selected, n):
            selected[n] = True
    return selected


def _fedcs(problem: Problem) -> BoolArray:
    """Add whoever lengthens a round of turns on the whole carrier least, helpful or not, until covered."""
    upload, usable, length = _upload_alone(problem), _usable(problem), 0.0
    selected = np.zeros(problem.n_clients, dtype=bool)
    for group in (problem.mandatory, usable & ~problem.mandatory):
        waiting = set(np.flatnonzero(group).tolist())
        while waiting and (group is problem.mandatory or not problem.covers(selected).all()):
            grown = {n: length + float(upload[n]) + max(0.0, float(problem.compute_s[n]) - length) for n in waiting}
            n = min(waiting, key=lambda n: (grown[n], n))
            length = grown[n]
            waiting.remove(n)
            selected[n] = True
    return selected
