"""Links that leave ``docs/``, so that a page works on a code host and on the site alike.

Some files of the repository are pages of the site too: links to them lead to those pages. Links to other files become
downloads, which is MyST's own doing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

PAGES = (
    (r"CONTRIBUTING\.md", "developer/contributing.md"),
    (r"CHANGELOG\.md", "changelog.md"),
    (r"README\.md", "index.md"),
    (r"examples/gallery/(plot_\w+)\.py", r"gallery/\1.rst"),
    (r"examples/gallery/?", "gallery/index.rst"),
)
_LINK = re.compile(r"\]\((?:\.\./)+([^)#\s]+)(#[^)]*)?\)")


def to_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Point a page's links to files of the repository at their pages."""
    folder = Path(docname).parent

    def page(match: re.Match[str]) -> str:
        for pattern, target in PAGES:
            if found := re.fullmatch(pattern, match[1]):
                return f"]({os.path.relpath(found.expand(target), folder)}{match[2] or ''})"
        return match[0]

    source[0] = _LINK.sub(page, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of sources."""
    app.connect("source-read", to_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
