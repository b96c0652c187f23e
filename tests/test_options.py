"""The options of `solve`: each refused value says what would be accepted, before any method runs."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

import fedss_opt as fo
from fedss_opt.solvers import METHODS, Options, Progress


def problem() -> fo.Problem:
    return fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=1e7, bandwidth_hz=1e6)


REFUSED = [
    ("gap_tol", -1e-9, "gap_tol = -1e-09: must be a finite number >= 0"),
    ("gap_tol", math.nan, "gap_tol = nan: must be a finite number >= 0"),
    ("gap_tol", math.inf, "gap_tol = inf: must be a finite number >= 0"),
    ("gap_tol", "1e-4", "gap_tol = '1e-4': must be a finite number >= 0"),
    ("gap_tol", None, "gap_tol = None: must be a finite number >= 0"),
    ("gap_tol", 1j, "gap_tol = 1j: must be a finite number >= 0"),
    ("time_limit_s", -1.0, "time_limit_s = -1.0: must be a number of seconds >= 0, or None"),
    ("time_limit_s", math.nan, "time_limit_s = nan: must be a number of seconds >= 0, or None"),
    ("time_limit_s", "1", "time_limit_s = '1': must be a number of seconds >= 0, or None"),
    ("max_iterations", -1, "max_iterations = -1: must be an integer >= 0, or None"),
    ("max_iterations", 1.0, "max_iterations = 1.0: must be an integer >= 0, or None"),
    ("max_iterations", "1", "max_iterations = '1': must be an integer >= 0, or None"),
    ("warm_start", [True, False], "warm_start: a list; must be a Solution, or None"),
    ("callback", 1, "callback: must be callable with a Progress, or None"),
    ("seed", -1, "seed = -1: must be an integer >= 0, or None"),
    ("seed", 0.5, "seed = 0.5: must be an integer >= 0, or None"),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED)
def test_refused_options_say_what_is_accepted(name: str, value: object, message: str) -> None:
    with pytest.raises(fo.OptionError) as caught:
        Options(**{name: value})
    assert str(caught.value) == message
    with pytest.raises(fo.OptionError, match=re.escape(message)):
        fo.solve(problem(), **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gap_tol", 0),
        ("gap_tol", 0.5),
        ("time_limit_s", 0),
        ("time_limit_s", math.inf),
        ("time_limit_s", None),
        ("max_iterations", 0),
        ("max_iterations", None),
        ("seed", 0),
        ("seed", 2**64),
        ("callback", print),
    ],
)
def test_accepted_options(name: str, value: object) -> None:
    assert getattr(Options(**{name: value}), name) == value


def test_unknown_methods_and_foreign_problems() -> None:
    with pytest.raises(fo.OptionError, match=r"method = 'simplex': must be one of 'admm', ") as caught:
        fo.solve(problem(), "simplex")
    assert all(repr(name) in str(caught.value) for name in METHODS)
    with pytest.raises(fo.OptionError, match=r"problem: a dict; must be a fedss_opt\.Problem"):
        fo.solve({"payload_bits": 1.0})


def test_a_deadline_is_relative_to_the_start() -> None:
    assert Options(time_limit_s=2.5).deadline(10.0) == 12.5
    assert Options().deadline(10.0) == math.inf
    assert Options.now() <= Options.now()


def test_options_and_progress_do_not_change() -> None:
    progress = Progress(iteration=1, elapsed_s=0.1, objective_s=2.0, lower_bound_s=1.0)
    assert math.isnan(progress.primal_residual)
    assert math.isnan(progress.dual_residual)
    for thing, field in ((Options(), "gap_tol"), (progress, "iteration")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, field, 0)
