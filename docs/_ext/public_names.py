"""Names in docstrings and signatures: a link where the name is documented, plain code where it is not.

Docstrings name things as their own module sees them (`Problem`, `RoundAllocator.update`), while the reference
documents them where they are imported from (``fedss_opt.Problem``). A lone lower-case word may also be a parameter, so
it is a link only if the package itself exports it. Types of other projects cannot be links without a network.
"""

from __future__ import annotations

import ast
import inspect
from enum import Enum
from importlib import import_module
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

REFERENCE = "reference/api/"
logger = logging.getLogger(__name__)


class _Shown:
    """A default that is shown as a person would write it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def show_signature(
    app: Sphinx,
    what: str,
    name: str,
    found: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str] | None:
    """Write signatures for readers.

    Types are those of the source, and only where the docstring is too short to list the parameters. The defaults of
    settings inside settings are their own.
    """
    listed = "Parameters\n---" in (inspect.getdoc(found) or "")
    if what not in ("function", "method") and not (
        what == "class" and hasattr(found, "model_fields")
    ):
        return None
    if what != "class" and listed:
        return None
    try:
        stated = inspect.signature(found)
    except (TypeError, ValueError):
        return None
    parameters = [
        _readable(parameter, keep_type=what != "class")
        for parameter in stated.parameters.values()
    ]
    if what == "method" and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    shown = stringify_signature(
        stated.replace(parameters=parameters), unqualified_typehints=True
    )
    arguments, _, result = (
        shown.rpartition(" -> ") if " -> " in shown else (shown, "", "")
    )
    return arguments, "" if result == "None" else result


def _readable(parameter: inspect.Parameter, *, keep_type: bool) -> inspect.Parameter:
    default = parameter.default
    if hasattr(type(default), "model_fields"):
        default = _Shown(f"{type(default).__name__}()")
    elif isinstance(default, Enum):
        default = _Shown(repr(default.value))
    return parameter.replace(
        default=default,
        annotation=parameter.annotation if keep_type else parameter.empty,
    )


def show_data(
    app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]
) -> None:
    """Describe data by the string below its definition, which may be in another module than the one it is shown in.

    Left alone, Sphinx shows the docstring of the data's type.
    """
    if what != "data":
        return
    module, _, own = name.rpartition(".")
    described = _string_below(import_module(module), own)
    if described is None:
        logger.warning("%s has no string below its definition", name)
    lines[:] = described or []


def _string_below(module: ModuleType, name: str) -> list[str] | None:
    described = (
        ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", name))
    )
    if described is not None:
        return described
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ImportFrom) and any(
            (alias.asname or alias.name) == name for alias in node.names
        ):
            package = (
                module.__name__ if hasattr(module, "__path__") else module.__package__
            )
            return _string_below(
                import_module("." * node.level + (node.module or ""), package), name
            )
    return None


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Node | None:
    """Find what a name in the reference means, if it is public."""
    in_signature = node.get("reftype") == "class" and node["refdoc"].startswith(
        REFERENCE
    )
    if node.get("refdomain") != "py" or not (
        in_signature or node.get("reftype") == "obj"
    ):
        return None
    target = node["reftarget"]
    documented = env.domains.python_domain.objects
    names = [f"fedss_opt.{target}"]
    if "." in target or target[:1].isupper():
        names += [name for name in documented if name.endswith(f".{target}")]
    for name in names:
        if name in documented:
            entry = documented[name]
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, content, name
            )
    return content


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to signatures, to data, and to what Sphinx could not resolve."""
    app.connect("autodoc-process-signature", show_signature)
    app.connect("autodoc-process-docstring", show_data)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
