"""Proofs that lie: every kind of step, forged so that it would prove what is false, is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import proof
from fedss_opt.kernels.cover_state import CLOSED
from fedss_opt.optimality import prove_again
from fedss_opt.proof import MinimalCover, ProofSteps, verify, verify_total
from fedss_opt.proof import one_task as knapsack_module
from fedss_opt.proof.steps import Screen
from fedss_opt.solvers import cover_search

NOBODY = np.zeros(0, dtype=np.int64)


def problem(**changes: object) -> fo.Problem:
    """Two tasks that share no client; the best answer takes 0.5 s (two clients on half of 1 MHz each)."""
    fields: dict[str, object] = {
        "payload_bits": [1e6, 1e6, 2e6, 2e6],
        "spectral_efficiency": 4.0,
        "bandwidth_hz": 1e6,
        "relevance": [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]],
        "required": [0.6, 0.6],
    }
    return fo.Problem(**(fields | changes))


def screen(**changes: object) -> Screen:
    return Screen(**({"worths": np.zeros(2), "forced": NOBODY, "inside": NOBODY, "outside": NOBODY} | changes))


def part(task: int, clients: list[int], least_hz: float) -> MinimalCover:
    return MinimalCover(tasks=np.array([task]), clients=np.array(clients), least_hz=least_hz, log=None)


def steps(*parts: MinimalCover, **changes: object) -> ProofSteps:
    return ProofSteps(screens=[screen(**changes)], parts=list(parts))


def test_honest_parts_add_up() -> None:
    """At 0.49 s the cheaper client of each task takes 0.51 MHz."""
    least = 1e6 / 4.0 / 0.49 * (1.0 - 1e-9)
    honest = steps(part(0, [0, 2], least), part(1, [1, 3], least))
    assert verify(problem(), 0.49, honest) is None
    assert verify(problem(), 0.51, honest) is not None


def test_what_adds_up_to_less_than_the_carrier_proves_nothing() -> None:
    """At 0.51 s the tasks cost 0.98 MHz together: by parts, and by multipliers of just that worth."""
    least = 1e6 / 4.0 / 0.51 * (1.0 - 1e-9)
    assert verify(problem(), 0.51, steps(part(0, [0, 2], least), part(1, [1, 3], least))) is not None
    assert verify(problem(), 0.51, steps(worths=np.full(2, least))) is not None
    assert verify(problem(), 0.49, steps(worths=np.full(2, 1e6 / 4.0 / 0.49 * (1.0 - 1e-9)))) is None


def test_a_task_that_is_served_is_not_short() -> None:
    """By little, in ten seconds: nothing proves that there is no answer."""
    assert verify(problem(required=[1.95, 0.6]), 10.0, steps()) is not None


def test_a_logged_bound_closes_no_node_by_itself() -> None:
    log = np.array([[CLOSED, 0.0, 0.0, 0.0]])
    forged = MinimalCover(tasks=np.array([0, 1]), clients=np.arange(4), least_hz=1.2e6, log=log)
    assert verify(problem(), 0.51, ProofSteps(screens=[screen()], parts=[forged])) is not None


def test_a_part_dearer_than_its_cheapest_cover_is_refused() -> None:
    assert verify(problem(), 0.51, steps(part(0, [0, 2], 6e5), part(1, [1, 3], 6e5))) is not None


def test_a_part_that_is_counted_twice_is_refused() -> None:
    least = 1e6 / 4.0 / 0.51 * (1.0 - 1e-9)
    assert verify(problem(), 0.51, steps(part(0, [0, 2], least), part(0, [0, 2], least), part(1, [1, 3], least)))


def test_a_part_without_one_of_its_clients_is_refused() -> None:
    """Without the cheaper client a task costs 0.98 MHz."""
    assert verify(problem(), 0.51, steps(part(0, [2], 9e5), part(1, [1, 3], 4e5))) is not None


def test_no_steps_prove_nothing() -> None:
    assert verify(problem(), 0.51, ProofSteps(screens=[], parts=[])) is not None


def test_whoever_is_not_forced_is_not_taken_in() -> None:
    assert verify(problem(), 0.51, steps(forced=np.array([0, 1, 2, 3]))) is not None


def test_whoever_is_not_decided_is_not_left_out() -> None:
    """With the two cheap clients left out the tasks take 0.98 MHz each; with the others taken in as much."""
    worths = np.full(2, 4e5)
    assert verify(problem(), 0.51, steps(worths=worths, outside=np.array([0, 1]))) is not None
    forged = ProofSteps(screens=[screen(worths=worths, inside=np.array([2, 3])), screen()], parts=[])
    assert verify(problem(), 0.51, forged) is not None


def test_too_many_states_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    cost, row = rng.uniform(0.5, 1.5, 12), rng.uniform(0.1, 0.4, 12)
    least = 0.9 * knapsack_least(cost, row)
    assert knapsack_module.costs_at_least(cost, row, least)
    assert not knapsack_module.costs_at_least(cost, row, 1.2 * least)
    assert knapsack_module.costs_at_least(cost, row, 1.11 * least)
    monkeypatch.setattr(knapsack_module, "_MOST_STATES", 1)
    assert not knapsack_module.costs_at_least(cost, row, 1.11 * least)


def knapsack_least(cost: np.ndarray, row: np.ndarray) -> float:
    """Cost of the cheapest cover, by enumeration."""
    codes = (np.arange(1 << cost.size)[:, None] >> np.arange(cost.size)) & 1
    return float((codes @ cost)[codes @ row >= 1.0].min())


def test_branches_that_end_early_prove_nothing() -> None:
    assert verify_total(problem(objective="total"), 10.0, []) is not None


def test_a_search_that_finds_nothing_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that is wrong: its search ends without a selection, though there is one."""

    def blind(asked: fo.Problem, deadline: float, mu: np.ndarray, stop: float, written: ProofSteps) -> tuple:
        written.screens.append(screen())
        return cover_search.Finding.NOTHING, None

    assert prove_again(problem(), 0.6, None)[0] is False
    monkeypatch.setattr(cover_search, "find_selection", blind)
    assert prove_again(problem(), 0.6, None)[0] is None
    answer = fo.solve(problem())
    certificate = replace(answer.certificate, kind=fo.CertificateKind.SEARCH)
    claimed = replace(answer, lower_bound_s=0.6, objective_s=0.6, latency_s=0.6, certificate=certificate)
    assert not fo.check(problem(), claimed).ok
    assert proof.verify is verify
