"""MathJax from files of the site itself, so that formulas show without a network.

The package ``sphinx-mathjax-offline`` brings MathJax 3 whole. Copied are the script for TeX and its fonts, 2 of 24 MB.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FILES = ("tex-chtml.js", "output/chtml/fonts/woff-v2")


def copy_files(app: Sphinx, failure: Exception | None) -> None:
    """Copy the script and the fonts into the finished site."""
    if failure is not None or app.builder.format != "html":
        return
    found = find_spec("sphinx-mathjax-offline")
    if found is None or found.origin is None:
        raise ExtensionError(
            "mathematics needs MathJax; install it with: pip install sphinx-mathjax-offline"
        )
    source = Path(found.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copy(source / name, target / name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Point Sphinx to the copied script."""
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
