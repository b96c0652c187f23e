"""Where runs are run: here, in processes of this machine, or on a Dask cluster; the results are the same."""

from __future__ import annotations

import math
import multiprocessing
import os
import queue
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from importlib import import_module
from typing import Any

from ..exceptions import OptionError
from ..executor_loop import NotBackError, as_they_end, is_lost
from ..extras import needs_extra
from ..processors import usable_cpus
from ..simulation.run_records import RoundRecord
from .grid import Job, RunOutcome, run_job

__all__ = ["check_executor", "run_jobs"]

Watch = Callable[[Job, RoundRecord], None]
Stopped = Callable[[], bool]

_POLL_S = 0.2  # how long news and Ctrl-C may wait
_CONNECT_S = 10.0
_ASK_S = 5.0  # how often a cluster is asked for its workers
_GONE_S = 60.0  # how long a cluster that has lost all its workers may take to find others


class _StoppedError(BaseException):
    """A run that was told to stop; no error that an outcome could hold."""


def check_executor(executor: str, workers: int | None = None) -> None:
    """Refuse an executor that is not ``serial``, ``processes`` or ``dask=ADDRESS``, and workers that have no say."""
    kind, _, address = executor.partition("=")
    if executor not in ("serial", "processes") and not (kind == "dask" and address):
        raise OptionError(f"executor = {executor!r}: must be serial, processes or dask=ADDRESS")
    if workers is not None and executor != "processes":
        raise OptionError(f"workers = {workers}: only for the executor processes, not {executor}")
    if workers is not None and workers < 1:
        raise OptionError(f"workers = {workers}: must be an integer >= 1")


def run_jobs(
    jobs: Sequence[Job],
    *,
    executor: str = "serial",
    workers: int | None = None,
    watch: Watch | None = None,
    stopped: Stopped | None = None,
) -> Iterator[RunOutcome]:
    """Run jobs, and yield what becomes of each as it ends.

    Parameters
    ----------
    jobs : sequence of Job
        What to run.
    executor, workers : str, int, optional
        ``serial``, ``processes`` (by default as many as there are processors), or ``dask=ADDRESS`` of a scheduler.
    watch : callable, optional
        Told of every round as it ends, in the calling thread; on Dask nobody tells.
    stopped : callable, optional
        Asked a few times a second, and after every round, whether to stop: `KeyboardInterrupt` is raised after the
        round that each worker is in.

    Raises
    ------
    OptionError, MissingDependencyError
        For an executor that is none, or a scheduler that does not answer; for Dask, without the extra ``distributed``.

    Examples
    --------
    >>> from fedss_opt.studies import Experiment, jobs_of
    >>> small = Experiment(rounds=1, data={"n_clients": 8}, run={"algorithms": ["fedavg"], "policies": ["all"]})
    >>> [outcome.result.records[0].selected for outcome in run_jobs(jobs_of(small))]
    [8]
    """
    check_executor(executor, workers)
    ask = stopped or (lambda: False)
    if executor == "serial":
        yield from _in_this_process(jobs, watch, ask)
    elif executor == "processes":
        yield from _in_processes(jobs, min(workers or usable_cpus(), max(1, len(jobs))), watch, ask)
    else:
        yield from _on_dask(jobs, executor.partition("=")[2], ask)


def _in_this_process(jobs: Sequence[Job], watch: Watch | None, stopped: Stopped) -> Iterator[RunOutcome]:
    for job in jobs:

        def on_round(record: RoundRecord, job: Job = job) -> None:
            if watch is not None:
                watch(job, record)
            if stopped():
                raise KeyboardInterrupt

        yield run_job(job, on_round)


# -- processes ----------------------------------------------------------------------------------------------

_post: Any = None
_end: Any = None


def _begin_worker(post: Any, end: Any) -> None:
    """Remember where news go, leave Ctrl-C to the process that asked, and do not outlive that process."""
    global _post, _end
    _post, _end = post, end
    post.cancel_join_thread()  # news that nobody reads any more must not keep a worker alive
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when the process that asked is gone, however it went.

    A pool's workers never notice, and one that plays on would write over the checkpoints of a run that is resumed
    meanwhile. Files are written whole or not at all, so that any moment will do.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_in_worker(job: Job) -> RunOutcome:
    def on_round(record: RoundRecord) -> None:
        _post.put((job.place, record))
        if _end.is_set():
            raise _StoppedError

    return run_job(job, on_round)


class _Processes(AbstractContextManager["_Processes"]):
    """Pools of processes, one after another: a pool is broken as soon as one of its processes dies."""

    def __init__(self, jobs: Sequence[Job], watch: Watch | None) -> None:
        self._context = multiprocessing.get_context("spawn")  # threads of BLAS and Numba do not survive a fork
        self._jobs, self._watch = {job.place: job for job in jobs}, watch
        self._post, self._end = self._context.Queue(), self._context.Event()
        self._pool: Executor | None = None

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._close()
        self._post.close()

    def run(self, waiting: deque[Job], workers: int, stopped: Stopped) -> Generator[RunOutcome, None, list[Lost]]:
        """Run jobs in a new pool, and return those that were lost with it."""
        self._close()
        self._pool = ProcessPoolExecutor(
            workers, mp_context=self._context, initializer=_begin_worker, initargs=(self._post, self._end)
        )
        return (yield from _drain(self._pool, _run_in_worker, waiting, workers, stopped, self._tell))

    def _close(self) -> None:
        """Wait for the rounds that are being played, and for nothing else."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _tell(self) -> None:
        """Pass the news on."""
        while True:
            try:
                place, record = self._post.get_nowait()
            except queue.Empty:
                return
            if self._watch is not None:
                self._watch(self._jobs[place], record)


def _in_processes(jobs: Sequence[Job], workers: int, watch: Watch | None, stopped: Stopped) -> Iterator[RunOutcome]:
    """Run jobs in processes; those that a process took down with it are tried once more, each by itself."""
    waiting, lost = deque(jobs), list[Job]()
    with _Processes(jobs, watch) as processes:
        while waiting:
            lost += [job for job, _ in (yield from processes.run(waiting, workers, stopped))]
        for job in lost:
            for again, _ in (yield from processes.run(deque([job]), 1, stopped)):
                yield RunOutcome(again, error="its process died, twice (out of memory?)")


# -- Dask ---------------------------------------------------------------------------------------------------


def _on_dask(jobs: Sequence[Job], address: str, stopped: Stopped) -> Iterator[RunOutcome]:
    """Run jobs on a cluster; what it loses, with all its workers or its scheduler, is said run by run."""
    with needs_extra("--executor dask=ADDRESS", "distributed"):
        distributed: Any = import_module("distributed")
    try:
        # Asked first: a client takes a minute to find out that it knows no such protocol.
        import_module("distributed.comm").resolve_address(address)
        connection = distributed.Client(address, set_as_default=False, timeout=_CONNECT_S)
    except Exception as error:  # each protocol has its own
        raise OptionError(
            f"executor = 'dask={address}': no scheduler to talk to: {error or type(error).__name__}"
        ) from None
    waiting, workers = deque(jobs), _ClusterWorkers(connection, address)
    try:
        pool = connection.get_executor(pure=False)
        lost = yield from _drain(pool, run_job, waiting, len(jobs), stopped, lambda: None, workers.patience_s)
    finally:
        with suppress(Exception):  # a scheduler that is gone takes no leave
            connection.close(timeout=_CONNECT_S)
    for job, reason in [*lost, *((job, NotBackError("the cluster was lost before its turn")) for job in waiting)]:
        yield RunOutcome(job, error=_why_lost(reason))


def _why_lost(error: Exception) -> str:
    if isinstance(error, NotBackError):
        return str(error)
    if type(error).__name__ == "KilledWorker":
        return "its worker died, again and again"
    return "the scheduler gave it up, or is gone"


class _ClusterWorkers:
    """The workers of a Dask cluster, and whether to wait for more."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._began = self._asked = time.monotonic()
        self._seen: float | None = None
        self._told = False

    def patience_s(self) -> float:
        """Return how long the cluster may be silent: for ever with workers, or before its first; else a while."""
        now = time.monotonic()
        if now - self._asked >= _ASK_S or self._seen is None:
            self._asked = now
            if self._count():
                self._seen = now
            elif self._seen is None and not self._told and now - self._began >= _ASK_S:
                self._told = True
                warnings.warn(f"dask={self._address}: waits for its first worker", RuntimeWarning, stacklevel=2)
        return 0.0 if self._seen is not None and now - self._seen > _GONE_S else math.inf

    def _count(self) -> int:
        try:
            return len(self._client.ncores())
        except Exception:  # no scheduler
            return 0


# -- both ---------------------------------------------------------------------------------------------------


Lost = tuple[Job, Exception]


def _drain(
    pool: Executor,
    run: Callable[[Job], RunOutcome],
    waiting: deque[Job],
    most: int,
    stopped: Stopped,
    tell: Callable[[], None],
    patience_s: Callable[[], float] = lambda: math.inf,
) -> Generator[RunOutcome, None, list[Lost]]:
    """Run what waits, at most so many at a time, until all is done or the pool is broken; return what was lost."""
    lost: list[Lost] = []
    ended = as_they_end(
        lambda: waiting.popleft() if waiting and not lost else None,
        lambda job: pool.submit(run, job),
        lambda: most,
        _POLL_S,
        patience_s,
    )
    with closing(ended):
        for one in ended:
            if one is None:
                tell()
                if stopped():
                    raise KeyboardInterrupt
                continue
            job, future = one
            try:
                outcome = future.result()
            except Exception as error:
                if is_lost(error):
                    lost.append((job, error))
                else:
                    yield RunOutcome.failed(job, error)
                continue
            if isinstance(outcome, RunOutcome):
                yield outcome
            else:
                lost.append((job, NotBackError("its worker returned nothing")))
    return lost
