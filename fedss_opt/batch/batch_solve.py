"""`solve_batch`: many problems, on the threads of this machine or on any executor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from ..exceptions import OptionError
from ..gap_tolerance import gap_tol_of
from ..problem import Problem
from ..processors import usable_cpus
from ..solvers import Options, check_method
from .problems import ProblemBatch
from .solutions import BatchSolution

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["solve_batch"]


def solve_batch(
    problems: ProblemBatch | Iterable[object],
    method: str = "admm",
    *,
    executor: Executor | None = None,
    threads: int | None = None,
    gap_tol: float | None = None,
    time_limit_s: float | None = None,
    max_iterations: int | None = None,
    seed: int | None = None,
    progress: bool | Callable[[int, int], object] = False,
) -> BatchSolution:
    """Solve many problems; every answer is the one that `fedss_opt.solve` gives, bit for bit.

    The method ``"admm"`` without a time limit runs in one compiled loop that releases the GIL; any other is called
    problem by problem. A bad problem, or one whose solve raises, has an error for its answer and stops nothing.

    Parameters
    ----------
    problems : ProblemBatch, or iterable of Problem
        The problems, of any sizes.
    method : str
        See `fedss_opt.solve`.
    executor : concurrent.futures.Executor, optional
        Where to solve: a process pool, MPI (``mpi4py.futures``), Dask (``client.get_executor()``). Left out, on
        threads of this process. What goes down with a worker is solved here, or by Dask elsewhere.
    threads : int, optional
        Threads of this process, by default as many as it may use processors; or, with an executor, of each of its
        workers, by default one.
    gap_tol, time_limit_s, max_iterations, seed :
        For each problem; see `fedss_opt.solve`.
    progress : bool or callable
        True for a bar if stderr is a terminal (extra ``cli``); or a function that is called with the number of
        problems done and of all.

    Returns
    -------
    BatchSolution
        The answers, in the order of the problems.

    Raises
    ------
    OptionError
        For an unknown method or an option outside what it accepts.
    KeyboardInterrupt
        After Ctrl-C, when what is running has ended and what is waiting is cancelled.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> cells = [fo.scenarios.make("yang2021", n_clients=20, seed=seed) for seed in range(3)]
    >>> result = fo.solve_batch(cells)
    >>> [result[i].objective_s == fo.solve(cells[i]).objective_s for i in range(3)]
    [True, True, True]
    """
    if isinstance(problems, Problem) or not isinstance(problems, (ProblemBatch, Iterable)):
        raise OptionError(
            f"a {type(problems).__name__}",
            field="problems",
            accepted="must be a ProblemBatch, or an iterable of Problems",
        )
    check_method(method)
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise OptionError(field="threads", value=threads, accepted="must be an integer >= 1, or None")
    if executor is not None and not hasattr(executor, "submit"):
        raise OptionError(
            f"a {type(executor).__name__}", field="executor", accepted="must be a concurrent.futures.Executor, or None"
        )
    if not isinstance(progress, bool) and not callable(progress):
        raise OptionError(
            field="progress", value=progress, accepted="must be true, false, or callable with two numbers"
        )
    options = Options(
        gap_tol=gap_tol_of(method, gap_tol), time_limit_s=time_limit_s, max_iterations=max_iterations, seed=seed
    )
    batch = problems if isinstance(problems, ProblemBatch) else ProblemBatch.from_problems(problems)

    # These load the kernels.
    execution, on_threads = (import_module(f"{__package__}.{name}") for name in ("execution", "on_threads"))
    watched = import_module(f"{__package__}.progress").watched
    request = execution.BatchRequest(method=method, options=options)
    with watched(progress, len(batch)) as show:
        if executor is None:
            part = on_threads.solve_on_threads(batch, request, threads or usable_cpus(), show)
        else:
            on_executor = import_module(f"{__package__}.on_executor")
            part = on_executor.solve_on_executor(batch, request, executor, threads or 1, show)
    return BatchSolution(
        problems=batch, method=method, errors=part.errors, _answers=part.answers, _messages=part.messages
    )
