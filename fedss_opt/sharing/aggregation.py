"""Averages over overlapping masks, in which other tasks' clients count as much as they are relevant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..exceptions import OptionError
from .array_checks import LARGEST_FLOAT32, boolean_rows, finite, indices
from .layout import ParameterLayout

__all__ = ["Aggregate", "Uploads", "aggregate"]


_FAINTEST, _LARGEST_WEIGHT = 1e-30, 1e30  # products of two weights and a value neither vanish nor overflow


@dataclass(frozen=True, eq=False)
class Aggregate:
    """The tasks' models after a round, and who made them.

    Attributes
    ----------
    models : ndarray of float32, (T, P)
        The new models.
    weight : ndarray, (T, P)
        Total weight that each coordinate received; where it is 0, the current value stayed.
    contribution : ndarray, (T, n)
        Share of each upload in each task's model, as a mean over the coordinates: a row adds up to the part of the
        coordinates that were updated.
    """

    models: npt.NDArray[np.float32]
    weight: FloatArray
    contribution: FloatArray

    @property
    def updated(self) -> FloatArray:
        """Part of each task's coordinates that somebody uploaded, (T,)."""
        tasks, parameters = self.weight.shape
        return np.count_nonzero(self.weight, axis=1) / parameters if parameters else np.zeros(tasks)


@dataclass(frozen=True, eq=False)
class Uploads:
    """What the clients of a round sent, checked: the arguments of `aggregate`; values also where a mask hides them."""

    values: npt.NDArray[Any]
    task: IntArray
    n_tasks: int
    layout: ParameterLayout
    masks: BoolArray | None = None
    masks_by_task: bool | None = None

    def __post_init__(self) -> None:
        values = finite("values", self.values, most=LARGEST_FLOAT32)
        if values.ndim != 2 or values.shape[1] != self.layout.parameters:
            raise OptionError(f"values: shape {values.shape}; must be (n, {self.layout.parameters})")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "task", indices("task", self.task, len(values), self.n_tasks))
        if self.masks is None:
            return
        masks = boolean_rows("masks", self.masks, self.layout)
        object.__setattr__(self, "masks", masks)
        object.__setattr__(self, "masks_by_task", self._by_task(masks))

    def _by_task(self, masks: BoolArray) -> bool:
        rows, n = len(masks), len(self.task)
        if self.masks_by_task is not None:
            wanted = self.n_tasks if self.masks_by_task else n
            if rows != wanted:
                raise OptionError(f"masks: {rows} rows with masks_by_task = {self.masks_by_task}; must be {wanted}")
            return self.masks_by_task
        if rows not in (n, self.n_tasks):
            raise OptionError(f"masks: {rows} rows; must be {n}, one an upload, or {self.n_tasks}, one a task")
        if n == self.n_tasks and not np.array_equal(masks, masks[self.task]):
            raise OptionError(f"masks: {rows} rows, for {n} uploads of {n} tasks; say masks_by_task = True or False")
        return rows == self.n_tasks

    def mask(self, upload: int) -> BoolArray | None:
        """Return what one client sent of its parameters, (P,); None for everything."""
        if self.masks is None:
            return None
        row: BoolArray = self.masks[self.task[upload] if self.masks_by_task else upload]
        return row


def aggregate(
    values: npt.ArrayLike,
    task: npt.ArrayLike,
    *,
    current: npt.ArrayLike,
    layout: ParameterLayout,
    masks: npt.ArrayLike | None = None,
    masks_by_task: bool | None = None,
    sharing: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Aggregate:
    r"""Average the uploads into one model per task.

    Parameters
    ----------
    values : array_like, (n, P)
        Uploaded parameters (weights of the models, not their changes). Nothing that a mask hides is looked at, but it
        must be finite.
    task : array_like of int, (n,)
        Task of each upload, 0..T-1.
    current : array_like, (T, P)
        The tasks' models before the round.
    layout : ParameterLayout
        Groups of the parameters.
    masks : array_like of bool, (n, P) or (T, P), optional
        What each client sent, or the clients of each task; everything by default.
    masks_by_task : bool, optional
        Which of the two `masks` are. Their shape says it unless n = T; pass it where that can happen.
    sharing : array_like, (T, T, G) or (T, T), optional
        q_ts in [0, 1]: the weight with which the clients of task s enter the average of task t, per group or for all
        of them. The diagonal is not looked at: a task's own clients have weight 1. Without it, nothing is shared.
    weights : array_like, (n,), optional
        Weight w_i of each upload, e.g. its number of samples; 1 by default. These and `sharing` are 0, or at least
        1e-30; weights at most 1e30.

    Returns
    -------
    Aggregate

    Raises
    ------
    OptionError
        Naming the field, the first offending place and value, and what is accepted.

    Notes
    -----
    With :math:`m_{ij}` the masks and g(j) the group of coordinate j,

    .. math::
        \theta_t[j] = \frac{\sum_s q^{g(j)}_{ts} \sum_{i \in s} w_i m_{ij} v_{ij}}
                           {\sum_s q^{g(j)}_{ts} \sum_{i \in s} w_i m_{ij}}, \qquad q_{tt} = 1,

    and the current value where the denominator is 0. A coordinate that task t has pruned itself is updated too, if a
    relevant task sent it: multiply by the mask what goes back to the clients. With one task this is the average of
    FedAvg (McMahan et al., AISTATS 2017). Sums run over the uploads in their order, in double precision, on one thread:
    the result does not depend on the number of threads, and on the order of the uploads only by rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from fedss_opt.sharing import ParameterLayout
    >>> from fedss_opt.sharing.aggregation import aggregate
    >>> layout = ParameterLayout.dense((1, 1))  # a weight and a bias
    >>> values = np.array([[1.0, 1.0], [3.0, 3.0], [8.0, 8.0]])
    >>> masks = np.array([[True, True], [True, True], [False, True]])
    >>> current = np.zeros((2, 2))
    >>> found = aggregate(values, [0, 0, 1], current=current, layout=layout, masks=masks, sharing=[[1, 0.5], [0, 1]])
    >>> found.models
    array([[2. , 3.2],
           [0. , 8. ]], dtype=float32)
    >>> found.contribution
    array([[0.45, 0.45, 0.1 ],
           [0.  , 0.  , 0.5 ]])
    """
    before = finite("current", current, most=LARGEST_FLOAT32)
    if before.ndim != 2 or before.shape[1] != layout.parameters:
        raise OptionError(f"current: shape {before.shape}; must be (tasks, {layout.parameters})")
    tasks = len(before)
    # Uploads makes arrays of what it is given.
    uploads = Uploads(values, task, tasks, layout, masks, masks_by_task)  # type: ignore[arg-type]
    n = len(uploads.task)
    weight = np.ones(n) if weights is None else _weights("weights", weights, (n,), most=_LARGEST_WEIGHT)
    q = None if sharing is None else _sharing_matrix(sharing, tasks, layout.groups)

    sums, totals = _sums_by_task(uploads, weight)
    models = np.empty(before.shape, dtype=np.float32)
    received = np.empty(before.shape)
    contribution = np.zeros((tasks, n))
    for t in range(tasks):
        # What each task s counts for in t, (P,) or a number; only tasks that count at all.
        share = {s: _of_pair(q, t, s, layout) for s in range(tasks) if s == t or (q is not None and q[t, s].any())}
        received[t] = sum(level * totals[s] for s, level in share.items())
        total = sum(level * sums[s] for s, level in share.items())
        touched = received[t] > 0.0
        average = np.divide(total, received[t], out=before[t].astype(np.float64), where=touched)
        models[t] = average
        if layout.parameters:
            part = np.divide(1.0 / layout.parameters, received[t], out=np.zeros(layout.parameters), where=touched)
            _credit(contribution[t], uploads, weight, {s: level * part for s, level in share.items()})
    return Aggregate(models, received, contribution)


def _sums_by_task(uploads: Uploads, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted sum of what each task's clients sent, and of their weights, per coordinate: (T, P) twice."""
    shape = (uploads.n_tasks, uploads.layout.parameters)
    sums, totals = np.zeros(shape), np.zeros(shape)
    term = np.empty(shape[1])
    for i, (s, w) in enumerate(zip(uploads.task, weight, strict=True)):
        np.multiply(uploads.values[i], w, out=term, dtype=np.float64)
        kept = uploads.mask(i)
        if kept is None:
            totals[s] += w
        else:
            term *= kept
            totals[s] += w * kept
        sums[s] += term
    return sums, totals


def _of_pair(q: FloatArray | None, t: int, s: int, layout: ParameterLayout) -> FloatArray | float:
    return 1.0 if s == t or q is None else layout.spread(q[t, s])


def _credit(row: FloatArray, uploads: Uploads, weight: FloatArray, worth: dict[int, FloatArray]) -> None:
    """Fill in what each upload contributed to one task, given what a unit of weight is worth in each coordinate."""
    alike = uploads.masks is None or uploads.masks_by_task
    of_task: dict[int, float] = {}
    for i, s in enumerate(uploads.task.tolist()):
        if s not in worth:
            continue
        if s not in of_task or not alike:
            kept = uploads.mask(i)
            of_task[s] = float((worth[s] if kept is None else worth[s] * kept).sum())
        row[i] = weight[i] * of_task[s]


def _sharing_matrix(sharing: npt.ArrayLike, tasks: int, groups: int) -> FloatArray:
    """Accept weights between tasks in [0, 1], per group or for all; returns (T, T, G)."""
    per_group = np.ndim(sharing) != 2
    checked = _weights("sharing", sharing, (tasks, tasks, groups) if per_group else (tasks, tasks), most=1.0)
    return np.broadcast_to(checked if per_group else checked[..., np.newaxis], (tasks, tasks, groups))


def _weights(name: str, values: npt.ArrayLike, shape: tuple[int, ...], *, most: float) -> FloatArray:
    array: FloatArray = np.asarray(finite(name, values), dtype=np.float64)
    if array.shape != shape:
        raise OptionError(f"{name}: shape {array.shape}; must be {shape}")
    good = (array == 0.0) | ((array >= _FAINTEST) & (array <= most))
    if not good.all():
        place = [int(i) for i in np.unravel_index(int(np.argmin(good)), shape)]
        value = array[tuple(place)]
        raise OptionError(f"{name}{place} = {value}: must be 0, or {_FAINTEST:g} to {most:g}")
    return array
