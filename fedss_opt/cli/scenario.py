"""``fedss-opt scenario``: a problem file from a named cell of the literature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import scenarios
from ..documents import problem_to_dict, save_problem
from ..exceptions import FileFormatError, OptionError
from ..quantities import format_quantity, parse_bandwidth
from .exit_status import ExitStatus
from .inputs import OBJECTIVES, output_path
from .render import new_table
from .terminal import note, print_json, stdout_console

__all__ = ["scenario_command"]


def scenario_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Preset, see --list.", show_default=False)] = None,
    *,
    clients: Annotated[
        int | None, typer.Option(help="Number of clients; the preset's by default.", show_default=False)
    ] = None,
    tasks: Annotated[int, typer.Option(help="Number of tasks.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    bandwidth: Annotated[
        str | None, typer.Option(help="Such as 20MHz; the preset's by default.", show_default=False)
    ] = None,
    resource_blocks: Annotated[
        bool, typer.Option("--resource-blocks", help="In whole resource blocks of the preset's width.")
    ] = False,
    required_fraction: Annotated[
        float, typer.Option(help="What each task needs, as a fraction of what all clients offer it.")
    ] = 0.3,
    objective: Annotated[str, typer.Option(help=f"One of: {OBJECTIVES}.")] = "makespan",
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, .json or .npz; JSON on stdout by default.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    list_presets: Annotated[bool, typer.Option("--list", help="List the presets and exit.")] = False,
) -> int:
    """Write a problem drawn from a named cell of the literature.

    The same arguments give the same problem: fedss-opt scenario yang2021 | fedss-opt solve -
    """
    if list_presets:
        stdout_console().print(_presets())
        return ExitStatus.OK
    if name is None:
        raise OptionError(f"scenario: give a preset, one of {', '.join(scenarios.names())} (see --list)")
    output_path(out, (".json", ".npz"))
    if out is not None and out.exists() and not force:
        raise FileFormatError(f"{out}: exists already; give --force to overwrite it")
    problem = scenarios.make(
        name,
        n_clients=clients,
        n_tasks=tasks,
        seed=seed,
        bandwidth_hz=None if bandwidth is None else parse_bandwidth(bandwidth),
        resource_blocks=resource_blocks,
        required_fraction=required_fraction,
        objective=objective,
    )
    if out is None:
        print_json(problem_to_dict(problem))
    else:
        save_problem(problem, out)
        note(f"{out}: {problem.n_clients} clients, {problem.n_tasks} tasks, {name}, seed {seed}")
    return ExitStatus.OK


def _presets() -> Table:
    table = new_table("Presets (fedss-opt scenario NAME)")
    table.add_column("name", no_wrap=True)
    table.add_column("clients", justify="right")
    table.add_column("band", justify="right", no_wrap=True)
    table.add_column("numbers")
    table.add_column("the cell")
    for name, preset in scenarios.PRESETS.items():
        table.add_row(
            name,
            str(preset.n_clients),
            format_quantity(preset.bandwidth_hz, "Hz"),
            "read in code" if preset.verified else "as cited",
            preset.description,
        )
    return table
