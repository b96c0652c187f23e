"""Pages of the gallery show their figure first, below the question that it answers, and then the code that draws it."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_gallery.directives import imgsgnode


def figure_first(app: Sphinx, tree: nodes.document) -> None:
    """Move the last figure of an example before its first block of code."""
    if not app.env.docname.startswith("gallery/plot_"):
        return
    figures, blocks = list(tree.findall(imgsgnode)), list(tree.findall(nodes.literal_block))
    if not figures or not blocks:
        return
    figure, first = figures[-1], blocks[0]
    while isinstance(first.parent, nodes.container):  # what a block of code may be wrapped in
        first = first.parent
    figure.parent.remove(figure)
    first.parent.insert(first.parent.index(first), figure)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to pages that have been read."""
    app.connect("doctree-read", figure_first)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
