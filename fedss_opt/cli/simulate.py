"""``fedss-opt simulate``: federated algorithms over a simulated cell, from a configuration to tables and figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn
from rich.table import Table

from ..exceptions import OptionError
from ..extras import needs_extra
from ..quantities import format_quantity
from .exit_status import ExitStatus
from .render import new_table
from .report_option import report_path
from .terminal import Format, complain, note, printable, progress_line, stdout_console
from .visible_solve import ctrl_c_stops_softly, get_ready

if TYPE_CHECKING:
    from ..simulation.run_records import RoundRecord
    from ..studies.configuration import Override
    from ..studies.experiment import Experiment
    from ..studies.grid import Job, RunOutcome

__all__ = ["simulate_command"]


def simulate_command(
    config: Annotated[
        Path | None,
        typer.Argument(metavar="[CONFIG.toml]", help="What to run; a small experiment by default.", show_default=False),
    ] = None,
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a value of the configuration, such as training.learning_rate=0.05. Repeatable.",
            show_default=False,
        ),
    ] = None,
    algorithms: Annotated[
        str | None, typer.Option(help="Algorithms to run, such as fedss,fedavg.", show_default=False)
    ] = None,
    policies: Annotated[
        str | None, typer.Option(help="Allocation methods to run them under, such as admm,random.", show_default=False)
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds: 0,3,5 or 0:8 (0 to 7).", show_default=False)] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of every run.", show_default=False)] = None,
    executor: Annotated[str, typer.Option(help="Where runs are run: serial, processes or dask=ADDRESS.")] = "serial",
    workers: Annotated[
        int | None, typer.Option(help="Number of processes; that of the processors by default.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write results, configuration and checkpoints there.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue what is in the folder of --out.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the figures into this folder.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="PAGE.html", help="Write an interactive page of the results.", show_default=False),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print the results.")] = Format.TABLE,
    target: Annotated[float, typer.Option(help="Accuracy whose price in seconds and bits is told.")] = 0.9,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the configuration as TOML, and run nothing.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No messages, no bar; with --out or --report, no table either.")
    ] = False,
) -> int:
    """Simulate federated algorithms over a radio cell: real bytes, simulated seconds.

    Every algorithm runs under every policy with every seed. The summary goes to stdout, or with --format json one
    JSON object per evaluated round; everything else goes to stderr.
    """
    with needs_extra("fedss-opt simulate", "simulation"):
        from ..studies import configuration, executors, folder, folder_lock, grid, summary  # noqa: PLC0415
    report_path(report)
    if plot is not None:
        from ..reports.page import need_report_extra  # noqa: PLC0415 - loads the kernels, which --help does not need

        need_report_extra("--plot")
    changes = _changes(set_ or (), algorithms=algorithms, policies=policies, seeds=seeds, rounds=rounds)
    experiment = configuration.load_experiment(config, changes)
    if print_config:
        as_is = config is None and not changes
        document = configuration.to_document(experiment)
        sys.stdout.write(configuration.default_text() if as_is else configuration.to_toml(document))
        return ExitStatus.OK
    executors.check_executor(executor, workers)
    summary.check_target(target)
    if resume and out is None:
        raise OptionError("--resume: needs --out DIR, the folder to continue in")
    # Data, cell and devices are the same for all runs: what they refuse is told before a folder is made.
    grid.simulation_of(grid.jobs_of(experiment)[0])
    if plot is not None:
        plot.mkdir(parents=True, exist_ok=True)
    with nullcontext() if out is None else folder_lock.only_run_in(out):
        checkpoints = None if out is None else folder.open_folder(out, experiment, resume=resume)
        get_ready(quiet=quiet)
        jobs = grid.jobs_of(experiment, folder=checkpoints, resume=resume)
        printer = _Printer(format_)
        outcomes, interrupted = _run(jobs, executor, workers, printer, quiet=quiet)
        printer.flush()
        done = [outcome for outcome in outcomes if outcome.result is not None]
        if out is not None:
            folder.write_failures(out, outcomes)
        if out is not None and done:
            folder.write_tables(out, outcomes, target=target)
            note(f"{out}: results.csv, .parquet, .jsonl and summary.csv written", quiet=quiet)
    if plot is not None and done:
        from ..studies.images import draw_experiment  # noqa: PLC0415 - an extra

        draw_experiment(outcomes, plot, target=target)
        note(f"{plot}: figures written", quiet=quiet)
    # What every run refuses is bad input, of which one line says everything.
    if report is not None and any(not outcome.refused for outcome in outcomes):
        from ..studies.study_page import write_simulation_report  # noqa: PLC0415 - an extra

        write_simulation_report(outcomes, report, experiment=experiment, target=target)
        note(f"{report}: report written", quiet=quiet)
    if format_ is Format.TABLE and done and not (quiet and (out or report) is not None):
        _print_summary(experiment, outcomes, target)
    return _status(jobs, outcomes, interrupted)


def _changes(
    settings: Sequence[str], *, algorithms: str | None, policies: str | None, seeds: str | None, rounds: int | None
) -> list[Override]:
    """Return what the command line says against the file; the options with names of their own come last."""
    from ..studies.configuration import Override, parse_override  # noqa: PLC0415 - an extra

    changes = [parse_override(text) for text in settings]
    for option, key, text in (
        ("--algorithms", "run.algorithms", algorithms),
        ("--policies", "run.policies", policies),
    ):
        if text is not None:
            changes.append(Override(option, key, [name.strip() for name in text.split(",") if name.strip()]))
    if seeds is not None:
        changes.append(Override("--seeds", "run.seeds", seeds))
    if rounds is not None:
        changes.append(Override("--rounds", "rounds", rounds))
    return changes


# -- running ------------------------------------------------------------------------------------------------


def _run(
    jobs: Sequence[Job], executor: str, workers: int | None, printer: _Printer, *, quiet: bool
) -> tuple[list[RunOutcome], bool]:
    """Run all jobs; Ctrl-C ends the rounds that are being played, and leaves what is done."""
    from ..studies.executors import run_jobs  # noqa: PLC0415 - an extra

    outcomes: list[RunOutcome] = []
    shown = not quiet and sys.stderr.isatty() and not (printer.streams and sys.stdout.isatty())
    try:
        with ctrl_c_stops_softly(quiet=True) as interrupt, _bar(shown, jobs) as bar:
            for outcome in run_jobs(
                jobs, executor=executor, workers=workers, watch=bar.watch, stopped=lambda: interrupt.pressed
            ):
                outcomes.append(outcome)
                bar.ended(outcome.job)
                printer.take(outcome)
                if outcome.result is None:
                    note(f"failed: {outcome.job.name}: {outcome.error}", quiet=quiet)
    except KeyboardInterrupt:
        note(f"interrupted: {len(outcomes)} of {len(jobs)} runs ended before", quiet=quiet)
        return outcomes, True
    return outcomes, False


class _Bar:
    """How many rounds are done, and what the latest of them brought."""

    def __init__(self, jobs: Sequence[Job], update: Callable[..., None]) -> None:
        self._jobs = {job.place: job for job in jobs}
        self._rounds = dict.fromkeys(self._jobs, 0)
        self._accuracy: dict[int, float] = {}
        self._update = update

    def watch(self, job: Job, record: RoundRecord) -> None:
        """Show a round."""
        self._rounds[job.place] = record.round + 1
        if record.accuracy_mean is not None:
            self._accuracy[job.place] = record.accuracy_mean
        accuracy = self._accuracy.get(job.place)
        state = (
            f"{job.name}: round {record.round + 1}/{job.settings.rounds}, "
            + (f"accuracy {accuracy:.3f}, " if accuracy is not None else "")
            + f"{format_quantity(record.simulated_s, 's')} simulated"
        )
        self._update(completed=sum(self._rounds.values()), state=printable(state))

    def ended(self, job: Job) -> None:
        """Count all rounds of a run that ended, told of or not."""
        self._rounds[job.place] = job.settings.rounds
        self._update(completed=sum(self._rounds.values()))


@contextmanager
def _bar(shown: bool, jobs: Sequence[Job]) -> Iterator[_Bar]:
    columns, total = (BarColumn(20), TextColumn("{task.fields[state]}")), sum(job.settings.rounds for job in jobs)
    with progress_line(shown, *columns, total=total) as update:
        update(state="starting")
        yield _Bar(jobs, update)


# -- printing -----------------------------------------------------------------------------------------------


class _Printer:
    """Rounds as JSON Lines on stdout: as runs end, but in the order of the grid, whoever ends first."""

    def __init__(self, format_: Format) -> None:
        self.streams = format_ is Format.JSON
        self._waiting: dict[int, RunOutcome] = {}
        self._next = 0

    def take(self, outcome: RunOutcome) -> None:
        """Print what has its turn."""
        self._waiting[outcome.job.place] = outcome
        while self._next in self._waiting:
            self._print(self._waiting.pop(self._next))
            self._next += 1

    def flush(self) -> None:
        """Print what waits for runs that will not end any more."""
        for place in sorted(self._waiting):
            self._print(self._waiting.pop(place))

    def _print(self, outcome: RunOutcome) -> None:
        if not self.streams or outcome.result is None:
            return
        from ..studies.results import record_document  # noqa: PLC0415 - an extra

        run = outcome.result
        for record in run.records:
            if record.evaluated:
                sys.stdout.write(json.dumps(record_document(run, record), allow_nan=False) + "\n")
        sys.stdout.flush()


def _print_summary(experiment: Experiment, outcomes: Sequence[RunOutcome], target: float) -> None:
    from ..studies.results import results_frame, results_of  # noqa: PLC0415 - an extra
    from ..studies.summary import summarise  # noqa: PLC0415

    rows = summarise(results_frame(results_of(outcomes)), target=target).to_dicts()
    most = max(row["seeds"] for row in rows)
    table = new_table(
        f"{printable(experiment.name)}: {experiment.data.n_clients} clients, {experiment.rounds} rounds, "
        f"{most} seed{'s' if most != 1 else ''}"
    )
    table.padding = (0, 1, 0, 0)  # nine columns of 80
    table.add_column("algorithm", overflow="fold")
    table.add_column("policy", overflow="fold")
    for head in (
        "accuracy\n%",
        "worst\ntenth",
        "up\nMbit",
        "down\nMbit",
        "time\ns",
        f"s to\n{100 * target:g} %",
        f"Mbit to\n{100 * target:g} %",
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        _add_row(table, row, most)
    if most > 1:
        table.caption = "Means over the seeds, the accuracy with its 95 % interval; - where a seed missed the target."
    stdout_console().print(table)


def _add_row(table: Table, row: dict[str, Any], most: int) -> None:
    half = row["accuracy_interval"]
    # Where some seeds failed, the others' mean is of another sample: say how many there are.
    seeds = f" ({row['seeds']})" if row["seeds"] < most else ""
    table.add_row(
        printable(row["algorithm"]),
        printable(row["policy"]) + seeds,
        f"{100 * row['accuracy']:.1f}" + (f" ±{100 * half:.1f}" if half is not None else ""),
        f"{100 * row['worst_decile']:.1f}",
        _amount(row["uplink_bits"], 1e6),
        _amount(row["downlink_bits"], 1e6),
        _amount(row["simulated_s"]),
        _amount(row["seconds_to_target"]),
        _amount(row["uplink_bits_to_target"], 1e6),
    )


def _amount(value: float | None, unit: float = 1.0) -> str:
    """Show three digits, in full."""
    if value is None:
        return "-"
    amount = value / unit
    return f"{amount:.0f}" if amount >= 100.0 else f"{amount:.3g}"


def _status(jobs: Sequence[Job], outcomes: Sequence[RunOutcome], interrupted: bool) -> ExitStatus:
    """Say how it went: what fails every run the same way is bad input."""
    if interrupted:
        return ExitStatus.INTERRUPTED
    failed = [outcome for outcome in outcomes if outcome.result is None]
    if not failed:
        return ExitStatus.OK
    if len(failed) == len(jobs) and all(outcome.refused for outcome in failed):
        return complain(failed[0].error)
    note(f"{len(failed)} of {len(jobs)} runs failed")
    return ExitStatus.NO_ANSWER
