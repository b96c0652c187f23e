"""The commands that a page shows: run, or, where running is out of place, held against what there is.

``fedss-opt`` runs inside this process, with the options and exit statuses of a new one; everything else is bash's.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from fedss_opt.cli.app import app

from .pages import ROOT

PROGRAM = "fedss-opt"
_WIDE = {"COLUMNS": "80", "LINES": "40", "NO_COLOR": "1", "TERM": "dumb"}  # as where nothing is a terminal
# What installs, stays or needs a network is not for a test to run, whatever a page says.
_NEVER = ("apt", "apt-get", "curl", "dask", "docker", "flwr", "git", "make", "nohup", "pip", "pip3", "ssh", "sudo")
_OURS = ("benchmarks", "examples", "fedss_opt", "tests")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line that begins with ``$``, with the lines that continue it, and what the page shows below it."""

    text: str
    line: int
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended."""

    status: int
    output: str


def commands(text: str, first_line: int = 1) -> list[Command]:
    """Split a console block: ``$ command``, continued after a backslash or up to a here-document's end, then output.

    Raises
    ------
    ValueError
        When the block does not begin with a command.
    """
    found: list[Command] = []
    lines = iter(enumerate(text.splitlines(), start=first_line))
    for number, line in lines:
        if not line.startswith("$ "):
            if not found and line.strip():
                raise ValueError(f"line {number}: output before the first command: {line}")
            if found:
                last = found.pop()
                found.append(Command(text=last.text, line=last.line, shown=(*last.shown, line)))
            continue
        command = line[2:]
        while command.endswith("\\"):
            command += "\n" + next(lines)[1].removeprefix("> ")
        document = re.search(r"<<-?\s*(['\"]?)(\w+)\1", command)
        while document and command.splitlines()[-1] != document[2]:
            command += "\n" + next(lines)[1].removeprefix("> ")
        found.append(Command(text=command, line=number))
    return found


def run(command: Command, timeout_s: float = 120.0) -> Finished:
    """Run a command in the current folder, with the programs of this environment first.

    Raises
    ------
    ValueError
        For what should be marked ``no-run``: it installs, stays or needs a network.
    """
    asked = [Path(stage[0]).name for stage in _programs(command.text)]
    refused = [name for name in asked if name in _NEVER]
    if refused or re.search(r"(?<!&)&\s*$", command.text, re.MULTILINE) or f"{PROGRAM} serve" in command.text:
        raise ValueError(f"{command.text}: {' and '.join(refused) or 'a server'} is not for a test to run: say no-run")
    stages = _stages(command.text)
    if stages is not None:
        return _inside(*stages)
    bin_folder = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command.text],
        env={**os.environ, **_WIDE, "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )
    return Finished(status=done.returncode, output=done.stdout.decode(errors="replace"))


def _stages(text: str) -> tuple[list[list[str]], Path | None] | None:
    """Return a pipeline of nothing but ``fedss-opt``, and the file that it ends in; None for what needs a shell."""
    if re.search(r"[`$*?~\n]|\d>", text):
        return None
    stages: list[list[str]] = [[]]
    target: Path | None = None
    words = iter(_words(text))
    for word in words:
        if word == "|":
            stages.append([])
        elif word == ">":
            target = Path(next(words))
        elif re.fullmatch(r"[|&;<>()]+", word):
            return None
        else:
            stages[-1].append(word)
    return (stages, target) if all(stage[:1] == [PROGRAM] for stage in stages) else None


def _words(text: str) -> list[str]:
    reader = shlex.shlex(text, posix=True, punctuation_chars="|&;<>()")
    reader.whitespace_split = True
    reader.commenters = "#"
    return list(reader)


def _inside(stages: list[list[str]], target: Path | None) -> Finished:
    given, said = b"", ""
    for _, *arguments in stages:
        result = CliRunner(env=_WIDE).invoke(app, arguments, input=given, prog_name=PROGRAM)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        said += result.stderr
        given = result.stdout_bytes
        if result.exit_code != 0:
            break
    if target is not None:
        target.write_bytes(given)
        given = b""
    return Finished(status=result.exit_code, output=said + given.decode())


def missing_line(shown: Sequence[str], output: str) -> str | None:
    """Return the first shown line that the output has not, after those before it; None where it has all.

    Runs of blanks are one; ``...`` stands for anything, on a line of its own for any lines; the time that a method took
    is not compared.
    """
    lines = iter([_plain(line) for line in output.splitlines()])
    for line in shown:
        wanted = _plain(line)
        if wanted in ("", "...") or all(character in "─━- " for character in wanted):
            continue
        pattern = re.compile(".*".join(map(re.escape, wanted.split("..."))))
        if not any(pattern.fullmatch(candidate) for candidate in lines):
            return line
    return None


def _plain(line: str) -> str:
    return re.sub(r"(method \w+), [\d.,]+ \S?s\b", r"\1, TIME", " ".join(line.split()))


# -- what is not run


def complaints(text: str, folder: Path, *, whole: bool = True) -> list[str]:
    """Say what a command that is not run names and does not exist.

    Parameters
    ----------
    text : str
        The command.
    folder : Path
        Where paths may begin, besides the repository.
    whole : bool
        Whether arguments and values must be there, as they need not where a text only speaks of an option.
    """
    return [complaint for stage in _programs(text) for complaint in _complaints(stage, folder, whole)]


def _programs(text: str) -> Iterator[list[str]]:
    stage: list[str] = []
    for word in [*_words(text.replace("\\\n", " ")), ";"]:
        if not re.fullmatch(r"[|&;<>()]+", word):
            stage.append(word)
            continue
        while stage and re.fullmatch(r"\w+=.*", stage[0]):
            stage = stage[1:]
        if stage:
            yield stage
        stage = []


def _complaints(stage: list[str], folder: Path, whole: bool) -> Iterator[str]:
    program, *arguments = stage
    name = Path(program).name
    if name == "sudo" and arguments:
        yield from _complaints(arguments, folder, whole)
    elif name == PROGRAM:
        yield from _usage(arguments, whole)
    elif name == "make":
        for word in arguments:
            if "=" not in word and not word.startswith("-") and word not in make_targets():
                yield f"make {word}: no such target"
    elif name in ("pip", "pip3"):
        yield from (f"the extra {extra!r} is not in pyproject.toml" for extra in _unknown_extras(arguments))
    elif name in ("python", "python3") and arguments[:1] == ["-m"]:
        module = arguments[1]
        if module.split(".")[0] in _OURS and find_spec(module) is None:
            yield f"python -m {module}: no such module"
    elif name in ("sh", "bash", "python", "python3", "node", "pytest"):
        for word in arguments:
            path = word.partition("::")[0]
            if re.fullmatch(r"[\w./-]+\.(sh|py|mjs|js)", path) and not any((f / path).exists() for f in (ROOT, folder)):
                yield f"{name} {word}: no such file"


def _usage(arguments: list[str], whole: bool) -> Iterator[str]:
    """Hold arguments against the command line's own parser, without running anything."""
    group: Any = typer.main.get_command(app)
    try:
        _, rest = _parsed(group, PROGRAM, arguments)
        if not rest:
            return
        command = group.commands.get(rest[0])
        if command is None:
            yield f"{PROGRAM} {rest[0]}: no such command"
            return
        given, extra = _parsed(command, rest[0], rest[1:])
    except Exception as error:
        if not hasattr(error, "format_message"):  # as in `fedss_opt.cli.app`: whose click it is may differ
            raise
        if whole or "requires an argument" not in error.format_message():
            yield f"{PROGRAM} {shlex.join(arguments)}: {error.format_message()}"
        return
    if extra:
        yield f"{PROGRAM} {shlex.join(arguments)}: unexpected {' '.join(extra)}"
    for parameter in command.params:
        value = given.get(parameter.name)
        choices = getattr(parameter.type, "choices", None)
        if choices is not None and isinstance(value, str) and value not in [str(choice) for choice in choices]:
            yield f"{PROGRAM} {rest[0]}: {value!r} is none of {', '.join(map(str, choices))}"
        # What is not given is None or a mark of click's own.
        given_at_all = isinstance(value, str | tuple | list) and bool(value)
        if whole and parameter.required and not given_at_all and "--help" not in arguments:
            yield f"{PROGRAM} {rest[0]}: {parameter.name} is missing"


def _parsed(command: Any, name: str, arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    context = command.context_class(command, info_name=name, **command.context_settings)
    given, rest, _ = command.make_parser(context).parse_args(list(arguments))
    return given, rest


@cache
def make_targets() -> frozenset[str]:
    """Return the targets that the Makefile has."""
    return frozenset(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def _extras() -> frozenset[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return frozenset(project["optional-dependencies"])


def _unknown_extras(arguments: list[str]) -> Iterator[str]:
    for word in arguments:
        named = re.fullmatch(r"(?:\.|fedss-opt|fedss_opt)\[([^\]]*)\].*", word)
        for extra in named[1].split(",") if named else ():
            if extra.strip() not in _extras():
                yield extra.strip()
