"""The application: its commands, and the one place where failures become one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..exceptions import FedssOptError
from .check import check_command
from .demo import demo_command
from .exit_status import ExitStatus
from .scenario import scenario_command
from .schema import schema_command
from .serve import serve_command
from .simulate import simulate_command
from .solve import solve_command
from .streams import drop_stdout, drop_stdout_if_full
from .terminal import complain
from .verify import verify_command

__all__ = ["app", "run"]

PROGRAM = "fedss-opt"

EXIT_STATUSES = (
    "[bold]Exit status:[/bold] 0 done, an answer was found; 1 a claim of the answer does not hold; "
    "2 bad input or usage (one line on stderr, nothing written); 3 infeasible (proven); 4 no answer found, or a run of "
    "a simulation failed; 5 a claim of the answer could not be proved; "
    "130 interrupted (the best answer so far is printed)."
)


class _Group(TyperGroup):
    """Commands return their exit status; whatever fails on purpose is told in one line on stderr."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Inside `invoke`, because the caller would make it the status of a failed check.
            return _reader_gone()
        except EOFError as error:
            # The caller takes it for Ctrl-D at a prompt, of which there is none here.
            raise RuntimeError("a file or an answer ends early") from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            status = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            status = _reader_gone()
        except (FedssOptError, OSError) as error:
            status = complain(_one_line(error))
            drop_stdout_if_full()
        except (KeyboardInterrupt, typer.Abort):
            status = ExitStatus.INTERRUPTED
        except Exception as error:
            # Usage errors: typer brings its own click or uses another's, so they are known by what they do.
            if not hasattr(error, "format_message"):
                raise
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else PROGRAM
            status = complain(f"{error.format_message()} (see: {command} --help)")
        status = int(status or ExitStatus.OK)
        if standalone_mode:
            sys.exit(status)
        return status


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def _reader_gone() -> ExitStatus:
    drop_stdout()
    return ExitStatus.BROKEN_PIPE


app = typer.Typer(
    name=PROGRAM,
    cls=_Group,
    help="Select clients and allocate bandwidth for a round of federated learning, with a certificate.",
    epilog=EXIT_STATUSES,
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


for _name, _command in (
    ("demo", demo_command),
    ("solve", solve_command),
    ("check", check_command),
    ("scenario", scenario_command),
    ("simulate", simulate_command),
    ("serve", serve_command),
    ("schema", schema_command),
    ("verify", verify_command),
):
    app.command(_name, epilog=EXIT_STATUSES)(_command)


def run(argv: Sequence[str] | None = None) -> int:
    """Run the application and return its exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    return int(_whole_command().main(args=arguments, prog_name=PROGRAM, standalone_mode=False))


@cache
def _whole_command() -> Any:
    """Make the command of all commands, once: their signatures take longer to read than most of them to run."""
    return typer.main.get_command(app)
