"""The house of docs/developer/architecture.md stands: a module imports from the rows below its own only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import fedss_opt

PACKAGE = Path(fedss_opt.__file__).parent
PAGE = PACKAGE.parent / "docs" / "developer" / "architecture.md"


def rows() -> dict[str, int]:
    """Return the row of every module and subpackage in the drawing, counted from above."""
    drawing = PAGE.read_text().split("```text\n")[1].split("```")[0]
    found = {}
    for row, line in enumerate(drawing.splitlines()):
        for cell in re.split(r" {2,}", line.strip()):
            if re.fullmatch(r"\w+", cell):
                found[cell] = row
    return found


def imports(node: ast.AST) -> Iterator[ast.ImportFrom]:
    """Yield the imports that run when a module is loaded: neither in functions nor for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(child)


def arrows() -> Iterator[tuple[str, str, str]]:
    """Yield which part of the package imports from which other, and where."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.name == "__init__.py" and len(place.parts) == 1:
            continue
        part = place.parts[0].removesuffix(".py")
        for found in imports(ast.parse(path.read_text())):
            if found.level != len(place.parts):  # from inside the part
                continue
            for name in [found.module.split(".")[0]] if found.module else [alias.name for alias in found.names]:
                if name != part and ((PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()):
                    yield part, name, f"{place}:{found.lineno}"


def test_every_part_has_its_place_in_the_drawing() -> None:
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert set(rows()) == {part for part in parts if not part.startswith("_")}


def test_imports_go_down() -> None:
    row = rows()
    assert [arrow for arrow in arrows() if row[arrow[1]] <= row[arrow[0]]] == []
