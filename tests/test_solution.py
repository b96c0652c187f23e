"""What a Solution is made of: plain figures and arrays of one kind, or an error that names the field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo


def solution(**changes: Any) -> fo.Solution:
    fields: dict[str, Any] = {
        "status": fo.Status.FEASIBLE,
        "stop_reason": fo.StopReason.COMPLETED,
        "selected": np.array([True, False]),
        "bandwidth_hz": np.array([1e6, 0.0]),
        "latency_s": 1.0,
        "objective_s": 1.0,
        "lower_bound_s": math.nan,
        "certificate": None,
        "method": "by hand",
    }
    return fo.Solution(**(fields | changes))


def test_what_means_the_same_becomes_the_same() -> None:
    made = solution(
        status="optimal",
        stop_reason="gap",
        selected=[1, 0],
        bandwidth_hz=[10**6, 0],
        latency_s=1,
        objective_s=np.float32(1.0),
        lower_bound_s=np.int8(1),
    )
    assert made.status is fo.Status.OPTIMAL
    assert made.stop_reason is fo.StopReason.GAP
    assert (made.selected.dtype, made.bandwidth_hz.dtype) == (np.bool_, np.float64)
    figures = (made.latency_s, made.objective_s, made.lower_bound_s)
    assert figures == (1.0, 1.0, 1.0)
    assert {type(figure) for figure in figures} == {float}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"status": "best"}, "status = 'best': must be one of 'optimal', 'feasible', 'infeasible', 'unknown'"),
        ({"status": None}, "status = None: must be one of"),
        ({"stop_reason": 3}, "stop_reason = 3: must be one of 'gap', "),
        ({"selected": ["a", "b"]}, "selected[0] = 'a': must be true or false"),
        ({"selected": [0.5, 1.0]}, "selected[0] = 0.5: must be true or false"),
        ({"selected": True}, "selected: has shape (); give one value per client"),
        ({"selected": None}, "selected: has shape ()"),
        ({"bandwidth_hz": ["1", "2"]}, "bandwidth_hz[0] = '1': not a number"),
        ({"bandwidth_hz": [None, 1.0]}, "bandwidth_hz[0] = None: not a number"),
        ({"latency_s": None}, "latency_s = None: must be a number"),
        ({"objective_s": "1"}, "objective_s = '1': must be a number"),
        ({"lower_bound_s": True}, "lower_bound_s = True: must be a number"),
        ({"certificate": 1.0}, "certificate: a float; must be a Certificate, or None"),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(fo.ProblemError) as caught:
        solution(**wrong)
    assert str(caught.value).startswith(message)


def test_a_status_by_its_name_is_judged_like_the_status() -> None:
    """An answer that calls itself "optimal" beside a bound of 0 used to pass the check."""
    problem = fo.Problem(payload_bits=1e6, spectral_efficiency=[1.0, 2.0], bandwidth_hz=1e6)
    report = fo.check(problem, solution(status="optimal", lower_bound_s=0.0))
    assert [claim.name for claim in report.failed] == ["status"]
