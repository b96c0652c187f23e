"""The options of `solve`: each refused value says what would be accepted, before any method runs."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.kernels import jit
from fedss_opt.kernels.closed_forms import upload_time
from fedss_opt.solvers import METHODS, Options, Progress


def problem() -> fo.Problem:
    return fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=1e7, bandwidth_hz=1e6)


REFUSED = [
    ("gap_tol", -1e-9, "gap_tol = -1e-09: must be a finite number >= 0"),
    ("gap_tol", math.nan, "gap_tol = nan: must be a finite number >= 0"),
    ("gap_tol", math.inf, "gap_tol = inf: must be a finite number >= 0"),
    ("gap_tol", "1e-4", "gap_tol = '1e-4': must be a finite number >= 0"),
    ("gap_tol", 1j, "gap_tol = 1j: must be a finite number >= 0"),
    ("time_limit_s", -1.0, "time_limit_s = -1.0: must be a number of seconds >= 0, or None"),
    ("time_limit_s", math.nan, "time_limit_s = nan: must be a number of seconds >= 0, or None"),
    ("time_limit_s", "1", "time_limit_s = '1': must be a number of seconds >= 0, or None"),
    ("max_iterations", -1, "max_iterations = -1: must be an integer from 0 to 9223372036854775807, or None"),
    ("max_iterations", 1.0, "max_iterations = 1.0: must be an integer from 0 to 9223372036854775807, or None"),
    ("max_iterations", "1", "max_iterations = '1': must be an integer from 0 to 9223372036854775807, or None"),
    ("max_iterations", 2**63, f"max_iterations = {2**63}: must be an integer from 0 to {2**63 - 1}, or None"),
    ("max_iterations", True, f"max_iterations = True: must be an integer from 0 to {2**63 - 1}, or None"),
    ("gap_tol", True, "gap_tol = True: must be a finite number >= 0"),
    ("gap_tol", 10**400, f"gap_tol = 1{'0' * 39}...{'0' * 10}: must be a finite number >= 0"),
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
        ("max_iterations", 2**63 - 1),
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


FORMS = [0, np.float32(0.5), np.float16(0.5), np.int8(1), np.uint64(3), np.longdouble(0.25)]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_numbers_of_any_kind_become_plain_ones(form: object) -> None:
    options = Options(gap_tol=form, time_limit_s=form)
    assert (type(options.gap_tol), type(options.time_limit_s)) == (float, float)
    assert options.gap_tol == options.time_limit_s == form
    if isinstance(form, (int, np.integer)):
        options = Options(max_iterations=form, seed=form)
        assert (type(options.max_iterations), type(options.seed)) == (int, int)
        assert options.max_iterations == options.seed == form
    assert Options(time_limit_s=10**400).time_limit_s == math.inf


@pytest.mark.skipif(not hasattr(upload_time, "py_func"), reason="NUMBA_DISABLE_JIT leaves nothing to compile")
def test_no_form_of_an_option_compiles_anything_anew() -> None:
    """A kernel is compiled for types: another type of number or array is eight seconds and more of compiling."""

    def signatures() -> dict[str, int]:
        return {str(kernel.py_func): len(kernel.signatures) for kernel in jit._dispatchers}

    small = problem().replace(relevance=[[1.0, 2.0]], required=[2.0])
    batch = [small, small]
    for method in ("admm", "exact"):
        answer = fo.solve(small, method, gap_tol=1e-4, time_limit_s=600.0, max_iterations=100, seed=1)
        fo.solve(small, method, warm_start=answer)
        fo.check(small, answer)
    fo.solve_batch(batch)
    before = signatures()
    frozen = answer.selected.copy()
    frozen.flags.writeable = False
    starts = [
        dataclasses.replace(answer, selected=answer.selected[::-1]),
        dataclasses.replace(answer, selected=frozen, bandwidth_hz=answer.bandwidth_hz.astype(np.float32)),
        dataclasses.replace(answer, selected=answer.selected.tolist()),
        dataclasses.replace(
            answer,
            certificate=dataclasses.replace(
                answer.certificate, price=np.float32(answer.certificate.price), multipliers=[1]
            ),
        ),
    ]
    for start in starts:
        fo.solve(small, warm_start=start)
        fo.check(small, start)
    for form in FORMS:
        for method in ("admm", "exact"):
            fo.solve(small, method, gap_tol=form, time_limit_s=600 * np.int16(1))
        fo.solve_batch(batch, gap_tol=form)
        fo.check(small, answer, gap_tol=form)
    for limit in (5, np.int8(5), np.uint64(5)):
        fo.solve(small, max_iterations=limit, seed=limit)
        fo.solve_batch(batch, max_iterations=limit)
    assert signatures() == before
