"""The problem: who could upload, over which channels, and how much each task needs this round.

A `Problem` is validated once, completely, and never changes afterwards, so nothing behind it has to check
again. Section 1 of ``docs/explanation/mathematics.md`` lists the symbols; units are part of the names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .array_types import BoolArray, FloatArray, IntArray
from .client_models import MODELS, ClientModel
from .exceptions import ProblemError
from .fields import FIELD, LINKS, Domain, Objective
from .problem_fields import checked_fields, other_links
from .resource_blocks import BLOCK_ROUNDING, blocks_within, limits_in_blocks
from .validation import checked_vector, selection
from .wording import nearest

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["BLOCK_ROUNDING", "Objective", "Problem", "coverage_target"]


_BANDS = Domain(unit="Hz")

# A requirement counts as met at this much less, relative to it: far above the rounding of any one number, and far below
# any meaning that a relevance can have.
_COVERAGE_ALLOWANCE = 1e-12
# A plain sum of N numbers >= 0 is off by less than N / 2 units in the last place, in whatever order they are added:
# "all of them" stays reachable when the caller's own sum was rounded up. One client's part of N is 10^4 times as much
# at N = 10^6.
_PER_CLIENT = 2.0**-52


def coverage_target(required: FloatArray, clients: int | IntArray) -> FloatArray:
    """Return the coverage at which tasks count as served: ``required`` less max(1e-12, N 2^-52) of it for rounding.

    Parameters
    ----------
    required : ndarray, (K,)
        What each task needs.
    clients : int or ndarray, (K,)
        How many clients there are, N; for tasks of several problems, each one's.
    """
    if isinstance(clients, int):  # without NumPy: a small solve takes no longer than this would
        allowance: float | FloatArray = max(_COVERAGE_ALLOWANCE, clients * _PER_CLIENT)
    else:
        allowance = np.maximum(_COVERAGE_ALLOWANCE, clients * _PER_CLIENT)
    target: FloatArray = required * (1.0 - allowance)
    return target


class Problem:
    """One round of one cell: the clients, their channels, the tasks' needs and the shared bandwidth.

    Every per-client field takes an array of shape (N,) or a scalar that stands for all clients. The number of
    clients is read from the first array given; arrays that disagree are refused. Arrays are copied and
    read-only. Numbers that must be positive lie between 1e-30 and 1e30, and nothing but ``inf`` exceeds that,
    so that everything computed from them stays within double precision.

    Parameters
    ----------
    payload_bits : array_like, (N,) or scalar
        Bits that a client uploads, S_n > 0.
    bandwidth_hz : float
        Uplink bandwidth B > 0 that the selected clients share, Hz.
    resource_block_hz : float, optional
        Width of a resource block, Hz: every selected client gets a whole number of blocks, at least one, and
        their count fits into B. B holds at most 1e11 of them. Left out, bandwidth is continuous.
    cn0_hz : array_like, (N,) or scalar, optional
        Carrier-to-noise-density ratio C/N0 = g_n > 0, Hz: transmit power times gain over noise density. Gives
        the Shannon rate ``b log2(1 + g_n / b)``. Exactly one of `cn0_hz` and `spectral_efficiency` is given.
    spectral_efficiency : array_like, (N,) or scalar, optional
        e_n > 0, bit/s/Hz. Gives the flat rate ``e_n b``.
    relevance : array_like, (K, N) or (N,), optional
        What client n contributes to task k, R_kn >= 0. One dimension means a single task; left out, there is
        no task (K = 0).
    required : array_like, (K,) or scalar, optional
        How much each task needs this round, q_k >= 0; needed when `relevance` is given.
    compute_s : array_like, (N,) or scalar
        Seconds before the upload can start, c_n >= 0 (downlink and local training).
    max_upload_s : array_like, (N,) or scalar
        Longest upload, d_n > 0 s (e.g. an energy budget over the transmit power); ``inf`` for none.
    min_bandwidth_hz, max_bandwidth_hz : array_like, (N,) or scalar
        Least (>= 0) and greatest (> 0, may be ``inf``) bandwidth that a selected client's radio can use, Hz.
    weights : array_like, (N,) or scalar
        w_n > 0 of the total-latency objective.
    mandatory, available : array_like of bool, (N,) or scalar
        Clients that must, and clients that can, be selected.
    objective : {"makespan", "total"}
        The last upload's end, or the weighted sum of the selected clients' times.
    client_ids, task_ids : sequence of str, optional
        Names, unique; by default ``"0", "1", ...``.

    Raises
    ------
    ProblemError
        Naming the field, the first offending place and value, and what is accepted. A requirement beyond what
        all clients together offer is not an error: `fedss_opt.solve` answers it with status ``infeasible``.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> problem = fo.Problem(
    ...     payload_bits=[1e6, 2e6, 1.5e6],
    ...     cn0_hz=[3e7, 8e6, 2e7],
    ...     bandwidth_hz=1e6,
    ...     relevance=[[1.0, 0.5, 0.8]],
    ...     required=1.2,
    ... )
    >>> problem
    Problem(n_clients=3, n_tasks=1, bandwidth_hz=1e+06, rate_model='shannon', objective='makespan')
    """

    __slots__ = (*FIELD, "_coverage_target", "_model_index")

    payload_bits: FloatArray
    bandwidth_hz: float
    resource_block_hz: float | None
    cn0_hz: FloatArray | None
    spectral_efficiency: FloatArray | None
    relevance: FloatArray
    required: FloatArray
    compute_s: FloatArray
    max_upload_s: FloatArray
    min_bandwidth_hz: FloatArray
    max_bandwidth_hz: FloatArray
    weights: FloatArray
    mandatory: BoolArray
    available: BoolArray
    objective: Objective
    client_ids: tuple[str, ...] | None
    task_ids: tuple[str, ...] | None
    _coverage_target: FloatArray
    _model_index: int

    def __init__(
        self,
        *,
        payload_bits: npt.ArrayLike,
        bandwidth_hz: float,
        resource_block_hz: float | None = None,
        cn0_hz: npt.ArrayLike | None = None,
        spectral_efficiency: npt.ArrayLike | None = None,
        relevance: npt.ArrayLike | None = None,
        required: npt.ArrayLike | None = None,
        compute_s: npt.ArrayLike = 0.0,
        max_upload_s: npt.ArrayLike = math.inf,
        min_bandwidth_hz: npt.ArrayLike = 0.0,
        max_bandwidth_hz: npt.ArrayLike = math.inf,
        weights: npt.ArrayLike = 1.0,
        mandatory: npt.ArrayLike = False,
        available: npt.ArrayLike = True,
        objective: str = "makespan",
        client_ids: Sequence[str] | None = None,
        task_ids: Sequence[str] | None = None,
        **links: npt.ArrayLike | None,
    ) -> None:
        given = dict.fromkeys(LINKS.values()) | locals() | other_links(links)
        for name, value in checked_fields(given).items():
            object.__setattr__(self, name, value)
        model = next(i for i, model in enumerate(MODELS) if getattr(self, model.link) is not None)
        target = coverage_target(self.required, self.n_clients)
        target.flags.writeable = False
        object.__setattr__(self, "_model_index", model)
        object.__setattr__(self, "_coverage_target", target)

    # -- sizes and names ---------------------------------------------------------------------------------

    @property
    def n_clients(self) -> int:
        """Number of clients, N."""
        return len(self.payload_bits)

    @property
    def n_tasks(self) -> int:
        """Number of tasks, K."""
        return len(self.required)

    @property
    def client_model(self) -> ClientModel:
        """How a client's rate grows with its bandwidth: the model whose link is given."""
        return MODELS[self.model_index]

    @property
    def model_index(self) -> int:
        """Place of the client model among all of them."""
        return self._model_index

    @property
    def link(self) -> FloatArray:
        """How good each client's link is, (N,), as its model has it: ``cn0_hz`` or ``spectral_efficiency``."""
        link: FloatArray = getattr(self, self.client_model.link)
        return link

    @property
    def rate_model(self) -> str:
        """Name of the client model."""
        return self.client_model.name

    @property
    def coverage_target(self) -> FloatArray:
        """Coverage at which a task counts as served, (K,): ``required`` less max(1e-12, N 2^-52) of it for rounding.

        The second is above what a plain sum over the N clients can be off by, so that a requirement of "all of them",
        summed by the caller, can be met.
        """
        return self._coverage_target

    @property
    def resource_blocks(self) -> int | None:
        """Whole resource blocks on the carrier; None where bandwidth is continuous.

        The allowance of 4e-15 is for fractions such as 0.3 Hz of 0.1 Hz, whose quotient is rounded down.
        """
        if self.resource_block_hz is None:
            return None
        return int(blocks_within(self.bandwidth_hz, self.resource_block_hz))

    def client_name(self, index: int) -> str:
        """Return the id of client `index` (its number where no ids were given)."""
        return str(index) if self.client_ids is None else self.client_ids[index]

    def task_name(self, index: int) -> str:
        """Return the id of task `index` (its number where no ids were given)."""
        return str(index) if self.task_ids is None else self.task_ids[index]

    # -- figures recomputed from the data ------------------------------------------------------------------

    def rate_bps(self, bandwidth_hz: npt.ArrayLike) -> FloatArray:
        """Return the rate of every client on the given bandwidths.

        Parameters
        ----------
        bandwidth_hz : array_like, (N,) or scalar
            Hz, finite, >= 0.

        Returns
        -------
        ndarray, (N,)
            bit/s: ``b log2(1 + g/b)`` or ``e b``.

        Raises
        ------
        ProblemError
            Naming the first bandwidth that is no finite number >= 0.
        """
        b = checked_vector("bandwidth_hz", bandwidth_hz, self.n_clients, _BANDS)
        return self.client_model.rate_bps(self.link, b)

    def upload_s(self, bandwidth_hz: npt.ArrayLike) -> FloatArray:
        """Return the upload time of every client on the given bandwidths, s, (N,); ``inf`` without bandwidth."""
        with np.errstate(divide="ignore", over="ignore"):
            return self.payload_bits / self.rate_bps(bandwidth_hz)

    @property
    def selectable(self) -> BoolArray:
        """Clients that can be selected at all, (N,): available, and within their limits on the band there is.

        A client whose least bandwidth exceeds the carrier, or who misses `max_upload_s` on the widest band it may
        use, is in no answer. The allowance of 1e-12 is for the rounding of the upload time.
        """
        narrowest, widest = self.bandwidth_limits_hz
        in_time = self.upload_s(widest) <= self.max_upload_s * (1.0 + 1e-12)
        fits: BoolArray = self.available & in_time & (narrowest <= widest)
        return fits

    @property
    def bandwidth_limits_hz(self) -> tuple[FloatArray, FloatArray]:
        """Least and greatest bandwidth that a client can be given, Hz, (N,): its radio's, in whole blocks.

        Where the first exceeds the second, the client fits on no carrier of this width.
        """
        low, high = self.min_bandwidth_hz, np.minimum(self.max_bandwidth_hz, self.bandwidth_hz)
        if self.resource_block_hz is None:
            return low, high
        return limits_in_blocks(low, high, self.resource_block_hz)

    def latency_s(self, selected: npt.ArrayLike, bandwidth_hz: npt.ArrayLike) -> float:
        """Return the makespan of an answer, s: when the last selected client has uploaded; 0 for an empty selection."""
        times = self._selected_times(selected, bandwidth_hz)
        return float(times.max()) if times.size else 0.0

    def objective_s(self, selected: npt.ArrayLike, bandwidth_hz: npt.ArrayLike) -> float:
        """Return the value of the problem's objective for an answer, s."""
        if self.objective is Objective.MAKESPAN:
            return self.latency_s(selected, bandwidth_hz)
        chosen = selection(selected, self.n_clients)
        return float(np.sum(self.weights[chosen] * self._selected_times(chosen, bandwidth_hz)))

    def _selected_times(self, selected: npt.ArrayLike, bandwidth_hz: npt.ArrayLike) -> FloatArray:
        chosen = selection(selected, self.n_clients)
        times: FloatArray = (self.compute_s + self.upload_s(bandwidth_hz))[chosen]
        return times

    def coverage(self, selected: npt.ArrayLike) -> FloatArray:
        """Return what each task receives from a selection, ``R a``, (K,)."""
        chosen = selection(selected, self.n_clients)
        received: FloatArray = self.relevance[:, chosen].sum(axis=1)
        return received

    def covers(self, selected: npt.ArrayLike) -> BoolArray:
        """Tell whether a selection serves each task, (K,), decided without rounding.

        A plain sum decides wherever it is clear of the target by more than any rounding; else the sum is
        taken exactly (`math.fsum`), so the verdict is that of exact arithmetic on the data.
        """
        chosen = selection(selected, self.n_clients)
        received, target = self.relevance @ chosen, self.coverage_target
        verdict: BoolArray = received >= target
        doubtful = np.abs(received - target) <= 1e-9 * target
        for k in doubtful.nonzero()[0]:
            verdict[k] = math.fsum([*self.relevance[k, chosen].tolist(), -float(target[k])]) >= 0.0
        return verdict

    # -- copies, comparison, documents ---------------------------------------------------------------------

    def replace(self, **changes: Any) -> Problem:
        """Return a new, newly validated problem with some fields changed.

        Examples
        --------
        >>> import fedss_opt as fo
        >>> problem = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=1e7, bandwidth_hz=1e6)
        >>> problem.replace(bandwidth_hz=2e6).bandwidth_hz
        2000000.0
        """
        for name in changes:
            if name not in FIELD:
                hint = nearest(name, FIELD)
                known = "" if hint else f"the fields are {', '.join(FIELD)}"
                raise ProblemError(f"no such field{hint}", field=name, accepted=known)
        return Problem(**{name: changes.get(name, getattr(self, name)) for name in FIELD})

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as a JSON-able document (see ``docs/reference/file-format.md``)."""
        from .documents import problem_to_dict  # noqa: PLC0415 - documents builds on this module

        return problem_to_dict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Problem:
        """Build a problem from a document; `FileFormatError` names the path of what is wrong."""
        from .documents import problem_from_dict  # noqa: PLC0415

        return problem_from_dict(document)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the problem to ``*.json`` (readable) or ``*.npz`` (large); all or nothing."""
        from .documents import save_problem  # noqa: PLC0415

        save_problem(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Problem:
        """Read a problem from ``*.json`` or ``*.npz``; `FileFormatError` names file and place of what is wrong."""
        from .documents import load_problem  # noqa: PLC0415

        return load_problem(path)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Problem does not change: use problem.replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Problem does not change")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, ({name: getattr(self, name) for name in FIELD},)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in FIELD)

    __hash__ = None  # type: ignore[assignment]  # equality is by value, and arrays have no cheap hash

    def __repr__(self) -> str:
        return (
            f"Problem(n_clients={self.n_clients}, n_tasks={self.n_tasks}, bandwidth_hz={self.bandwidth_hz:g}, "
            f"rate_model={str(self.rate_model)!r}, objective={str(self.objective)!r})"
        )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)


def _rebuild(fields: dict[str, Any]) -> Problem:
    return Problem(**fields)
