"""Opening from a sample: a start, never a bound; and small cells' opening where it comes to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numba import config

import fedss_opt as fo
from fedss_opt.cells import cell_of
from fedss_opt.kernels import make_work, sampling, state
from fedss_opt.kernels.relaxation import relax
from fedss_opt.kernels.sampling import open_by_sample, sample_cell
from fedss_opt.solvers.admm_method import Tuning, solve_admm
from fedss_opt.solvers.options import Options

N = 40_000


def _cell(**changes: object) -> fo.Problem:
    fields = {"payload_bits": (0.5e6, 5e6), "bandwidth_hz": 0.4e6 * N, **changes}
    return fo.scenarios.make("yang2021", n_clients=N, n_tasks=3, seed=1, **fields)


def test_a_sample_is_one_client_in_so_many() -> None:
    problem = _cell().replace(mandatory=np.arange(N) % 10 == 0)
    cell, _ = cell_of(problem)
    small = sample_cell(cell, 8)
    assert small.free == -(-cell.free // 8)
    assert small.client.size - small.free == -(-(N - cell.free) // 8)
    assert (np.diff(small.client) > 0).all()
    assert small.total_hz == cell.total_hz / 8
    np.testing.assert_array_equal(small.relevance, 8.0 * cell.relevance[small.client[: small.free]])
    np.testing.assert_array_equal(small.payload, cell.payload[small.client])
    # Nothing regular: a pattern of any small period is met as often as it should be.
    for period in (2, 5, 8):
        counts = np.bincount(small.client[: small.free] % period, minlength=period)
        assert counts.max() < 1.2 * counts.mean()


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_it_starts_near_the_optimum(objective: str) -> None:
    problem = _cell(objective=objective)
    cell, _ = cell_of(problem)
    work = make_work(cell)
    assert open_by_sample(cell, work)
    assert work.state[state.PHASE] == state.VERTEX
    assert work.state[state.BOUND] == 0.0  # nothing is claimed
    best = solve_admm(problem, Options())
    assert work.state[state.THETA] == pytest.approx(best.certificate.price, rel=0.05)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_its_multipliers_are_those_of_the_whole_cell(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared with the relaxation of everybody, which knows of no sample; in the cell's units."""
    clients = N
    if config.DISABLE_JIT:  # as plain Python a twentieth of the clients will do
        monkeypatch.setattr(sampling, "_LEAST_SAMPLE", 200)
        clients = 2000
    problem = fo.scenarios.make(
        "yang2021",
        n_clients=clients,
        n_tasks=2,
        seed=1,
        payload_bits=(0.5e6, 5e6),
        bandwidth_hz=0.4e6 * clients,
        objective=objective,
    )
    cell, _ = cell_of(problem)
    work = make_work(cell)
    assert open_by_sample(cell, work)
    whole = make_work(cell)
    relax(cell, whole, work.state[state.THETA], 1e-6)
    # One client in ten: a sample's multipliers are those of the cell within a few per cent.
    assert work.mu == pytest.approx(whole.bound_mu, rel=0.25)


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_with_and_without_a_sample_the_bounds_agree(objective: str) -> None:
    problem = _cell(objective=objective)
    sampled, plain = (solve_admm(problem, Options(), Tuning(sample_from=n)) for n in (32_000, 10**9))
    # The price search ends within 2 % of the gap asked for.
    assert sampled.lower_bound_s == pytest.approx(plain.lower_bound_s, rel=1e-5)
    assert sampled.gap < 1e-4
    assert fo.check(problem, sampled).ok


def test_few_who_hold_all_the_relevance_are_found() -> None:
    """No sample holds any of the three who matter."""
    relevance = np.zeros((1, N))
    relevance[0, [17, 20_011, 39_999]] = 1.0
    problem = _cell().replace(relevance=relevance, required=[2.0], task_ids=None)
    solution = fo.solve(problem)
    assert solution.status is fo.Status.OPTIMAL
    assert solution.selected.sum() == 2


def test_infeasible_stays_infeasible() -> None:
    problem = _cell().replace(max_upload_s=1e-3)
    assert fo.solve(problem).status is fo.Status.INFEASIBLE
    crowded = _cell().replace(mandatory=True, min_bandwidth_hz=0.41e6)
    assert fo.solve(crowded).status is fo.Status.INFEASIBLE
