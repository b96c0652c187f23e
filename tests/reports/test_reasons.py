"""Why a client was selected or left out: every reason where it belongs, and no other."""

from __future__ import annotations

import math
import string

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import Certificate, CertificateKind, Problem, Status
from fedss_opt.reports.reasons import Prices, Reason, State, prices_of, reasons_of, states_of

from .. import by_hand

pytestmark = pytest.mark.usefixtures("warm")


def _problem(clients: int, **changes: object) -> Problem:
    fields: dict[str, object] = {
        "payload_bits": np.full(clients, 1e6),
        "cn0_hz": 1e7,
        "bandwidth_hz": 1e6,
        "relevance": np.ones((1, clients)),
        "required": 0.5 * clients,  # nobody is forced
    }
    return Problem(**(fields | changes))


def _prices(cost: list[float], worth: list[float]) -> Prices:
    one, other = np.array(cost), np.array(worth)
    return Prices(cost=one, worth=other, reduced=one - other)


def test_every_reason_and_state_has_its_words():
    assert list(map(int, State)) == list(range(len(State)))
    assert list(map(int, Reason)) == list(range(len(Reason)))
    for text in (reason.text for reason in Reason):
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= {"cost", "worth"}
        assert text.endswith(".")


@pytest.mark.parametrize(
    ("chosen", "cost", "worth", "reason"),
    [
        (True, 1.0, 2.0, Reason.WORTH_IT),
        (True, 2.0, 2.0, Reason.EDGE_IN),
        (True, 3.0, 2.0, Reason.UNSETTLED_IN),
        (True, math.inf, 2.0, Reason.LATE_IN),
        (True, math.nan, math.nan, Reason.UNEXPLAINED_IN),
        (False, 1.0, 2.0, Reason.UNSETTLED_OUT),
        (False, 2.0, 2.0, Reason.EDGE_OUT),
        (False, 3.0, 2.0, Reason.TOO_EXPENSIVE),
        (False, 3.0, 0.0, Reason.UNPRICED),
        (False, math.inf, 0.0, Reason.TOO_LATE),
        (False, math.inf, 2.0, Reason.TOO_LATE),
        (False, math.nan, math.nan, Reason.UNEXPLAINED_OUT),
    ],
)
def test_the_reason_is_in_the_figures(chosen, cost, worth, reason):
    problem = _problem(2)
    solution = by_hand.answer(problem, np.array([chosen, not chosen]))
    assert reasons_of(problem, solution, _prices([cost, 1.0], [worth, 5.0]))[0] == reason


def test_whole_clients_are_the_reason_only_of_a_finished_answer():
    problem = _problem(2)
    solution = by_hand.answer(problem, np.array([True, False]), status=Status.OPTIMAL)
    reasons = reasons_of(problem, solution, _prices([3.0, 1.0], [2.0, 2.0]))
    assert reasons.tolist() == [Reason.INDIVISIBLE_IN, Reason.INDIVISIBLE_OUT]


def test_whom_a_task_cannot_do_without_is_forced():
    problem = _problem(3, relevance=[[1.0, 0.5, 0.5]], required=1.5)
    solution = by_hand.answer(problem, np.array([True, True, False]))
    reasons = reasons_of(problem, solution, _prices([1.0] * 3, [2.0] * 3))
    assert reasons.tolist() == [Reason.FORCED, Reason.WORTH_IT, Reason.UNSETTLED_OUT]


def test_a_task_with_enough_has_no_price_but_is_not_without_need():
    # Client 1 serves a task that lacks nothing, client 2 one that the mandatory client covers, client 3 an open one.
    relevance = [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]]
    problem = _problem(4, relevance=relevance, required=[2.0, 0.0, 1.0], mandatory=[True, False, False, False])
    solution = by_hand.answer(problem, np.array([True, False, False, False]))
    reasons = reasons_of(problem, solution, _prices([1.0] * 4, [0.0] * 4))
    assert reasons.tolist() == [Reason.MANDATORY, Reason.NOT_NEEDED, Reason.NOT_NEEDED, Reason.UNPRICED]


def test_what_decides_before_any_price():
    problem = _problem(
        4,
        mandatory=[True, False, False, False],
        available=[True, False, True, True],
        max_upload_s=[math.inf, math.inf, 1e-6, math.inf],
    )
    solution = by_hand.answer(problem, np.array([True, False, False, False]))
    reasons = reasons_of(problem, solution, _prices([1.0] * 4, [2.0] * 4))
    assert reasons.tolist() == [Reason.MANDATORY, Reason.UNAVAILABLE, Reason.UNABLE, Reason.UNSETTLED_OUT]
    states = states_of(problem, solution)
    assert states.tolist() == [State.MANDATORY, State.UNAVAILABLE, State.UNABLE, State.LEFT_OUT]


def test_without_an_answer_nobody_is_judged():
    problem = _problem(2, relevance=[[1.0, 1.0]], required=3.0, available=[True, False])
    solution = by_hand.uncovered(problem, 0)
    prices = prices_of(problem, solution)
    assert not prices.known
    assert reasons_of(problem, solution, prices).tolist() == [Reason.NO_ANSWER, Reason.UNAVAILABLE]
    assert states_of(problem, solution).tolist() == [State.UNDECIDED, State.UNAVAILABLE]


def test_prices_are_those_of_the_certificate():
    problem = fo.scenarios.make("yang2021", n_clients=60, n_tasks=3, seed=0, required_fraction=0.3)
    solution = fo.solve(problem)
    prices = prices_of(problem, solution)
    assert solution.certificate is not None
    exact = solution.certificate.reduced_costs(problem)
    finite = np.isfinite(exact)
    # The only difference: what is zero but for rounding is zero.
    scale = prices.cost[finite] + prices.worth[finite]
    assert (np.abs(prices.reduced[finite] - exact[finite]) <= 5e-7 * scale).all()
    assert np.array_equal(np.isposinf(prices.reduced), np.isposinf(exact))


def test_a_tie_is_a_tie():
    problem = _problem(2, relevance=[[1.0, 1.0]], required=1.0)
    cost = fo.solve(problem).certificate.reduced_costs(problem)  # type: ignore[union-attr]
    assert cost.shape == (2,)
    free = Certificate(kind=CertificateKind.BOUND, price=2.0, multipliers=np.zeros(1))
    needed = free.reduced_costs(problem)[0]
    edge = Certificate(kind=CertificateKind.BOUND, price=2.0, multipliers=np.array([needed * (1.0 + 1e-14)]))
    solution = by_hand.answer(problem, np.array([True, False]), certificate=edge)
    assert prices_of(problem, solution).reduced[0] == 0.0


def test_methods_without_a_certificate_give_no_prices():
    problem = _problem(3, relevance=[[1.0, 1.0, 1.0]], required=2.0)
    solution = by_hand.answer(problem, np.array([True, True, False]))
    prices = prices_of(problem, solution)
    assert not prices.known
    reasons = reasons_of(problem, solution, prices).tolist()
    assert reasons == [Reason.UNEXPLAINED_IN, Reason.UNEXPLAINED_IN, Reason.UNEXPLAINED_OUT]
