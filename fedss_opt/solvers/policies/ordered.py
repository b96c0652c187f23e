"""Policies that fix an order of the clients beforehand: all, random, best channel."""

from __future__ import annotations

import numpy as np

from ...array_types import BoolArray
from ...problem import Problem
from ...solution import Solution
from ..options import Options
from .covering import cover_in_order, optimal_split, run
from .split import equal_split, proportional_split

__all__ = ["best_channel", "proportional", "random_equal", "random_optimal", "select_all"]


def select_all(problem: Problem, options: Options) -> Solution:
    """Select every client who can keep its limits, with the optimal bandwidths.

    Full participation, as in the analyses of federated averaging and in Z. Yang et al., "Energy Efficient
    Federated Learning Over Wireless Communication Networks", IEEE TWC 20(3), 2021, whose bandwidths are
    optimised too.
    """
    return run(problem, options, "all", lambda _problem, usable, _options, _stop: usable, optimal_split)


def random_equal(problem: Problem, options: Options) -> Solution:
    """Select at random until the tasks are covered; everybody gets the same bandwidth.

    The selection of B. McMahan et al., "Communication-Efficient Learning of Deep Networks from
    Decentralized Data", AISTATS 2017, with the equal FDMA shares that papers on allocation compare with.
    Clients who help no task that is still uncovered are passed over. A client whose radio cannot use its
    share, or needs more, gets what it can, and the others share the rest equally.
    """
    return run(problem, options, "random_equal", _at_random, equal_split)


def proportional(problem: Problem, options: Options) -> Solution:
    """Select at random until the tasks are covered; bandwidth by payload over spectral efficiency.

    The heuristic that gives slow clients more, e.g. the bandwidth in proportion to the latency of the
    allocation "jcsba" in the code of CBCSBA (github.com/kt4ngw/CBCSBA, 2025). The spectral efficiency is
    that of an equal share; the selection is that of `random_equal` with the same seed.
    """
    return run(problem, options, "proportional", _at_random, proportional_split)


def random_optimal(problem: Problem, options: Options) -> Solution:
    """Select at random until the tasks are covered, with the optimal bandwidths.

    The honest baseline: what is gained over it is gained by the selection. The selection is that of
    `random_equal` with the same seed.
    """
    return run(problem, options, "random", _at_random, optimal_split)


def best_channel(problem: Problem, options: Options) -> Solution:
    """Select the best channels first until the tasks are covered, with the optimal bandwidths.

    The policy "BC" of M. M. Amiri, D. Gündüz, S. R. Kulkarni, H. V. Poor, "Convergence of Update Aware
    Device Scheduling for Federated Learning at the Wireless Edge", IEEE TWC 20(6), 2021. The channel is
    C/N0, or the spectral efficiency where the rate is flat; payload and computing time do not count. Of
    equal channels the first goes first. Clients who help no task that is still uncovered are passed over.
    """
    return run(problem, options, "best_channel", _best_first, optimal_split)


def _at_random(problem: Problem, usable: BoolArray, options: Options, _stop: BoolArray) -> BoolArray:
    seed = 0 if options.seed is None else options.seed
    order = np.random.default_rng(seed).permutation(problem.n_clients)
    return cover_in_order(problem, order[usable[order]])


def _best_first(problem: Problem, usable: BoolArray, _options: Options, _stop: BoolArray) -> BoolArray:
    order = np.argsort(-problem.link, kind="stable")
    return cover_in_order(problem, order[usable[order]])
