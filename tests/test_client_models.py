"""Client models: what they promise of rates, and that a new one is a file and a row in the table of fields."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedss_opt
from fedss_opt.client_models import MODELS

PACKAGE = Path(fedss_opt.__file__).parent

POWER = '''
"""A toy: the rate ``e b^(3/4)``."""

import math

import numpy as np

from .model import ClientModel, ClosedForms


def least_bandwidth(payload, factor, start, deadline):
    tau = deadline - start
    if not tau > 0.0:
        return math.inf, 0.0
    if tau == math.inf:
        return 0.0, 0.0
    bandwidth = (payload / (factor * tau)) ** (4.0 / 3.0)
    return bandwidth, -4.0 / 3.0 * bandwidth / tau


def best_bandwidth(payload, factor, weight, price):
    bandwidth = (0.75 * weight * payload / (factor * price)) ** (4.0 / 7.0)
    return bandwidth, -4.0 / 7.0 * bandwidth / price


def upload_time(payload, factor, bandwidth):
    return payload / (factor * bandwidth**0.75) if bandwidth > 0.0 else math.inf


def marginal_time(payload, factor, bandwidth):
    return 0.75 * payload / (factor * bandwidth**1.75)


def is_accurate(payload, factor, weight, price):
    return True


MODEL = ClientModel(
    name="power",
    link="power_factor",
    rate_bps=lambda factor, b: factor * b**0.75,
    rate_slope=lambda factor, b: 0.75 * factor * b**-0.25,
    bandwidth_for_rate=lambda factor, rate: (rate / factor) ** (4.0 / 3.0),
    closed_forms=lambda: ClosedForms(least_bandwidth, best_bandwidth, upload_time, marginal_time, is_accurate),
)
'''
ROW = """    Field(
        name="power_factor",
        shape="clients",
        model="power",
        domain=Domain(unit="bit/s/Hz^0.75", positive=True),
        meaning="Instead of cn0_hz: the rate on b Hz is power_factor times b^0.75.",
    ),
"""

SOLVE = """
import itertools, json, sys
import numpy as np
import fedss_opt as fo
from fedss_opt.verification import verify_solution

problem = fo.Problem(payload_bits=[1e6, 2e6, 1.5e6, 3e6, 1e6], power_factor=[60.0, 80.0, 50.0, 90.0, 70.0],
    bandwidth_hz=1e6, compute_s=[0.1, 0.0, 0.2, 0.0, 0.3], relevance=[[1.0, 2.0, 1.0, 2.0, 1.0]], required=[4.0],
    objective=sys.argv[1])
again = fo.Problem.from_dict(json.loads(json.dumps(problem.to_dict())))
assert again == problem and problem.rate_model == "power", problem
assert np.allclose(problem.rate_bps(1e4), problem.power_factor * 1e3)
answers = {method: fo.solve(again, method) for method in ("admm", "exact")}
for answer in answers.values():
    report = fo.check(problem, answer)
    assert report.ok, report
    assert answer.lower_bound_s <= answers["exact"].objective_s <= answer.objective_s * (1.0 + 1e-12)
assert answers["exact"].status == "optimal"
best = min(
    fo.solve(problem.replace(mandatory=some, available=some)).objective_s
    for some in map(np.array, itertools.product([False, True], repeat=5)) if problem.covers(some).all()
)
assert abs(answers["exact"].objective_s / best - 1.0) < 1e-8, (answers, best)
with open(sys.argv[2] + ".csv", "w") as file:
    file.write("payload_bits,power_factor,compute_s\\n1e6,60,0.1\\n2e6,80,0\\n")
table = fo.load_table(sys.argv[2] + ".csv", bandwidth_hz="1MHz")
assert table.rate_model == "power" and table.power_factor.tolist() == [60.0, 80.0]
batch = fo.solve_batch([problem, problem.replace(bandwidth_hz=2e6)])
assert batch[0].objective_s == answers["admm"].objective_s
problem.save(sys.argv[2])
answers["exact"].save(sys.argv[2] + ".answer.json")
try:
    verify_solution(problem, answers["admm"])
except (fo.OptionError, fo.MissingDependencyError) as error:
    assert "'power' has no ball arithmetic" in str(error) or "python-flint" in str(error), error
else:
    raise AssertionError("what balls do not know was verified by them")
"""


ROUNDS = """
import sys
import fedss_opt as fo

allocator = fo.RoundAllocator(bandwidth_hz=1e6, tasks={"speech": 0.6})
for name, factor in (("ann", 60.0), ("bob", 80.0), ("eve", 50.0)):
    allocator.update(name, power_factor=factor, payload_bits=1e6, tasks={"speech": 1.0})
plan = allocator.allocate(1)
assert plan.problem.rate_model == "power" and plan.clients == ("ann", "bob"), plan.to_dict()
assert fo.check(plan.problem, plan.solution).ok
for name, factor in (("ann", 60.0), ("bob", 80.0)):
    assert abs(1e6 / (factor * plan.bandwidth_hz[name] ** 0.75) / plan.finish_s[name] - 1.0) < 1e-9
allocator.save(sys.argv[1])
loaded = fo.RoundAllocator.load(sys.argv[1])
loaded.update("ann", power_factor=1.0)
assert loaded.allocate(2).clients == ("bob", "eve") and allocator.allocate(2).clients == ("ann", "bob")
for report, kind, text in (
    ({"cn0_hz": 1e7}, fo.ProblemError, "cn0_hz given, but other clients report power_factor"),
    ({"power": 1.0}, TypeError, "unexpected keyword argument 'power'"),
):
    try:
        loaded.update("joe", payload_bits=1e6, **report)
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(report)
loaded.update("kim", payload_bits=1e6, tasks={})
assert "has not reported cn0_hz or spectral_efficiency or power_factor" in loaded.allocate(3).message
"""


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
def test_what_a_model_says_of_its_rate_fits_together(model) -> None:
    rng = np.random.default_rng(0)
    link, b = 10.0 ** rng.uniform(0.0, 8.0, 500), 10.0 ** rng.uniform(2.0, 8.0, 500)
    rate = model.rate_bps(link, b)
    assert (model.rate_bps(link, np.zeros(500)) == 0.0).all()
    # Central differences of step h are off by h^2, and by eps / h for their rounding.
    slope = (model.rate_bps(link, b * (1 + 1e-5)) - model.rate_bps(link, b * (1 - 1e-5))) / (2e-5 * b)
    assert np.allclose(model.rate_slope(link, b), slope, rtol=1e-4, atol=1e-9 * (rate / b).max())
    found = model.bandwidth_for_rate(link, rate)
    assert np.allclose(model.rate_bps(link, np.where(found > 0.0, found, b)), rate, rtol=1e-6)
    forms = model.closed_forms()
    for n in range(20):
        time = forms.upload_time(1e6, link[n], b[n])
        assert time == pytest.approx(1e6 / rate[n], rel=1e-12)
        width, _ = forms.least_bandwidth(1e6, link[n], 0.0, time)
        assert model.rate_bps(link[n : n + 1], np.array([width]))[0] == pytest.approx(rate[n], rel=1e-8)
        assert forms.marginal_time(1e6, link[n], b[n]) == pytest.approx(
            1e6 / rate[n] ** 2 * model.rate_slope(link[n : n + 1], b[n : n + 1])[0], rel=2e-4
        )


@pytest.fixture(scope="module")
def with_a_model(tmp_path_factory) -> Path:
    """A copy of the package with one more client model: its file, and its row."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, copy / "fedss_opt", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "fedss_opt" / "client_models" / "power.py").write_text(POWER)
    fields = copy / "fedss_opt" / "fields.py"
    head = '    Field(\n        name="compute_s"'
    text = fields.read_text()
    assert text.count(head) == 1
    text = text.replace(head, ROW + head)
    fields.write_text(text)
    return copy


def how_to_run(package: Path) -> dict[str, Any]:
    """Return options of `subprocess.run` for another copy of the package, its kernels as plain Python."""
    environment = os.environ | {"PYTHONPATH": str(package), "NUMBA_DISABLE_JIT": "1"}
    return {"env": environment, "cwd": package, "capture_output": True, "text": True, "timeout": 300}


@pytest.mark.parametrize("objective", ["makespan", "total"])
def test_a_model_is_its_file_and_its_row(with_a_model: Path, tmp_path: Path, objective: str) -> None:
    """Solved certified and exact, checked, through Python, JSON and the command line; kernels as plain Python."""
    run = how_to_run(with_a_model)
    file = str(tmp_path / "problem.json")
    solved = subprocess.run([sys.executable, "-c", SOLVE, objective, file], check=False, **run)
    assert solved.returncode == 0, solved.stderr
    command = [sys.executable, "-m", "fedss_opt.cli", "solve", file, "--method", "exact", "--format", "json"]
    told = subprocess.run(command, check=False, **run)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["status"] == "optimal"
    command = [sys.executable, "-m", "fedss_opt.cli", "check", file, file + ".answer.json", "--format", "json"]
    checked = subprocess.run(command, check=False, **run)
    assert checked.returncode == 0, (checked.stdout, checked.stderr)


def test_a_model_s_clients_report_to_an_allocator(with_a_model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ROUNDS, str(tmp_path / "allocator.json")]
    played = subprocess.run(command, check=False, **how_to_run(with_a_model))
    assert played.returncode == 0, played.stderr
