"""How the tasks of a device share its GPU, and when each has finished.

Our reading of Yu et al., "FedMT: Multi-Task Federated Learning with Competitive GPU Resource Sharing" (IEEE TCAD,
2025; its abstract was read, the model below is ours): a task gets a share v of a "virtual resource" and runs at the
rate ``f min(v, saturation)``, since a single task's kernels may be unable to fill the GPU. The shares of a device add
up to V at most.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import ProblemError
from ..fields import Domain
from ..validation import matrix, member, shape_of, vector

__all__ = ["GpuSharing", "finish_s"]


class GpuSharing(StrEnum):
    """Who gets which share."""

    COMPETITIVE = "competitive"
    """In proportion to the work, as far as saturation allows: tasks that are not saturated finish together."""
    EQUAL = "equal"
    """The same share V/K for each of the K tasks that have work, to the end."""
    SERIAL = "serial"
    """One after another in the order given, each with all of V."""


def finish_s(
    work_flops: npt.ArrayLike,
    flops_per_s: npt.ArrayLike,
    *,
    sharing: str = "competitive",
    virtual_resource: npt.ArrayLike = 1.0,
    saturation: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Return when every task of every device has finished, s, (D, K), all of a device starting together.

    With work w, speed f, saturation s and shares ``sum_k v_k <= V``, a task takes ``t_k = w_k / (f min(v_k, s_k))``.
    The competitive shares are ``v_k = min(s_k, w_k / (f T))`` with T such that they add up to V; without saturation
    ``v_k = V w_k / sum_j w_j``, and all finish at ``T = sum_j w_j / (f V)``. No shares end the device's last task
    earlier than ``max(sum_k w_k / (f V), max_k w_k / (f s_k))``, and these do; nor can any task end earlier unless one
    that ends as late or later is delayed.

    Parameters
    ----------
    work_flops : array_like, (D, K)
        Work of each task on each device, floating-point operations >= 0; 0 where there is no task.
    flops_per_s : array_like, (D,) or scalar
        Speed f of each device at share 1, > 0.
    sharing : {"competitive", "equal", "serial"}
        See `GpuSharing`; `OptionError` for another.
    virtual_resource : array_like, (D,) or scalar
        V > 0. Above 1 the device is oversubscribed: the tasks together run faster than ``flops_per_s``, which is
        then the speed of one task that leaves part of the GPU idle, and not the GPU's own.
    saturation : array_like, (D, K) or scalar
        Share > 0 beyond which a task runs no faster.

    Raises
    ------
    ProblemError
        Naming the first number that is not accepted, or a shape that does not fit.

    Examples
    --------
    >>> finish_s([[3e9, 1e9]], 1e9)
    array([[4., 4.]])
    >>> finish_s([[3e9, 1e9]], 1e9, sharing="equal")
    array([[6., 2.]])
    >>> finish_s([[3e9, 1e9]], 1e9, sharing="serial")
    array([[3., 4.]])
    >>> finish_s([[3e9, 1e9]], 1e9, saturation=0.5)
    array([[6., 2.]])
    """
    chosen = member("sharing", sharing, GpuSharing)
    shape = shape_of("work_flops", work_flops)
    if len(shape) != 2:
        raise ProblemError(f"work_flops: has shape {shape}; give (D, K): one row a device, one column a task")
    if shape_of("saturation", saturation) not in ((), shape):
        raise ProblemError(f"saturation: has shape {np.shape(saturation)}; give shape {shape} or a scalar")
    work = matrix("work_flops", work_flops, *shape)
    speed = vector("flops_per_s", flops_per_s, shape[0], positive=True)[:, np.newaxis]
    total = vector("virtual_resource", virtual_resource, shape[0], positive=True)[:, np.newaxis]
    limit = matrix("saturation", saturation, *shape, Domain(positive=True))
    if chosen is GpuSharing.COMPETITIVE:
        return _competitive(work, total, limit) / speed
    if chosen is GpuSharing.SERIAL:
        alone = work / np.minimum(total, limit)
        return np.where(work > 0.0, np.cumsum(alone, axis=1), 0.0) / speed
    tasks = np.maximum(np.count_nonzero(work, axis=1, keepdims=True), 1)
    return work / np.minimum(total / tasks, limit) / speed


def _competitive(work: FloatArray, total: FloatArray, limit: FloatArray) -> FloatArray:
    """Finishing times at unit speed.

    Those who would finish last at their limit are saturated. With the m of them set aside, the others share what is
    left and finish together; m is the least for which none of these others would exceed its limit.
    """
    if work.size == 0:
        return work
    alone = work / limit
    order = np.argsort(-alone, axis=1, kind="stable")
    sorted_alone = np.take_along_axis(alone, order, axis=1)
    sorted_work = np.take_along_axis(work, order, axis=1)
    sorted_limit = np.take_along_axis(limit, order, axis=1)
    others = np.cumsum(sorted_work[:, ::-1], axis=1)[:, ::-1]
    left = total - (np.cumsum(sorted_limit, axis=1) - sorted_limit)
    fits = (left > 0.0) & (sorted_alone * left <= others)
    # Past the first position that fits, and where none does, nobody else is saturated or everybody is.
    first = np.where(fits.any(axis=1), fits.argmax(axis=1), work.shape[1])[:, np.newaxis]
    at = np.minimum(first, work.shape[1] - 1)
    together = np.take_along_axis(others, at, axis=1) / np.take_along_axis(np.where(fits, left, 1.0), at, axis=1)
    # Never after the last of the saturated; a remainder that is all rounding could say so.
    latest = np.take_along_axis(sorted_alone, np.maximum(first - 1, 0), axis=1)
    together = np.where(first > 0, np.minimum(together, latest), together)
    finish = np.where(np.arange(work.shape[1]) < first, sorted_alone, together)
    result = np.empty_like(work)
    np.put_along_axis(result, order, finish, axis=1)
    return np.where(work > 0.0, result, 0.0)
