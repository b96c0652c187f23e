"""The answers to a batch: arrays for those who compute with them, a `Solution` for those who look at one."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray, IntArray
from ..solution import CertificateKind, Solution, Status, StopReason
from .problems import ProblemBatch

if TYPE_CHECKING:
    from ..kernels.batch import Answers

__all__ = ["BatchSolution"]

TextArray = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BatchSolution:
    """The answers to a batch, in its order: ``result[i]`` is a `Solution`, the properties are arrays over all problems.

    A bad problem has the status ``unknown``, the stop reason ``error`` and the reason as its message.

    Attributes
    ----------
    problems : ProblemBatch
        What was solved.
    method : str
        The method.
    errors : mapping of int to str
        What is wrong with each bad problem.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> good = fo.Problem(payload_bits=[1e6, 2e6], cn0_hz=1e7, bandwidth_hz=1e6, relevance=1.0, required=1.0)
    >>> result = fo.solve_batch([good, None])
    >>> result.status.tolist()
    ['optimal', 'unknown']
    >>> result[0].selected
    array([ True, False])
    >>> result.errors
    {1: 'a NoneType; must be a fedss_opt.Problem, or a document of one'}
    """

    problems: ProblemBatch
    method: str
    errors: Mapping[int, str]
    _answers: Answers
    _messages: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.problems)

    def __getitem__(self, index: int) -> Solution:
        """Return the answer to one problem; its arrays are copies."""
        answers = import_module(f"{__package__}.answers")
        i = range(len(self))[operator.index(index)]
        solution: Solution = answers.read(self._answers, self.problems, i, self.method, self._message(i))
        return solution

    def __iter__(self) -> Iterator[Solution]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        counts = {str(s): int(np.count_nonzero(self._answers.status == code)) for code, s in enumerate(Status)}
        told = [f"{name}={count}" for name, count in (*counts.items(), ("errors", len(self.errors))) if count]
        return f"BatchSolution({', '.join((f'problems={len(self)}', *told))}, method={self.method!r})"

    def _message(self, i: int) -> str:
        """Return what is said to a person; the compiled loop says nothing, so it is said here when asked for."""
        stored = self.errors.get(i) or self._messages.get(i)
        status = tuple(Status)[self._answers.status[i]]
        if stored is not None or self.method != "admm" or status in (Status.OPTIMAL, Status.FEASIBLE):
            return stored or ""
        reasons = import_module("fedss_opt.solvers.infeasibility")
        if status is Status.UNKNOWN:
            return str(reasons.NONE_FOUND)
        problem = self.problems[i]
        if tuple(CertificateKind)[self._answers.kind[i]] is CertificateKind.COVERAGE:
            return str(reasons.why_relevance_falls_short(problem, int(self._answers.task[i])))
        return str(reasons.why_caps_fail(problem))

    # -- one entry per problem -----------------------------------------------------------------------------

    @property
    def status(self) -> TextArray:
        """What is known of each answer, (P,): values of `Status`."""
        return np.array([str(s) for s in Status])[self._answers.status]

    @property
    def stop_reason(self) -> TextArray:
        """Why the method stopped, (P,): values of `StopReason`."""
        return np.array([str(r) for r in StopReason])[self._answers.stop_reason]

    @property
    def has_answer(self) -> BoolArray:
        """Where there is a feasible selection and allocation, (P,)."""
        answered: BoolArray = self._answers.objective_s < np.inf
        return answered

    @property
    def latency_s(self) -> FloatArray:
        """Makespan of each answer, s, (P,); ``inf`` where there is none."""
        return self._answers.latency_s

    @property
    def objective_s(self) -> FloatArray:
        """Objective of each answer, s, (P,); ``inf`` where there is none."""
        return self._answers.objective_s

    @property
    def lower_bound_s(self) -> FloatArray:
        """Nothing feasible is below it, s, (P,); NaN where no bound is claimed, ``inf`` for infeasible problems."""
        return self._answers.lower_bound_s

    @property
    def gap(self) -> FloatArray:
        """Certified relative gap, (P,); NaN where no bound is claimed or no answer exists. See `Solution.gap`."""
        best, bound = self.objective_s, self.lower_bound_s
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.where(best <= bound, 0.0, np.where(bound > 0.0, (best - bound) / bound, np.inf))
        gap[~self.has_answer | np.isnan(bound)] = np.nan
        return gap

    @property
    def price(self) -> FloatArray:
        """Price of each certificate, (P,); NaN without one."""
        return self._answers.price

    @property
    def iterations(self) -> IntArray:
        """Iterations the method took, (P,)."""
        return self._answers.iterations

    @property
    def solve_time_s(self) -> FloatArray:
        """Seconds inside the method, (P,). With ``"admm"`` the mean of the chunk that the problem was solved in."""
        return self._answers.solve_time_s

    # -- one entry per client or task of the batch -------------------------------------------------------

    @property
    def offsets(self) -> IntArray:
        """Where each problem's clients begin, (P + 1,)."""
        return self.problems.offsets

    @property
    def task_offsets(self) -> IntArray:
        """Where each problem's tasks begin, (P + 1,)."""
        return self.problems.task_offsets

    @property
    def selected(self) -> BoolArray:
        """Who uploads, for all clients of the batch."""
        return self._answers.selected

    @property
    def bandwidth_hz(self) -> FloatArray:
        """Hz for all clients of the batch, 0 for those left out."""
        return self._answers.bandwidth_hz

    @property
    def multipliers(self) -> FloatArray:
        """Multipliers of the certificates, for all tasks of the batch; zeros without a certificate."""
        return self._answers.multipliers
