"""A ragged batch of problems: their clients, tasks and relevance one after the other in flat arrays."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..exceptions import FedssOptError, ProblemError
from ..fields import CLIENT_FIELDS, LINKS
from ..problem import Problem
from ..problem_fields import other_links
from .columns import flag_column, number_column, objective_column, offsets_from, packed, starts, unpacked
from .screening import bad_problems

__all__ = ["ProblemBatch"]

Names = tuple[tuple[str, ...] | None, ...]

_PER_PROBLEM = ("bandwidth_hz", "resource_block_hz", "objective", "model")
_COLUMNS = (*_PER_PROBLEM, *CLIENT_FIELDS, "relevance", "required")


class ProblemBatch:
    """P problems of any sizes as a struct of flat arrays, in the fields of `Problem`.

    Problem i has the clients ``offsets[i]`` to ``offsets[i + 1] - 1`` and the tasks ``task_offsets[i]`` to
    ``task_offsets[i + 1] - 1``. Every array may have any shape that lists its entries in this order, such as (P, N)
    where all problems have N clients. A scalar stands for all. What `Problem` would not accept makes that one problem
    a bad one (see `errors`), and no other.

    Parameters
    ----------
    offsets : array_like of int, (P + 1,)
        Where each problem's clients begin, and where the last one's end.
    payload_bits, compute_s, max_upload_s, min_bandwidth_hz, max_bandwidth_hz, weights, mandatory, available :
        One entry per client of the batch; see `Problem`.
    cn0_hz, spectral_efficiency : array_like, optional
        One entry per client, at least one of the two. Where both are given, a problem has the one in which it has
        numbers; the other is NaN for all its clients.
    bandwidth_hz : array_like, (P,) or scalar
        Each problem's carrier, Hz.
    resource_block_hz : array_like, (P,) or scalar, optional
        Width of a resource block, Hz; NaN where bandwidth is continuous.
    task_offsets : array_like of int, (P + 1,), optional
        Where each problem's tasks begin; left out, there are no tasks.
    relevance : array_like, optional
        Each problem's (K, N) entries, row by row.
    required : array_like, optional
        One entry per task of the batch.
    objective : str, or sequence of str, (P,)
        ``"makespan"`` or ``"total"``.

    Attributes
    ----------
    entries : ndarray of int, (P + 1,)
        Where each problem's relevance begins.
    model : ndarray of int, (P,)
        Place of each problem's client model in `fedss_opt.client_models.MODELS`.
    errors : dict of int to str
        Why a problem is bad.
    client_ids, task_ids : tuple or None
        Each problem's names, from `from_problems`.

    Raises
    ------
    ProblemError
        Where offsets and arrays do not fit together, or hold what is no number at all.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> batch = fo.ProblemBatch(
    ...     offsets=[0, 2, 5],
    ...     payload_bits=[1e6, 2e6, 1e6, 1e6, 3e6],
    ...     cn0_hz=1e7,
    ...     bandwidth_hz=1e6,
    ...     task_offsets=[0, 0, 1],
    ...     relevance=[1.0, 0.5, 0.5],
    ...     required=[1.0],
    ... )
    >>> batch
    ProblemBatch(problems=2, clients=5, tasks=1)
    >>> batch[1]
    Problem(n_clients=3, n_tasks=1, bandwidth_hz=1e+06, rate_model='shannon', objective='makespan')
    """

    offsets: IntArray
    task_offsets: IntArray
    entries: IntArray
    bandwidth_hz: FloatArray
    resource_block_hz: FloatArray
    objective: npt.NDArray[np.str_]
    model: IntArray
    payload_bits: FloatArray
    cn0_hz: FloatArray | None
    spectral_efficiency: FloatArray | None
    compute_s: FloatArray
    max_upload_s: FloatArray
    min_bandwidth_hz: FloatArray
    max_bandwidth_hz: FloatArray
    weights: FloatArray
    mandatory: BoolArray
    available: BoolArray
    relevance: FloatArray
    required: FloatArray
    client_ids: Names | None
    task_ids: Names | None
    errors: dict[int, str]

    def __init__(
        self,
        *,
        offsets: npt.ArrayLike,
        payload_bits: npt.ArrayLike,
        bandwidth_hz: npt.ArrayLike,
        resource_block_hz: npt.ArrayLike | None = None,
        cn0_hz: npt.ArrayLike | None = None,
        spectral_efficiency: npt.ArrayLike | None = None,
        task_offsets: npt.ArrayLike | None = None,
        relevance: npt.ArrayLike | None = None,
        required: npt.ArrayLike | None = None,
        compute_s: npt.ArrayLike = 0.0,
        max_upload_s: npt.ArrayLike = np.inf,
        min_bandwidth_hz: npt.ArrayLike = 0.0,
        max_bandwidth_hz: npt.ArrayLike = np.inf,
        weights: npt.ArrayLike = 1.0,
        mandatory: npt.ArrayLike = False,
        available: npt.ArrayLike = True,
        objective: str | Sequence[str] = "makespan",
        **links: npt.ArrayLike | None,
    ) -> None:
        given = dict.fromkeys(LINKS.values()) | locals() | other_links(links)
        if all(given[name] is None for name in LINKS.values()):
            raise ProblemError("neither given", field=", ".join(LINKS.values()), accepted="give at least one")
        if task_offsets is None and (relevance is not None or required is not None):
            raise ProblemError(
                "missing", field="task_offsets", accepted="say where each problem's tasks begin, shape (P + 1,)"
            )
        if task_offsets is not None and (relevance is None or required is None):
            raise ProblemError(field="relevance, required", accepted="give both beside task_offsets")
        clients = offsets_from("offsets", offsets)
        count, n = len(clients) - 1, int(clients[-1])
        tasks = np.zeros_like(clients) if task_offsets is None else offsets_from("task_offsets", task_offsets)
        if len(tasks) != len(clients):
            raise ProblemError(
                f"is of {len(tasks) - 1} problems where offsets is of {count}",
                field="task_offsets",
                accepted="they must agree",
            )
        entries = starts(np.diff(clients) * np.diff(tasks))
        columns: dict[str, Any] = {}
        for name, field in CLIENT_FIELDS.items():
            value: Any = given[name]
            if field.type == "boolean":
                columns[name] = flag_column(name, value, n)
            else:
                columns[name] = None if value is None else number_column(name, value, n, "clients")
        block = np.nan if resource_block_hz is None else resource_block_hz
        columns |= {
            "bandwidth_hz": number_column("bandwidth_hz", bandwidth_hz, count, "problems"),
            "resource_block_hz": number_column("resource_block_hz", block, count, "problems"),
            "objective": objective_column(objective, count),
            "model": _models([columns[name] for name in LINKS.values()], clients),
            "relevance": number_column(
                "relevance", () if relevance is None else relevance, int(entries[-1]), "entries of relevance"
            ),
            "required": number_column("required", () if required is None else required, int(tasks[-1]), "tasks"),
        }
        self._fill(clients, tasks, columns)
        self.errors = bad_problems(self)

    def _fill(
        self,
        offsets: IntArray,
        task_offsets: IntArray,
        columns: Mapping[str, Any],
        *,
        client_ids: Names | None = None,
        task_ids: Names | None = None,
        errors: dict[int, str] | None = None,
    ) -> ProblemBatch:
        self.offsets, self.task_offsets = offsets, task_offsets
        self.entries = starts(np.diff(offsets) * np.diff(task_offsets))
        for name in _COLUMNS:
            setattr(self, name, columns[name])
        self.client_ids, self.task_ids = client_ids, task_ids
        self.errors = {} if errors is None else errors
        return self

    @classmethod
    def from_problems(cls, problems: Iterable[object]) -> ProblemBatch:
        """Put problems one after the other.

        Parameters
        ----------
        problems : iterable of Problem
            A document (see `Problem.to_dict`) also does. What is neither, or a document that cannot be accepted,
            becomes a bad problem without clients; `errors` says why.
        """
        good: list[Problem] = []
        errors: dict[int, str] = {}
        for i, item in enumerate(problems):
            try:
                good.append(_problem(item))
            except FedssOptError as error:
                errors[i] = str(error)
                good.append(_NOTHING)
        columns: dict[str, Any] = {
            "bandwidth_hz": np.array([p.bandwidth_hz for p in good], dtype=np.float64),
            "resource_block_hz": np.array([p.resource_block_hz for p in good], dtype=np.float64),  # None: NaN
            "objective": objective_column([p.objective for p in good], len(good)),
            "model": np.array([p.model_index for p in good], dtype=np.int64),
            "relevance": _joined([p.relevance.reshape(-1) for p in good]),
            "required": _joined([p.required for p in good]),
        }
        for name, field in CLIENT_FIELDS.items():
            pieces = [getattr(p, name) for p in good]
            if field.model:
                if all(piece is None for piece in pieces) and pieces:
                    columns[name] = None
                    continue
                pieces = [np.full(p.n_clients, np.nan) if q is None else q for p, q in zip(good, pieces, strict=True)]
            columns[name] = _joined(pieces, np.bool_ if field.type == "boolean" else np.float64)
        return cls.__new__(cls)._fill(
            starts(np.array([p.n_clients for p in good], dtype=np.int64)),
            starts(np.array([p.n_tasks for p in good], dtype=np.int64)),
            columns,
            client_ids=_names([p.client_ids for p in good]),
            task_ids=_names([p.task_ids for p in good]),
            errors=errors,
        )

    # -- reading -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> Problem: ...

    @overload
    def __getitem__(self, index: slice) -> ProblemBatch: ...

    def __getitem__(self, index: int | slice) -> Problem | ProblemBatch:
        """Return one problem (`ProblemError` for a bad one), or a chunk of the batch, which shares its arrays."""
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            if step != 1:
                raise IndexError("a ProblemBatch is sliced in steps of 1")
            return self._slice(first, max(first, last))
        i = range(len(self))[operator.index(index)]
        if i in self.errors:
            raise ProblemError(self.errors[i])
        return Problem(**self.fields(i))

    def __iter__(self) -> Iterator[Problem]:
        return (self[i] for i in range(len(self)))

    def fields(self, index: int) -> dict[str, Any]:
        """Return what problem `index` was given as the keyword arguments of `Problem`, whether they are good or not."""
        a, b = self.offsets[index], self.offsets[index + 1]
        s, t = self.task_offsets[index], self.task_offsets[index + 1]
        fields: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else column[a:b] for name in CLIENT_FIELDS
        }
        for place, name in enumerate(LINKS.values()):
            if place != self.model[index] and fields[name] is not None and np.isnan(fields[name]).all():
                fields[name] = None
        block = float(self.resource_block_hz[index])
        return fields | {
            "bandwidth_hz": float(self.bandwidth_hz[index]),
            "resource_block_hz": None if np.isnan(block) else block,
            "objective": str(self.objective[index]),
            "relevance": self.relevance[self.entries[index] : self.entries[index + 1]].reshape(t - s, b - a),
            "required": self.required[s:t],
            "client_ids": None if self.client_ids is None else self.client_ids[index],
            "task_ids": None if self.task_ids is None else self.task_ids[index],
        }

    def _slice(self, first: int, last: int) -> ProblemBatch:
        columns: dict[str, Any] = {name: getattr(self, name)[first:last] for name in _PER_PROBLEM}
        for names, offsets in (
            (CLIENT_FIELDS, self.offsets),
            (("relevance",), self.entries),
            (("required",), self.task_offsets),
        ):
            piece = slice(offsets[first], offsets[last])
            columns |= {name: None if (c := getattr(self, name)) is None else c[piece] for name in names}
        return (
            type(self)
            .__new__(type(self))
            ._fill(
                self.offsets[first : last + 1] - self.offsets[first],
                self.task_offsets[first : last + 1] - self.task_offsets[first],
                columns,
                client_ids=None if self.client_ids is None else self.client_ids[first:last],
                task_ids=None if self.task_ids is None else self.task_ids[first:last],
                errors={i - first: text for i, text in self.errors.items() if first <= i < last},
            )
        )

    def without_names(self) -> ProblemBatch:
        """Return the batch without its clients' and tasks' names; it shares the arrays."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return type(self).__new__(type(self))._fill(self.offsets, self.task_offsets, columns, errors=self.errors)

    def __reduce__(self) -> tuple[Any, ...]:
        columns = {name: packed(getattr(self, name)) for name in _COLUMNS}
        rest = {"client_ids": self.client_ids, "task_ids": self.task_ids, "errors": self.errors}
        return _rebuild, (self.offsets, self.task_offsets, columns, rest)

    def __repr__(self) -> str:
        bad = f", bad={len(self.errors)}" if self.errors else ""
        return f"ProblemBatch(problems={len(self)}, clients={self.offsets[-1]}, tasks={self.task_offsets[-1]}{bad})"


_NOTHING = Problem(payload_bits=[], cn0_hz=1.0, bandwidth_hz=1.0)


def _problem(item: object) -> Problem:
    if isinstance(item, Problem):
        return item
    if isinstance(item, dict):
        return Problem.from_dict(item)
    raise ProblemError(f"a {type(item).__name__}; must be a fedss_opt.Problem, or a document of one")


def _joined(pieces: list[npt.NDArray[Any]], dtype: Any = np.float64) -> npt.NDArray[Any]:
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=dtype)


def _names(names: list[tuple[str, ...] | None]) -> Names | None:
    return tuple(names) if any(own is not None for own in names) else None


def _models(links: Sequence[FloatArray | None], offsets: IntArray) -> IntArray:
    """Return the place of each problem's client model: the first whose link is known of any of its clients."""
    model = np.full(len(offsets) - 1, next(i for i, link in enumerate(links) if link is not None))
    for place in range(len(links) - 1, -1, -1):
        link = links[place]
        if link is not None:
            known = starts(~np.isnan(link))
            model[known[offsets[1:]] > known[offsets[:-1]]] = place
    return model


def _rebuild(offsets: IntArray, task_offsets: IntArray, columns: dict[str, Any], rest: dict[str, Any]) -> ProblemBatch:
    whole = {name: unpacked(column) for name, column in columns.items()}
    return ProblemBatch.__new__(ProblemBatch)._fill(offsets, task_offsets, whole, **rest)
