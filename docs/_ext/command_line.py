"""The directive ``command``: the arguments and options of a command of ``fedss-opt``, read from the program itself."""

from __future__ import annotations

import re
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from fedss_opt.cli.app import app

_MARKUP = re.compile(r"\[/?(?:bold|dim|italic)\]")


class CommandDirective(SphinxDirective):
    """``{command} solve``: usage, what it does, and a table of its arguments and options."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the directive's place on the page."""
        self.env.note_dependency(__file__)
        group = typer.main.get_command(app)
        name = self.arguments[0]
        if name not in group.commands:  # type: ignore[attr-defined]
            raise self.error(
                f"fedss-opt has no command {name!r}: must be one of {', '.join(group.commands)}"
            )
        return self.parse_text_to_nodes(_page(name, group.commands[name]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command", CommandDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _page(name: str, command: Any) -> str:
    arguments = [
        p
        for p in command.params
        if p.param_type_name == "argument" and not getattr(p, "hidden", False)
    ]
    options = [
        p
        for p in command.params
        if p.param_type_name == "option" and not getattr(p, "hidden", False)
    ]
    usage = " ".join(
        [
            "fedss-opt",
            name,
            "[OPTIONS]" if options else "",
            *(_metavar(p) for p in arguments),
        ]
    )
    lines = [
        _plain(command.help or ""),
        "",
        "```text",
        " ".join(usage.split()),
        "```",
        "",
    ]
    if arguments or options:
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        lines += [_row(p) for p in (*arguments, *options)]
    return "\n".join(lines)


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        kind = "" if parameter.is_flag else f" {_kind(parameter)}"
        names = ", ".join(
            f"`{name}{kind}`" for name in (*parameter.opts, *parameter.secondary_opts)
        )
    default = parameter.default
    empty = default is None or default is False or default in ((), [])
    shown = (
        "" if empty or callable(default) else f"`{getattr(default, 'value', default)}`"
    )
    if parameter.required:
        shown = "required"
    return f"| {names} | {shown} | {_plain(parameter.help or '')} |".replace(
        "||", "| |"
    )


def _kind(option: Any) -> str:
    """Say what an option takes."""
    if option.metavar:
        return str(option.metavar)
    choices = getattr(option.type, "choices", None)
    if choices:
        return r"\|".join(str(getattr(choice, "value", choice)) for choice in choices)
    return {
        "integer": "N",
        "integer range": "N",
        "float": "X",
        "float range": "X",
        "path": "FILE",
        "file": "FILE",
    }.get(option.type.name, "TEXT")


def _plain(text: str) -> str:
    """Rich's markup off; what Markdown would take for its own, escaped; one line per paragraph."""
    paragraphs = [
        " ".join(part.split()) for part in _MARKUP.sub("", text).split("\n\n")
    ]
    return "\n\n".join(re.sub(r"([*_<>$|])", r"\\\1", part) for part in paragraphs)
