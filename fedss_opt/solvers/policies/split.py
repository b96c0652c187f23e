"""Bandwidth by a rule: in proportion to given weights, as far as the radios allow."""

from __future__ import annotations

import math

import numpy as np

from ...array_types import BoolArray, FloatArray
from ...problem import Problem
from ...resource_blocks import BLOCK_ROUNDING, blocks_within
from .covering import Refusal

__all__ = ["equal_split", "proportional_split"]


# The shares are scaled down by this much, so that rounding cannot lift their sum above the bandwidth.
_MARGIN = 1.0 - 1e-12


def equal_split(problem: Problem, selected: BoolArray, _stop: BoolArray) -> FloatArray:
    """Give every selected client the same bandwidth, (N,) Hz."""
    return _split(problem, selected, np.ones(int(np.count_nonzero(selected))))


def proportional_split(problem: Problem, selected: BoolArray, _stop: BoolArray) -> FloatArray:
    """Give bandwidth in proportion to payload over spectral efficiency at an equal share, (N,) Hz.

    That is the upload time which an equal share would give: slow clients get more. With a flat rate and no
    computing time all then finish together, which is optimal; with the Shannon rate it over-serves weak
    channels.
    """
    count = int(np.count_nonzero(selected))
    upload = problem.upload_s(problem.bandwidth_hz / max(count, 1))[selected]
    return _split(problem, selected, upload)


def _split(problem: Problem, selected: BoolArray, weights: FloatArray) -> FloatArray:
    """Share out the bandwidth as ``clip(s * weights, least, most)`` with the scale s that uses all of it."""
    bandwidth_hz = np.zeros(problem.n_clients)
    chosen = np.flatnonzero(selected)
    least, most = (limit[chosen] for limit in problem.bandwidth_limits_hz)
    carrier = problem.bandwidth_hz * (1.0 + (0.0 if problem.resource_blocks is None else BLOCK_ROUNDING))
    if math.fsum([-carrier, *least.tolist()]) > 0.0:
        raise Refusal(
            f"the least bandwidths of the {chosen.size} selected clients add up to more than "
            f"{problem.bandwidth_hz:g} Hz"
        )
    if chosen.size:
        scale = _scale(problem.bandwidth_hz, weights, least, most)
        share = np.clip(scale * weights * _MARGIN, least, most)
        bandwidth_hz[chosen] = share if problem.resource_blocks is None else _in_blocks(problem, share, least, most)
    _require_in_time(problem, selected, bandwidth_hz)
    return bandwidth_hz


def _in_blocks(problem: Problem, share: FloatArray, least: FloatArray, most: FloatArray) -> FloatArray:
    """Round shares to whole blocks by largest remainder: all down, then one more for the fractions cut most."""
    block = problem.resource_block_hz
    assert block is not None
    assert problem.resource_blocks is not None
    whole = np.maximum(blocks_within(share, block), np.rint(least / block))
    while (left := problem.resource_blocks - int(whole.sum())) > 0:
        remainder = np.where(whole + 0.5 < most / block, share / block - whole, -math.inf)
        next_in_line = np.argsort(-remainder, kind="stable")[:left]
        next_in_line = next_in_line[remainder[next_in_line] > -math.inf]
        if next_in_line.size == 0:
            break
        whole[next_in_line] += 1.0
    return whole * block


def _scale(total_hz: float, weights: FloatArray, least: FloatArray, most: FloatArray) -> float:
    """Greatest scale at which the clipped shares still fit, by bisection (to rounding, and from below)."""
    scale = total_hz / float(weights.sum())
    if np.all((scale * weights >= least) & (scale * weights <= most)):
        return scale
    below, above = 0.0, total_hz / float(weights.min())  # there everyone has all the bandwidth, or the most
    if np.sum(np.clip(above * weights, least, most)) <= total_hz:
        return above
    for _ in range(200):
        middle = 0.5 * (below + above)
        if not below < middle < above:
            break
        if np.sum(np.clip(middle * weights, least, most)) <= total_hz:
            below = middle
        else:
            above = middle
    return below


def _require_in_time(problem: Problem, selected: BoolArray, bandwidth_hz: FloatArray) -> None:
    upload = problem.upload_s(bandwidth_hz)
    late = np.flatnonzero(selected & (upload > problem.max_upload_s))
    if late.size:
        i = int(late[0])
        raise Refusal(
            f"client {problem.client_name(i)} would upload for {upload[i]:g} s on its share of "
            f"{bandwidth_hz[i]:g} Hz; its limit is {problem.max_upload_s[i]:g} s"
        )
