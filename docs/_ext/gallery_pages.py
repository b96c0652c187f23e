"""The gallery: the order of its examples, and their pages, which show the figure before the code that draws it."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_gallery.directives import imgsgnode

# From the answer to what limits it, and on to learning; what is not named comes last.
ORDER = (
    "one_round",
    "bandwidth_and_channel",
    "price_of_learning",
    "bounds_closing_in",
    "gap_and_clients",
    "screening",
    "admm_residuals",
    "resource_blocks",
    "energy_budgets",
    "fairness",
    "relevance_quantised",
    "masks",
    "accuracy_and_time",
    "accuracy_and_bits",
)


class ReadingOrder:
    """Sphinx-Gallery's sorting key of a folder's examples."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, filename: str) -> tuple[int, str]:
        """Return the place of a script."""
        name = filename.removeprefix("plot_").removesuffix(".py")
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def figure_first(app: Sphinx, tree: nodes.document) -> None:
    """Move the last figure of an example before its first block of code."""
    if not app.env.docname.startswith("gallery/plot_"):
        return
    figures, blocks = (
        list(tree.findall(imgsgnode)),
        list(tree.findall(nodes.literal_block)),
    )
    if not figures or not blocks:
        return
    figure, first = figures[-1], blocks[0]
    while isinstance(
        first.parent, nodes.container
    ):  # what a block of code may be wrapped in
        first = first.parent
    figure.parent.remove(figure)
    first.parent.insert(first.parent.index(first), figure)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to pages that have been read."""
    app.connect("doctree-read", figure_first)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
