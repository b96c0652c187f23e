"""What figures have in common (extra ``plot``): no display, no global state, one look, files that are whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from .atomic_files import write_atomically
from .extras import needs_extra
from .looks import FAINT, INK

with needs_extra("a figure", "plot", "matplotlib"):
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

__all__ = ["headline", "name", "new_figure", "picture", "save_figure", "tidy"]

# Whatever says when or by which version a file was written is left out: the same figure is the same bytes.
_NO_DATES = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None, "Producer": None}}


def new_figure(width: float, height: float, *, constrained: bool = True) -> Figure:
    """Return an empty figure of some inches that belongs to no window and to no list of open figures."""
    figure = Figure(figsize=(width, height), layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def picture(figure: Figure, kind: str = "png", *, dpi: float = 150.0, tight: bool = False) -> bytes:
    """Return a figure as a file's bytes, the same ones whenever it is drawn the same."""
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "fedss_opt"}):
        figure.savefig(
            stream, format=kind, dpi=dpi, bbox_inches="tight" if tight else None, metadata=_NO_DATES.get(kind)
        )
    return stream.getvalue()


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as its name's ending says, completely or not at all, and return the path."""
    write_atomically(path, picture(figure, path.suffix.lower().removeprefix(".")))
    return path


def tidy(axes: Any, *, grid: Literal["both", "x", "y", "none"] = "both") -> None:
    """Take from a panel what carries nothing: two of its edges, and the weight of the grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=False)
    if grid != "none":
        axes.grid(visible=True, axis=grid, which="major", color=FAINT, linewidth=0.8, alpha=1.0)
    axes.set_axisbelow(True)


def headline(axes: Any, text: str, *, size: float = 11.0) -> None:
    """Put what a panel says above it, to the left, where reading begins."""
    axes.set_title(text, loc="left", fontsize=size, color=INK)


def name(
    axes: Any,
    text: str,
    at: tuple[float, float],
    color: str,
    *,
    shift: tuple[float, float] = (7.0, 0.0),
    align: Literal["left", "center", "right"] = "left",
    size: float = 10.0,
) -> Any:
    """Write a thing's name beside it in its colour, which is read faster than a legend; `shift` is in points."""
    return axes.annotate(
        text,
        at,
        xytext=shift,
        textcoords="offset points",
        ha=align,
        va="center",
        color=color,
        fontsize=size,
        annotation_clip=False,
    )
