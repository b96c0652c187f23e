"""Deliberate faults that ``fedss-opt verify --full`` has to notice, in every module that claims something.

Each is one textual change in a copy of the package; the groups of claims that should notice it run on the copy. A text
that is not in its file exactly once is an error, so that the list cannot fall silent as the package changes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from time import perf_counter

from .faults import Change, ChangeError, PackageCopy

__all__ = ["FAULTS", "Fault", "FaultRecord", "try_faults"]

_TIME_LIMIT_S = 240.0  # a fault that makes a solver run for ever is no fault to have here

Kind = tuple[tuple[str, ...], bool]  # groups of claims, and whether kernels are compiled


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : str
        What is wrong with it.
    change : Change
        The fault itself.
    groups : tuple of str
        Keys of `fault_claims.GROUPS` that have to notice it.
    """

    name: str
    change: Change
    groups: tuple[str, ...]


@dataclass(kw_only=True)
class FaultRecord:
    """What became of a fault.

    Attributes
    ----------
    fault : Fault
        The fault.
    by : list of str
        Claims that do not hold with it and hold without it, each with one place; empty where nobody noticed.
    error : str
        Why it could not be tried.
    seconds : float
        s.
    """

    fault: Fault
    by: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0


def _fault(name: str, file: str, old: str, new: str, *groups: str) -> Fault:
    return Fault(name=name, change=Change(file=file, old=old, new=new), groups=groups)


_EXACT = (
    _fault(
        "exact returns the ADMM's answer and searches nothing",
        "solvers/exact.py",
        "or first.gap <= PRECISION:",
        "or first.has_answer:",
        "solvers",
    ),
    _fault(
        "exact calls the ADMM's answer the optimum without a search",
        "solvers/exact.py",
        "    steps, stop = 0, None\n",
        "    steps, stop = 0, None\n    incumbent.raise_bound(first.objective_s)\n",
        "solvers",
    ),
    _fault(
        "exact: screening with 0.6 of the slack",
        "solvers/cover_search.py",
        "slack = limit - (value - error)",
        "slack = 0.6 * (limit - (value - error))",
        "covers",
    ),
    _fault(
        "exact: proven at 0.97 of the carrier",
        "solvers/cover_search.py",
        "        if slack <= 0.0:",
        "        if slack <= 0.03 * limit:",
        "covers",
    ),
    _fault(
        "exact: fixed clients are not paid for",
        "solvers/cover_search.py",
        "fixed = math.fsum(work.cost[cell.free :].tolist())",
        "fixed = 0.0",
        "answers",
        "solvers",
    ),
    _fault(
        "branch and bound cut after three nodes, and said to be complete",
        "solvers/branching.py",
        "        while heap:\n",
        "        while heap and nodes < 3:\n",
        "local optima",
    ),
    _fault(
        "branch and bound: nodes closed at 0.97 of the incumbent",
        "solvers/branching.py",
        "return incumbent.objective_s * (1.0 - precision)",
        "return incumbent.objective_s * 0.97",
        "local optima",
    ),
    _fault(
        "branch and bound: children inherit a bound that is too high",
        "solvers/branching.py",
        "bound = max(node.bound, own_bound)",
        "bound = 1.05 * max(node.bound, own_bound)",
        "local optima",
    ),
    _fault(
        "cover search: nodes closed 5 % early",
        "kernels/cover_bound.py",
        "tree.amount[LIMIT] * (1.0 - _MARGIN)",
        "tree.amount[LIMIT] * 0.95",
        "covers",
    ),
    _fault(
        "cover search: clients decided at half the slack",
        "kernels/cover_tree.py",
        "if abs(tree.reduced[j]) >= slack:",
        "if abs(tree.reduced[j]) >= 0.1 * slack:",
        "covers",
    ),
    _fault(
        "dynamic program of one task: content with nine tenths of the need",
        "kernels/knapsack.py",
        "surplus = offered - need",
        "surplus = offered - 0.9 * need",
        "covers",
    ),
    _fault(
        "levels of relevance: needs rounded up one level too far",
        "kernels/lattice.py",
        "needed[k] = math.ceil(least - doubt)",
        "needed[k] = math.ceil(least - doubt) + 1.0",
        "covers",
    ),
)

_BOUNDS = (
    _fault(
        "a quantised requirement rounded up one step too far",
        "kernels/cell.py",
        "missing = count * step",
        "missing = (count + 1.0) * step",
        "answers",
    ),
    _fault(
        "clients are forced whom a task could do without",
        "kernels/presolve.py",
        "if in_play[i] and row[i] > surplus:",
        "if in_play[i] and row[i] > 0.5 * surplus:",
        "answers",
    ),
    _fault(
        "a longest upload asks for too little bandwidth",
        "kernels/cell.py",
        "floor *= ROUND_UP",
        "floor *= 0.999999",
        "answers",
    ),
    _fault(
        "D counts half of what is saved",
        "kernels/dual.py",
        "            term = cost - worth\n",
        "            term = 0.5 * (cost - worth)\n",
        "answers",
    ),
    _fault(
        "D without its mandatory clients",
        "kernels/dual.py",
        "            cost = costs[i]\n            if objective",
        "            cost = costs[i] if i < cell.free else 0.0\n            if objective",
        "solvers",
    ),
    _fault(
        "a bound of the total that charges the carrier at 99 %",
        "kernels/dual.py",
        "charge = price * cell.total_hz",
        "charge = 0.99 * price * cell.total_hz",
        "answers",
    ),
    _fault(
        "a supported deadline 1e-9 beyond the proof",
        "kernels/dual.py",
        "    return below\n",
        "    return below * (1.0 + 1e-9)\n",
        "answers",
    ),
    _fault(
        "every bound of the relaxation is 0",
        "kernels/relaxation.py",
        "    if bound > state[BOUND] and bound < math.inf:\n",
        "    if bound > 1e300 and bound < math.inf:\n",
        "solvers",
    ),
    _fault(
        "the price search of the relaxation ends with its first step",
        "kernels/relaxation.py",
        "state[PRICE_ROUNDS] >= _MOST_PRICES):",
        "state[PRICE_ROUNDS] >= 1):",
        "solvers",
    ),
    _fault(
        "vertex ascent ends at the first vertex",
        "kernels/vertex.py",
        "        worst = 1e-9\n",
        "        worst = 1e9\n",
        "solvers",
    ),
    _fault(
        "the ADMM's bound is 5 % too high",
        "solvers/admm.py",
        "int(work.state[state.ITERATIONS]), outcome.bound_s",
        "int(work.state[state.ITERATIONS]), 1.05 * outcome.bound_s",
        "answers",
    ),
    _fault(
        "the ADMM says optimal at a gap of 10 %",
        "solvers/admm.py",
        "proven = within_gap(outcome.objective_s, bound, options.gap_tol)",
        "proven = within_gap(outcome.objective_s, bound, 0.1)",
        "answers",
    ),
    _fault(
        "the ADMM reports the latency of another allocation",
        "solvers/admm.py",
        "latency_s=outcome.latency_s,",
        "latency_s=outcome.latency_s * (1.0 - 1e-9),",
        "answers",
    ),
)

_ALLOCATIONS = (
    _fault(
        "the least bandwidth of the Shannon rate 1e-9 too small",
        "kernels/closed_forms.py",
        "    load = payload * LN2\n    tau_low",
        "    load = payload * LN2 * (1.0 - 1e-9)\n    tau_low",
        "closed forms",
    ),
    _fault(
        "roots leave a ten-thousandth of the carrier unused",
        "kernels/roots.py",
        "carrier = cell.total_hz * _ROOM",
        "carrier = cell.total_hz * 0.9999",
        "policies",
    ),
    _fault(
        "the price's root stops at 1e-3",
        "kernels/roots.py",
        "            if demand >= carrier * (1.0 - 8.0 * EPS):\n                break\n",
        "            if demand >= carrier * (1.0 - 1e-3):\n                break\n",
        "policies",
    ),
    _fault(
        "whole blocks rounded down",
        "kernels/blocks.py",
        "np.ceil(bandwidth / block * (1.0 - _ROUNDING))",
        "np.floor(bandwidth / block)",
        "answers",
    ),
    _fault(
        "blocks left over are not handed out",
        "kernels/blocks.py",
        "if left > 0.5 and",
        "if left > 1e9 and",
        "answers",
    ),
    _fault(
        "bandwidths a little more than the carrier",
        "kernels/bandwidths.py",
        "    if exceeds(share, cell.total_hz):\n",
        "    share *= 1.0 + 1e-9\n    if exceeds(share, 2.0 * cell.total_hz):\n",
        "answers",
    ),
)

_CHECKERS = (
    _fault(
        "fedss_opt.check always says ok",
        "checking.py",
        "return all(claim.verdict for claim in self.claims)",
        "return True",
        "checks",
    ),
    _fault(
        "fedss_opt.check does not look at the coverage",
        "checking.py",
        "verdict=bool(served[k]),",
        "verdict=True,",
        "checks",
    ),
    _fault(
        "fedss_opt.check believes a bound without its certificate",
        "checking.py",
        "verdict=proven >= claimed * (1.0 - FIGURE_TOL),",
        "verdict=True,",
        "checks",
    ),
    _fault(
        "fedss_opt.check believes that a problem is infeasible",
        "checking.py",
        "verdict=proven == math.inf, figure=proven",
        "verdict=True, figure=proven",
        "checks",
    ),
    _fault(
        "fedss_opt.check does not look at the gap",
        "checking.py",
        "honest = gap <= gap_tol + 4 * _ULP",
        "honest = True",
        "checks",
    ),
    _fault(
        "fedss-opt check ends with 0 whatever it finds",
        "cli/check.py",
        "return ExitStatus.CHECK_FAILED",
        "return ExitStatus.OK",
        "checks",
    ),
    _fault(
        "a certificate proves whatever price it names",
        "certification.py",
        "    return bound_of_cell(cell, certificate.kind, certificate.price, to_cell_units(cell, multipliers))\n",
        "    return float(certificate.price)\n",
        "checks",
    ),
    _fault(
        "the rigorous check counts clients out of a task's need",
        "verification/dual.py",
        "total += arb(mu) * ball_of(missing)",
        "total += arb(mu) * ball_of(missing) * 2",
        "mutations",
    ),
    _fault(
        "the rigorous check allows 1e-4 to bounds",
        "verification/verdicts.py",
        "figure=2.0**-46, bound=1e-12)",
        "figure=2.0**-46, bound=1e-4)",
        "mutations",
    ),
)

_AROUND = (
    _fault(
        "greedy ignores coverage",
        "solvers/policies/greedy.py",
        "while not (covered := problem.covers(selected)).all():",
        "while (covered := problem.covers(selected)).sum() < min(1, problem.tasks):",
        "policies",
    ),
    _fault(
        "greedy takes its first guess",
        "solvers/policies/greedy.py",
        "            guess = self._cheapest(candidates, theta)\n",
        "            guess = best\n",
        "policies",
    ),
    _fault(
        "best_channel takes the worst first",
        "solvers/policies/ordered.py",
        'order = np.argsort(-channel, kind="stable")',
        'order = np.argsort(channel, kind="stable")',
        "policies",
    ),
    _fault(
        "fedcs forgets that clients compute while others upload",
        "solvers/policies/fedcs.py",
        "if ready and not (next_end < len(ends) and finish[ends[next_end]] < length_s + ready[0][0]):",
        "if ready:",
        "policies",
    ),
    _fault(
        "policies leave mandatory clients out",
        "solvers/policies/covering.py",
        "selected = problem.mandatory.copy()",
        "selected = np.zeros_like(problem.mandatory)",
        "policies",
    ),
    _fault(
        "equal shares beyond the carrier",
        "solvers/policies/split.py",
        "share = np.clip(scale * weights * _MARGIN, least, most)",
        "share = np.clip(scale * weights * 1.001, least, most)",
        "policies",
    ),
    _fault(
        "a batch forgets the clients' weights",
        "batch/compiled.py",
        "weight=read_only(batch.weights)",
        "weight=read_only(np.ones_like(batch.weights))",
        "policies",
    ),
    _fault(
        "rounds: finishing times without the computing",
        "rounds/planning.py",
        "times = problem.compute_s + problem.upload_s(solution.bandwidth_hz)",
        "times = problem.upload_s(solution.bandwidth_hz)",
        "rounds",
    ),
    _fault(
        "rounds: stale reports are used",
        "rounds/stating.py",
        "round_ - found.round > settings.max_age",
        "round_ - found.round > settings.max_age + 1",
        "rounds",
    ),
    _fault(
        "payloads: sizes told without the layers' scales",
        "sharing/payload.py",
        "return (0 if bits == LOSSLESS else 4 * layers) + packed_bytes(kept, bits)",
        "return packed_bytes(kept, bits)",
        "sharing",
    ),
    _fault(
        "payloads: values are rounded down too often",
        "sharing/values.py",
        "rng.random(lower.shape) < probability",
        "rng.random(lower.shape) < 0.5 * probability",
        "sharing",
    ),
    _fault(
        "averages: a task's own clients count half",
        "sharing/aggregation.py",
        "return 1.0 if s == t or q is None else",
        "return 0.5 if s == t or q is None else",
        "sharing",
    ),
    _fault(
        "adaptive: one level too many",
        "sharing/quantisers.py",
        "if codebook.distortion(points, weights=mass) <= accepted_error:",
        "if codebook.distortion(points, weights=mass) <= 0.5 * accepted_error:",
        "sharing",
    ),
)

FAULTS: tuple[Fault, ...] = (*_EXACT, *_BOUNDS, *_ALLOCATIONS, *_CHECKERS, *_AROUND)


def try_faults(faults: Sequence[Fault] = FAULTS, *, workers: int | None = None) -> Iterator[FaultRecord]:
    """Make each fault in a copy of the package, run its groups of claims there, and say which claims noticed.

    Parameters
    ----------
    faults : sequence of Fault
        The faults.
    workers : int, optional
        Copies that are at work together; by default one a processor, and four at most.

    Yields
    ------
    FaultRecord
        One per fault, in their order. What does not hold without any fault is not counted as noticing one.
    """
    count = workers or min(4, os.cpu_count() or 1)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(count) as pool:
        copies: Queue[PackageCopy] = Queue()
        for i in range(count):
            copies.put(PackageCopy(Path(folder) / str(i)))
        kinds = dict.fromkeys(_kind(fault) for fault in faults)
        before = {kind: pool.submit(_on_a_copy, copies, None, kind) for kind in kinds}
        after = [pool.submit(_on_a_copy, copies, fault.change, _kind(fault)) for fault in faults]
        for fault, run in zip(faults, after, strict=True):
            record = FaultRecord(fault=fault)
            try:
                found, record.seconds = run.result()
                fresh = dict(sorted(found - before[_kind(fault)].result()[0]))
                record.by = [f"{claim} ({where})" for claim, where in fresh.items()]
            except (ChangeError, RuntimeError, subprocess.TimeoutExpired) as error:
                record.error = f"{type(error).__name__}: {error}"
            yield record


def _kind(fault: Fault) -> Kind:
    return fault.groups, not fault.change.in_kernels


def _on_a_copy(copies: Queue[PackageCopy], change: Change | None, kind: Kind) -> tuple[set[tuple[str, str]], float]:
    """Return what does not hold on a copy with a change in it, and the seconds that it took to find out."""
    started, copy = perf_counter(), copies.get()
    try:
        with copy.changed(*([] if change is None else [change])):
            found = _violations(copy, *kind)
    finally:
        copies.put(copy)
    return found, perf_counter() - started


def _violations(copy: PackageCopy, groups: tuple[str, ...], jit: bool) -> set[tuple[str, str]]:
    asked = ["-W", "ignore", "-m", "fedss_opt.verification.fault_claims", *groups]
    done = copy.run(asked, jit=jit, timeout_s=_TIME_LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return {(claim, where) for claim, where in json.loads(done.stdout.splitlines()[-1])}
