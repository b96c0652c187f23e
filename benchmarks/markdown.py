"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right_from: int | None = None) -> str:
    """Write a table; columns from `right_from` on stand to the right.

    Examples
    --------
    >>> print(table(["a", "b"], [["x", "1"]], right_from=1))
    | a | b |
    |---|---:|
    | x | 1 |
    """
    left = len(head) if right_from is None else right_from
    rule = "|" + "---|" * left + "---:|" * (len(head) - left)
    return "\n".join([_row(head), rule, *(_row(row) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    # A number and its per cent sign stay on one line.
    return "| " + " | ".join(cell.replace("|", "\\|").replace(" %", "\N{NO-BREAK SPACE}%") for cell in cells) + " |"
