"""The problem as SCIP reads it: a mixed-integer nonlinear program, solved to global optimality (extra ``scip``)."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np

from ..exceptions import MissingDependencyError
from ..problem import Objective, Problem
from .block_tables import BlockTable
from .enumeration import ReferenceAnswer
from .plain_bandwidths import least_bandwidths, selection_value

__all__ = ["scip"]


def scip(problem: Problem, *, time_limit_s: float = 20.0) -> ReferenceAnswer:
    """Solve by SCIP.

    Units are chosen so that SCIP's absolute tolerance of 1e-6 is a relative one: the carrier is 1, and so is the
    time that a client of median size takes on an even share. Beyond the time limit the answer is not finished and has
    SCIP's own bound.
    """
    try:
        module = import_module("pyscipopt")
    except ImportError:
        raise MissingDependencyError(
            'SCIP is asked through pyscipopt; install it with: pip install "fedss-opt[scip]"'
        ) from None
    n, nobody = problem.n_clients, np.zeros(problem.n_clients, dtype=bool)
    model = module.Model()
    model.hideOutput()
    model.setParam("limits/time", time_limit_s)
    model.setParam("parallel/maxnthreads", 1)
    band = problem.bandwidth_hz
    block = problem.resource_block_hz
    table = None if block is None else BlockTable(problem)
    floor = least_bandwidths(problem, math.inf) if table is None else table.least_counts() * (block or 0.0)
    unit = float(np.median(problem.upload_s(band / n))) if n else 1.0
    able = problem.available & np.isfinite(floor)
    if (problem.mandatory & ~able).any():
        return ReferenceAnswer(value=math.inf, bound=math.inf, selected=nobody)
    chosen = [model.addVar(vtype="B", lb=float(problem.mandatory[i]), ub=float(able[i])) for i in range(n)]
    share = [model.addVar(lb=0.0, ub=min(1.0, problem.max_bandwidth_hz[i] / band)) for i in range(n)]
    if table is None:
        model.addCons(module.quicksum(share) <= 1.0)
    else:
        most = np.where(np.isfinite(table.cost), np.arange(table.blocks + 1), 0).max(axis=1)
        whole = [model.addVar(vtype="I", lb=0.0, ub=float(m)) for m in most]
        model.addCons(module.quicksum(whole) <= float(table.blocks))
        for i in range(n):
            model.addCons(share[i] == float((block or 0.0) / band) * whole[i])
    for k in range(problem.n_tasks):
        size = float(problem.relevance[k].max()) or 1.0
        offer = module.quicksum(float(problem.relevance[k, i] / size) * chosen[i] for i in range(n))
        model.addCons(offer >= float(problem.coverage_target[k] / size))
    makespan = problem.objective is Objective.MAKESPAN
    deadline = model.addVar(lb=0.0) if makespan else None
    costs = []
    for i in range(n):
        if not able[i]:
            continue
        model.addCons(share[i] >= float(floor[i] / band) * chosen[i])
        # speed: uploads per unit of time. A client that is left out has a share of 0 and needs no speed.
        speed = model.addVar(lb=0.0)
        if problem.spectral_efficiency is not None:
            model.addCons(
                speed <= float(problem.spectral_efficiency[i] * band * unit / problem.payload_bits[i]) * share[i]
            )
        else:
            assert problem.cn0_hz is not None
            factor = float(band * unit / (problem.payload_bits[i] * math.log(2.0)))
            x = float(problem.cn0_hz[i] / band)
            tiny = 1e-9
            model.addCons(speed <= factor * share[i] * module.log(1.0 + x / (share[i] + tiny)))
        wait = float(problem.compute_s[i] / unit)
        if deadline is not None:
            slack = model.addVar(lb=0.0)
            model.addCons(slack <= deadline - wait * chosen[i])
            model.addCons(speed * slack >= chosen[i])
        else:
            time = model.addVar(lb=0.0)
            model.addCons(speed * time >= chosen[i])
            costs.append(float(problem.weights[i]) * (time + wait * chosen[i]))
    model.setObjective(deadline if deadline is not None else module.quicksum(costs), "minimize")
    model.optimize()
    status = model.getStatus()
    if status == "infeasible":
        return ReferenceAnswer(value=math.inf, bound=math.inf, selected=nobody)
    bound = float(model.getDualbound()) * unit
    if model.getNSols() == 0:
        return ReferenceAnswer(value=math.inf, bound=bound, selected=nobody, finished=False)
    found = np.array([model.getVal(a) > 0.5 for a in chosen], dtype=bool)
    # Its selection is believed only as far as the data allow; its figure is recomputed.
    value = selection_value(problem, found) if problem.covers(found).all() else math.nan
    return ReferenceAnswer(value=value, bound=bound, selected=found, finished=status == "optimal")
