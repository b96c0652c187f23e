"""Deliberate faults, made in copies of the package one at a time, and the claims that notice them.

The list is ``faults.toml``. The groups of claims that should notice a fault run on the copy; a text that is not in its
file exactly once is an error, so that the list cannot fall silent as the package changes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

from .claim_record import ClaimRecord
from .package_copy import Change, ChangeError, PackageCopy, read_changes

__all__ = ["FAULTS", "Fault", "FaultRecord", "try_faults"]

_TIME_LIMIT_S = 240.0  # a fault that makes a solver run for ever is no fault to have here

Kind = tuple[tuple[str, ...], bool]  # groups of claims, and whether kernels are compiled


@dataclass(frozen=True, kw_only=True)
class Fault(Change):
    """What is wrong with a copy, and the groups of claims (`fault_claims.GROUPS`) that have to notice it."""

    name: str
    groups: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What is run on the copy, and how."""
        return self.groups, not self.in_kernels


FAULTS: tuple[Fault, ...] = read_changes(Path(__file__).with_name("faults.toml"), "fault", Fault)


class FaultRecord(ClaimRecord):
    """Whether a fault is noticed: violated where nobody does, or where it cannot be tried."""

    def __init__(self, fault: Fault, by: Sequence[str] = (), error: str = "") -> None:
        super().__init__(f"noticed: {fault.name}", tried=1, figure=by[0] if by else "")
        self.fault, self.by, self.error = fault, list(by), error
        self.violated = [] if by else [error or f"nobody noticed it in {fault.file}"]


def try_faults(faults: Sequence[Fault] = FAULTS, *, workers: int | None = None) -> Iterator[FaultRecord]:
    """Make each fault in a copy of the package, run its groups of claims there, and say which claims noticed.

    At work together are as many copies as there are processors, four at most, or `workers`. Yields a record per fault,
    in their order; what does not hold without any fault is not counted as noticing one.
    """
    count = workers or min(4, os.cpu_count() or 1)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(count) as pool:
        copies: Queue[PackageCopy] = Queue()
        for i in range(count):
            copies.put(PackageCopy(Path(folder) / str(i)))
        kinds = dict.fromkeys(fault.kind for fault in faults)
        before = {kind: pool.submit(_on_a_copy, copies, [], kind) for kind in kinds}
        after = [pool.submit(_on_a_copy, copies, [fault], fault.kind) for fault in faults]
        for fault, run in zip(faults, after, strict=True):
            try:
                fresh = dict(sorted(run.result() - before[fault.kind].result()))
                yield FaultRecord(fault, [f"{claim} ({where})" for claim, where in fresh.items()])
            except (ChangeError, RuntimeError, subprocess.TimeoutExpired) as error:
                yield FaultRecord(fault, error=f"{type(error).__name__}: {error}")


def _on_a_copy(copies: Queue[PackageCopy], changes: Sequence[Change], kind: Kind) -> set[tuple[str, str]]:
    """Return what does not hold on a copy with changes in it: (claim, where)."""
    groups, jit = kind
    copy = copies.get()
    try:
        with copy.changed(*changes):
            asked = ["-W", "ignore", "-m", "fedss_opt.verification.fault_claims", *groups]
            done = copy.run(asked, jit=jit, timeout_s=_TIME_LIMIT_S)
    finally:
        copies.put(copy)
    if done.returncode != 0:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return {(claim, where) for claim, where in json.loads(done.stdout.splitlines()[-1])}
