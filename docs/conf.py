"""How Sphinx makes the site: ``make docs``.

No build needs a network: mathematics is set by files that are copied into the site, and links into other projects'
documentation are made only with ``FEDSS_DOCS_ONLINE=1``.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpydoc.xref
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import fedss_opt
from fedss_opt import looks

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "fedss_opt"
author = "The fedss_opt developers"
version = release = fedss_opt.__version__
ONLINE = bool(os.environ.get("FEDSS_DOCS_ONLINE"))

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx.ext.mathjax",
    "accessibility",
    "command_line",
    "document_schemas",
    "gallery_pages",
    "offline_mathematics",
    "palette",
    "public_names",
    "repository_links",
]
exclude_patterns = [
    "_build",
    "_ext",
    "_templates",
    "gallery/**/*.md5",
    "gallery/**/*.ipynb",
    "gallery/**/*.py",
]
templates_path = ["_templates"]
nitpicky = True

# Pages -----------------------------------------------------------------------------------------------------------

myst_enable_extensions = [
    "amsmath",
    "attrs_block",
    "attrs_inline",
    "colon_fence",
    "deflist",
    "dollarmath",
]
myst_heading_anchors = 4
# What is written is what is shown: no dash or quote that a reader would copy into a terminal.
smartquotes = False
# A dollar beside a digit is money or a shell's prompt, never the end of a formula.
myst_dmath_allow_digits = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

# Reference -------------------------------------------------------------------------------------------------------

# `Name` in a docstring is a link where the name is documented, and plain code where it is not.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_mock_imports = [name for name in ("flwr", "nvflare") if find_spec(name) is None]
numpydoc_show_class_members = False
# Of the words in "status : Status or None" the package's names are links, and nothing else.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    name: f"{module}.{name}"
    for module in (
        *(
            f"fedss_opt.simulation.{part}"
            for part in (
                "client_devices",
                "data",
                "models",
                "radio_cell",
                "training",
                "uplink",
            )
        ),
        "fedss_opt.simulation.algorithms",
        "fedss_opt.simulation.engine",
        "fedss_opt.simulation",
        "fedss_opt.sharing",
        "fedss_opt.rounds",
        "fedss_opt",
    )
    for name in import_module(module).__all__
    if name[:1].isupper()
}
if not ONLINE:
    numpydoc.xref.DEFAULT_LINKS.clear()  # words such as array_like, which lead to other sites
add_module_names = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

# Gallery ---------------------------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": [str(HERE.parent / "examples" / "gallery")],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"[/\\]plot_",
    "within_subsection_order": "gallery_pages.ReadingOrder",
    "reference_url": {"fedss_opt": None},
    "backreferences_dir": "gallery/uses",
    "doc_module": ("fedss_opt",),
    "thumbnail_size": (480, 320),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 10_000,
    "parallel": False,
    "abort_on_example_error": True,
}

# Looks -----------------------------------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"fedss_opt {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "_static/mark.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "light_logo": "mark.svg",
    "dark_logo": "mark.svg",
    "light_css_variables": {
        "color-brand-primary": looks.BLUE,
        "color-brand-content": looks.BLUE,
        "color-brand-visited": looks.BLUE,
    },
    "dark_css_variables": {
        "color-brand-primary": looks.SKY,
        "color-brand-content": looks.SKY,
        "color-brand-visited": looks.SKY,
    },
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

# Other sites -----------------------------------------------------------------------------------------------------

if ONLINE:
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
    }

# Addresses in examples, and sites that turn robots away.
linkcheck_ignore = [
    r"https?://(localhost|127\.0\.0\.1)",
    r"https://doi\.org/",
    r"https://ieeexplore\.ieee\.org/",
]
linkcheck_timeout = 20


def setup(app: Sphinx) -> None:
    """Show tables of comma-separated values as they are: Pygments knows no ``csv``."""
    app.add_lexer("csv", TextLexer)
