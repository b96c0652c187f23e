"""What is asked of a batch, what it comes to, and the function that solves a chunk of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..exceptions import FedssOptError, MissingDependencyError
from ..kernels.batch import Answers
from ..solution import StopReason
from ..solvers import Options, run_method
from .answers import no_answers, write
from .compiled import compiled_run
from .problems import ProblemBatch

__all__ = ["BatchRequest", "PartialResult", "runner"]


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """What is asked of every problem; see `fedss_opt.solve`."""

    method: str
    options: Options

    @property
    def compiled(self) -> bool:
        """Whether the kernel can do it alone; it has no clock."""
        return self.method == "admm" and self.options.time_limit_s is None


@dataclass(frozen=True, kw_only=True)
class PartialResult:
    """What a chunk, or a whole batch, came to."""

    answers: Answers
    errors: dict[int, str] = field(default_factory=dict)
    messages: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: ProblemBatch) -> PartialResult:
        """Return the part of a batch of which only the bad problems are known."""
        return cls(answers=no_answers(batch), errors=dict(batch.errors))


Run = Callable[[range], None]


def runner(batch: ProblemBatch, request: BatchRequest, part: PartialResult) -> Run:
    """Return a function that solves a chunk into `part`, to be called from any thread."""
    if request.compiled:
        return compiled_run(batch, request.options.gap_tol, request.options.max_iterations, part.answers)
    return _one_by_one(batch, request, part)


def _one_by_one(batch: ProblemBatch, request: BatchRequest, part: PartialResult) -> Run:
    """Return a function that solves each problem of a chunk by itself."""

    def run(chunk: range) -> None:
        for i in chunk:
            if i in batch.errors:
                continue
            try:
                solution = run_method(batch[i], request.method, request.options)
            except MissingDependencyError:
                raise  # the call's fault, not the problem's
            except FedssOptError as error:
                part.errors[i] = str(error)
            except Exception as error:  # whatever it is, it stops nothing else
                part.errors[i] = f"{type(error).__name__}: {error}"
            else:
                if solution.stop_reason is StopReason.INTERRUPTED:
                    raise KeyboardInterrupt
                write(solution, batch, i, part.answers)
                if solution.message:
                    part.messages[i] = solution.message

    return run
