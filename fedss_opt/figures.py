"""What figures have in common (extra ``plot``): no display, no global state, one look, files that are whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from .atomic_files import write_atomically
from .exceptions import MissingDependencyError
from .looks import FAINT, INK

try:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError:
    raise MissingDependencyError('figures need matplotlib; install it with: pip install "fedss-opt[plot]"') from None

__all__ = ["headline", "name", "new_figure", "picture", "save_figure", "tidy"]

# Whatever says when or by which version a file was written is left out: the same figure is the same bytes.
_NO_DATES = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None, "Producer": None}}


def new_figure(width: float, height: float, *, constrained: bool = True) -> Figure:
    """Return an empty figure that belongs to no window and to no list of open figures.

    Parameters
    ----------
    width, height : float
        Size, inches.
    constrained : bool
        Whether matplotlib arranges the panels; else the caller does.

    Examples
    --------
    >>> axes = new_figure(4.0, 3.0).subplots()
    """
    figure = Figure(figsize=(width, height), layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def picture(figure: Figure, kind: str = "png", *, dpi: float = 150.0, tight: bool = False) -> bytes:
    """Return a figure as a file's bytes, the same ones whenever it is drawn the same.

    Parameters
    ----------
    figure : Figure
        What was drawn.
    kind : {"png", "svg", "pdf"}
        Format.
    dpi : float
        Pixels an inch.
    tight : bool
        Cut to what is drawn, or grow to it.

    Examples
    --------
    >>> figure = new_figure(2.0, 1.0)
    >>> picture(figure) == picture(figure)
    True
    """
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
    """Take from a panel what carries nothing: two of its edges, and the weight of the grid.

    Parameters
    ----------
    axes : Axes
        The panel.
    grid : {"both", "x", "y", "none"}
        Across which axes lines are drawn.
    """
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
    """Write a thing's name beside it in its colour, which is read faster than a legend.

    Parameters
    ----------
    axes : Axes
        The panel.
    text : str
        The name.
    at : (float, float)
        What is named, in data.
    color : str
        Its colour.
    shift : (float, float)
        From there to the text, in points of type.
    align : {"left", "center", "right"}
        Which edge of the text is there.
    size : float
        Size of the type, points.

    Returns
    -------
    Annotation
        The text.
    """
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
