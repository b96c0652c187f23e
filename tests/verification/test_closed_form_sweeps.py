"""Sweeps over the closed forms: the package's pass, planted faults do not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import lambertw

from fedss_opt.verification.closed_form_sweeps import REGIONS, package_forms, sweep_all
from fedss_opt.verification.convex_blocks import convex_blocks, package_step


def violated(forms) -> set[str]:
    return {f"{sweep.form}: {sweep.region}" for sweep in sweep_all(24, forms=forms) if not sweep.holds}


def planted(model: str, **forms):
    """The package's forms, some of a model replaced."""
    package = package_forms()
    return {**package, model: replace(package[model], **forms)}


def test_the_package_passes():
    sweeps = list(sweep_all(40))
    assert [sweep for sweep in sweeps if not sweep.holds] == []
    assert len([sweep for sweep in sweeps if sweep.form == "least bandwidth, Shannon"]) == len(REGIONS) + 1
    assert all(len(sweep.points) > 0 for sweep in sweeps)


def textbook(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
    """The least bandwidth as the literature writes it, through Lambert's W in doubles."""
    value, slope = package_forms()["shannon"].least_bandwidth(payload, cn0, start, deadline)
    tau = deadline - start
    gauge = payload * math.log(2.0) / (cn0 * tau)
    if gauge >= 1.0:
        return math.inf, 0.0
    w = lambertw(-gauge * math.exp(-gauge), -1).real
    textbook = -payload * math.log(2.0) / tau / (w + gauge) if w + gauge != 0.0 else math.inf
    return (textbook, slope) if math.isfinite(value) else (value, slope)


def test_the_textbook_formula_fails_near_the_edge_of_reach():
    found = violated(planted("shannon", least_bandwidth=textbook))
    assert "least bandwidth, Shannon: 1-G in 1e-8..1e-4" in found
    assert "least bandwidth, Shannon: 1-G in 1e-12..1e-8" in found


def scaled(form, factor: float, slope: float = 1.0):
    def faulty(*arguments: float) -> tuple[float, float]:
        value, derivative = form(*arguments)
        return value * factor, derivative * slope

    return faulty


@pytest.mark.parametrize("model", ["shannon", "flat"])
@pytest.mark.parametrize("name", ["least_bandwidth", "best_bandwidth"])
def test_planted_faults_in_value_and_slope_are_caught(model, name):
    form = getattr(package_forms()[model], name)
    assert violated(planted(model, **{name: scaled(form, 1.0 + 1e-14)}))
    assert violated(planted(model, **{name: scaled(form, 1.0, 1.0 + 1e-12)}))


@pytest.mark.parametrize("model", ["shannon", "flat"])
def test_planted_faults_in_times_are_caught(model):
    form = package_forms()[model].upload_time
    assert violated(planted(model, upload_time=lambda *given: form(*given) * (1.0 + 1e-14)))


def test_a_wrong_answer_on_feasibility_is_caught():
    form = package_forms()["shannon"].least_bandwidth

    def generous(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
        value, slope = form(payload, cn0, start, deadline)
        return (1e9, -1.0) if value == math.inf else (value, slope)

    def absent(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
        return math.nan, math.nan

    assert any("G = 1" in name for name in violated(planted("shannon", least_bandwidth=generous)))
    assert violated(planted("shannon", least_bandwidth=absent))


def test_the_blocks_of_the_admm_pass_and_planted_faults_do_not(warm):
    pytest.importorskip("cvxpy")
    step = package_step()
    assert all(record.result == "holds" for record in convex_blocks(3))

    def unclipped(relevance, cost, rho, v, nu):
        a, after, multipliers = step(relevance, cost, rho, v, nu)
        return a + 1e-4, after, multipliers

    def unprojected(relevance, cost, rho, v, nu):
        a, after, multipliers = step(relevance, cost, rho, v, nu)
        return a, after, np.maximum(multipliers - 1e-3, 0.0)

    names = [[r.name for r in convex_blocks(4, step=s) if r.violated] for s in (unclipped, unprojected)]
    assert names[0] == ["selection: the clipped step as CVXPY"]
    assert names[1] == ["coverage: the projection as CVXPY"]
