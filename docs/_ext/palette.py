"""The directive ``palette``: the colours of `fedss_opt.looks`, to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from fedss_opt import looks


class PaletteDirective(SphinxDirective):
    """Lines of ``NAME: what it stands for`` become a table with the colours themselves."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(looks.__file__)
        rows = ["| name | colour | stands for |", "|---|---|---|"]
        for line in self.content:
            name, _, meaning = line.partition(":")
            if name not in looks.__all__:
                raise self.error(
                    f"fedss_opt.looks has no {name!r}: must be one of {', '.join(looks.__all__)}"
                )
            rows.append(
                f"| `{name}` | {_swatches(getattr(looks, name))} | {meaning.strip()} |"
            )
        return self.parse_text_to_nodes("\n".join(rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("palette", PaletteDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _swatches(value: str | tuple[str, ...] | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return _swatch(value, f"<code>{value}</code>")
    if isinstance(value, Mapping):
        return " ".join(_swatch(color, escape(name)) for name, color in value.items())
    return " ".join(_swatch(color, f"<code>{color}</code>") for color in value)


def _swatch(color: str, label: str) -> str:
    return (
        f'<span class="swatch"><span style="background: {color}"></span>{label}</span>'
    )
