"""What theme and Sphinx leave undone for readers who do not see the page, found with axe.

Headings of the sidebar get a level. Signatures that take several lines are definition lists without terms, as Sphinx
writes them, and a screen reader would announce those; here their lines are lines (``.sig-line`` in ``site.css``).
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_LINE = r'<dd>(<em class="sig-(?:(?!</?d[dl]>).)*)</dd>\s*'
_LINES = re.compile(rf"<dl>\s*((?:{_LINE})+)</dl>", re.DOTALL)


def as_lines(match: re.Match[str]) -> str:
    """Return a signature's list as lines."""
    return re.sub(_LINE, r'<span class="sig-line">\1</span>', match[1], flags=re.DOTALL)


def mend(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Mend a page before it is written."""
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
            'role="heading"', 'role="heading" aria-level="2"'
        )
    if "body" in context:
        context["body"] = _LINES.sub(as_lines, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect after the theme, which makes the sidebar."""
    app.connect("html-page-context", mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
