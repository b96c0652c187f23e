"""Sweeps over the closed forms: the package's pass, planted faults do not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import lambertw

from fedss_opt.verification.closed_form_sweeps import REGIONS, sweep_all
from fedss_opt.verification.convex_blocks import convex_blocks, package_step
from fedss_opt.verification.measurements import package_forms


def violated(forms) -> set[str]:
    return {f"{sweep.form}: {sweep.region}" for sweep in sweep_all(24, forms=forms) if not sweep.holds}


def test_the_package_passes():
    sweeps = list(sweep_all(40))
    assert [sweep for sweep in sweeps if not sweep.holds] == []
    assert len([sweep for sweep in sweeps if sweep.form == "least bandwidth, Shannon"]) == len(REGIONS) + 1
    assert all(len(sweep.points) > 0 for sweep in sweeps)


def textbook(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
    """The least bandwidth as the literature writes it, through Lambert's W in doubles."""
    value, slope = package_forms().least_shannon(payload, cn0, start, deadline)
    tau = deadline - start
    gauge = payload * math.log(2.0) / (cn0 * tau)
    if gauge >= 1.0:
        return math.inf, 0.0
    w = lambertw(-gauge * math.exp(-gauge), -1).real
    textbook = -payload * math.log(2.0) / tau / (w + gauge) if w + gauge != 0.0 else math.inf
    return (textbook, slope) if math.isfinite(value) else (value, slope)


def test_the_textbook_formula_fails_near_the_edge_of_reach():
    found = violated(replace(package_forms(), least_shannon=textbook))
    assert "least bandwidth, Shannon: 1-G in 1e-8..1e-4" in found
    assert "least bandwidth, Shannon: 1-G in 1e-12..1e-8" in found


def scaled(form, factor: float, slope: float = 1.0):
    def planted(*arguments: float) -> tuple[float, float]:
        value, derivative = form(*arguments)
        return value * factor, derivative * slope

    return planted


@pytest.mark.parametrize("name", ["least_shannon", "least_flat", "price_shannon", "price_flat"])
def test_planted_faults_in_value_and_slope_are_caught(name):
    forms = package_forms()
    form = getattr(forms, name)
    assert violated(replace(forms, **{name: scaled(form, 1.0 + 1e-14)}))
    assert violated(replace(forms, **{name: scaled(form, 1.0, 1.0 + 1e-12)}))


@pytest.mark.parametrize("name", ["time_shannon", "time_flat"])
def test_planted_faults_in_times_are_caught(name):
    forms = package_forms()
    form = getattr(forms, name)
    assert violated(replace(forms, **{name: lambda *given: form(*given) * (1.0 + 1e-14)}))


def test_a_wrong_answer_on_feasibility_is_caught():
    forms = package_forms()

    def generous(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
        value, slope = forms.least_shannon(payload, cn0, start, deadline)
        return (1e9, -1.0) if value == math.inf else (value, slope)

    def absent(payload: float, cn0: float, start: float, deadline: float) -> tuple[float, float]:
        return math.nan, math.nan

    assert any("G = 1" in name for name in violated(replace(forms, least_shannon=generous)))
    assert violated(replace(forms, least_shannon=absent))


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
