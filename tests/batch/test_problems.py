"""A batch is its problems: what goes in comes out, and one that is bad is the only one."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt import Problem, ProblemBatch, ProblemError

from ..strategies import problems
from .cells import mixed_batch


def _arrays(**changes: Any) -> dict[str, Any]:
    """Three problems of 2, 0 and 3 clients, with 1, 0 and 2 tasks."""
    fields: dict[str, Any] = {
        "offsets": [0, 2, 2, 5],
        "task_offsets": [0, 1, 1, 3],
        "payload_bits": [1e6, 2e6, 3e6, 4e6, 5e6],
        "cn0_hz": [1e7, 2e7, 3e7, 4e7, 5e7],
        "bandwidth_hz": [1e6, 2e6, 3e6],
        "relevance": [1.0, 0.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "required": [1.0, 0.2, 0.3],
    }
    return fields | changes


@given(st.lists(problems(), max_size=6))
def test_problems_come_out_as_they_went_in(several: list[Problem]) -> None:
    batch = ProblemBatch.from_problems(several)
    assert list(batch) == several
    assert list(pickle.loads(pickle.dumps(batch))) == several
    assert list(batch[1:3]) == several[1:3]
    assert list(batch[1:][1:]) == several[2:]


@given(st.lists(problems(min_clients=1), min_size=1, max_size=6))
def test_the_arrays_of_a_batch_make_the_same_batch(several: list[Problem]) -> None:
    batch = ProblemBatch.from_problems([p.replace(client_ids=None) for p in several])
    names = ("payload_bits", "compute_s", "max_upload_s", "min_bandwidth_hz", "max_bandwidth_hz", "weights")
    more = ("mandatory", "available", "bandwidth_hz", "resource_block_hz", "relevance", "required", "objective")
    rates = ("cn0_hz", "spectral_efficiency", "offsets", "task_offsets")
    again = ProblemBatch(**{name: getattr(batch, name) for name in (*names, *more, *rates)})
    assert again.errors == {}
    assert list(again) == list(batch)


def test_a_problem_is_its_piece_of_the_arrays() -> None:
    batch = ProblemBatch(**_arrays())
    assert len(batch) == 3
    assert batch.errors == {}
    expected = Problem(
        payload_bits=[3e6, 4e6, 5e6],
        cn0_hz=[3e7, 4e7, 5e7],
        bandwidth_hz=3e6,
        relevance=[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
        required=[0.2, 0.3],
    )
    assert batch[2] == batch[-1] == expected
    assert batch[1].n_clients == 0


def test_arrays_of_equal_problems_may_be_given_in_their_own_shape() -> None:
    rng = np.random.default_rng(0)
    relevance = rng.random((4, 2, 3))
    batch = ProblemBatch(
        offsets=np.arange(5) * 3,
        task_offsets=np.arange(5) * 2,
        payload_bits=rng.random((4, 3)) + 1.0,
        spectral_efficiency=1.0,
        bandwidth_hz=1.0,
        relevance=relevance,
        required=relevance.sum(axis=2) / 2,
        mandatory=np.zeros((4, 3), dtype=bool),
    )
    assert (batch[3].relevance == relevance[3]).all()


@pytest.mark.parametrize(
    ("changes", "bad", "words"),
    [
        ({"payload_bits": [1e6, 2e6, 3e6, np.nan, 5e6]}, 2, "payload_bits[1] = nan"),
        ({"payload_bits": [0.0, 2e6, 3e6, 4e6, 5e6]}, 0, "payload_bits[0] = 0.0"),
        ({"cn0_hz": [1e7, np.inf, 1e7, 1e7, 1e7]}, 0, "cn0_hz[1] = inf"),
        ({"bandwidth_hz": [1e6, -1.0, 1e6]}, 1, "bandwidth_hz = -1.0"),
        ({"resource_block_hz": [np.nan, 0.0, 1e5]}, 1, "resource_block_hz = 0.0"),
        ({"resource_block_hz": [np.nan, 1e-6, 1e5]}, 1, "resource_block_hz = 1e-06: makes 2e+12 blocks of"),
        ({"objective": ["makespan", "latency, whatever that is", "total"]}, 1, "objective = 'latency, "),
        ({"relevance": [1.0, 0.5, 0.1, 0.2, 0.3, 0.4, 0.5, -0.6]}, 2, "relevance[1, 2] = -0.6"),
        ({"required": [1.0, 0.2, np.inf]}, 2, "required[1] = inf"),
        ({"required": [1e-40, 0.2, 0.3]}, 0, "required[0] = 1e-40"),
        ({"max_upload_s": [np.inf, 1.0, 1.0, 0.0, 1.0]}, 2, "max_upload_s[1] = 0.0"),
        (
            {"min_bandwidth_hz": 2.0, "max_bandwidth_hz": [3.0, 3.0, 1.0, 3.0, 3.0]},
            2,
            "min_bandwidth_hz[0] = 2.0: must be at most",
        ),
        ({"mandatory": True, "available": [1, 1, 1, 1, 0]}, 2, "mandatory[2]: true"),
        ({"spectral_efficiency": [np.nan, np.nan, 1.0, np.nan, np.nan]}, 2, "both given"),
    ],
)
def test_one_bad_problem_is_the_only_one(changes: dict[str, Any], bad: int, words: str) -> None:
    batch = ProblemBatch(**_arrays(**changes))
    assert list(batch.errors) == [bad]
    assert words in batch.errors[bad]
    with pytest.raises(ProblemError, match=r"must|given|needed") as caught:
        batch[bad]
    assert str(caught.value) == batch.errors[bad]
    assert [batch[i].n_clients for i in range(3) if i != bad] == [n for i, n in enumerate([2, 0, 3]) if i != bad]
    assert batch[bad : bad + 1].errors == {0: batch.errors[bad]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"offsets": [1, 2, 5]}, "offsets[0] = 1"),
        ({"offsets": [0, 3, 2, 5]}, "offsets[2] = 2"),
        ({"offsets": [0.0, 2.0]}, "offsets: give integers"),
        ({"offsets": []}, "offsets: give integers"),
        ({"task_offsets": [0, 3]}, "task_offsets: is of 1 problems"),
        ({"task_offsets": None}, "task_offsets: missing"),
        ({"required": None}, "relevance, required: give both"),
        ({"payload_bits": [1.0]}, "payload_bits: has 1 entries where the batch has 5 clients"),
        ({"payload_bits": ["a"] * 5}, "payload_bits[0] = 'a': not a number"),
        ({"relevance": [1.0]}, "relevance: has 1 entries where the batch has 8"),
        ({"available": [True]}, "available: has shape (1,)"),
        ({"objective": ["total"]}, "objective: has 1 entries"),
        ({"cn0_hz": None}, "neither given"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        ProblemBatch(**_arrays(**changes))
    assert words in str(caught.value)


def test_what_is_no_problem_is_a_bad_one() -> None:
    good = Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0)
    batch = ProblemBatch.from_problems([good, None, good.to_dict(), {"payload_bits": 1}])
    assert list(batch.errors) == [1, 3]
    assert batch[0] == batch[2] == good
    assert "NoneType" in batch.errors[1]
    assert "$.format" in batch.errors[3]


def test_a_batch_travels_without_what_is_the_same_for_all() -> None:
    batch = ProblemBatch.from_problems(mixed_batch(0, 1) * 2)[:0]
    assert len(pickle.loads(pickle.dumps(batch))) == 0
    n = 100_000
    batch = ProblemBatch(offsets=[0, n], payload_bits=np.arange(1.0, n + 1.0), cn0_hz=1.0, bandwidth_hz=1.0)
    assert len(pickle.dumps(batch)) < 1.1 * 8 * n


def test_steps_are_refused() -> None:
    with pytest.raises(IndexError, match="steps of 1"):
        ProblemBatch(**_arrays())[::2]
    with pytest.raises(IndexError):
        ProblemBatch(**_arrays())[3]
