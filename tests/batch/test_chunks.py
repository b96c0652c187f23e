"""A batch is divided into all of its problems, once each, in chunks of about equal work."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt import ProblemBatch
from fedss_opt.batch.chunks import Chunks


def _batch(sizes: list[int]) -> ProblemBatch:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ProblemBatch(offsets=offsets, payload_bits=1.0, cn0_hz=1.0, bandwidth_hz=1.0)


@given(
    st.lists(st.sampled_from([0, 1, 10, 1000, 10_000]), max_size=50),
    st.integers(1, 8),
    st.sampled_from([1e-3, 0.03, 1.0]),
    st.sampled_from([10.0, np.inf]),
    st.sampled_from([0.0, 1e-3, 1.0]),
)
def test_every_problem_is_handed_out_once(
    sizes: list[int], takers: int, seconds: float, most: float, took: float
) -> None:
    chunks = Chunks(_batch(sizes), takers, seconds)
    seen: list[int] = []
    while (chunk := chunks.take(most)) is not None:
        assert len(chunk) > 0
        seen += chunk
        chunks.took(chunk, took)
    assert seen == list(range(len(sizes)))
    assert chunks.solved == len(sizes)


def test_chunks_follow_the_pace_and_end_small() -> None:
    chunks = Chunks(_batch([100] * 10_000), 2, 0.03)
    lengths, per_problem = [], 1e-3
    while (chunk := chunks.take()) is not None:
        lengths.append(len(chunk))
        chunks.took(chunk, per_problem * len(chunk))
    assert 25 <= lengths[len(lengths) // 2] <= 35  # 0.03 s at 1 ms each
    assert lengths[-1] <= 5
