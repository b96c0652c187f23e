"""``fedss-opt verify --minutes``: attack the package's claims, and say what came of it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..progress_bar import progress_bar
from ..verification.attack import Attack, attack
from .exit_status import ExitStatus
from .solving import get_ready
from .terminal import note, printable, stderr_console, stdout_console

__all__ = ["attack_and_print"]

_FOLDER = Path("attack-failures")


def attack_and_print(
    *, minutes: float | None, problems: int | None, seed: int | None, folder: Path | None, quiet: bool
) -> ExitStatus:
    """Attack for some minutes, or with some problems, and print the table."""
    get_ready(quiet=quiet)
    seed = secrets.randbelow(2**31) if seed is None else seed
    folder = _FOLDER if folder is None else folder
    # Told before the attack as well: should it crash or hang, this repeats it.
    note(f"attack with seed {seed} (repeat: --seed {seed})", quiet=quiet)
    seconds = float("inf") if minutes is None else 60.0 * minutes
    with _line(not quiet and sys.stderr.isatty()) as show:
        run = attack(seed=seed, seconds=seconds, problems=problems, folder=folder, progress=show)
    _print(run, folder)
    return ExitStatus.OK if run.ok else ExitStatus.CHECK_FAILED


@contextmanager
def _line(shown: bool) -> Iterator[Callable[[Attack], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with progress_bar(shown, *columns, total=None, console=stderr_console()) as update:

        def show(run: Attack) -> None:
            failed = sum(record.failed for record in run.families.values())
            update(description=f"{run.tried} problems tried, {failed} failed")

        yield show


def _print(run: Attack, folder: Path) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("family", no_wrap=True)
    for head in ("problems", "worst gap, admm", "worst gap, exact", "failed"):
        table.add_column(head, justify="right")
    for name, record in run.families.items():
        gaps = (f"{record.worst_gap[m]:.2g}" if m in record.worst_gap else "-" for m in ("admm", "exact"))
        table.add_row(name, str(record.tried), *gaps, Text(str(record.failed), "bold red" if record.failed else ""))
    console = stdout_console()
    console.print(table)
    for (claim, method), count in run.kinds.most_common():
        console.print(f"{count} x {printable(claim)}: {method}")
    for failure in run.failures:
        console.print(f"{failure.file}: {printable(failure.text)}")
    failed = sum(record.failed for record in run.families.values())
    line = f"{run.tried} problems tried in {run.seconds:.0f} s with seed {run.seed}: "
    line += f"{failed} failed; see {folder / 'failures.jsonl'}" if failed else "nothing failed"
    console.print(Text(line, "green" if run.ok else "bold red"))
